/* SPDX-License-Identifier: BSD-2-Clause */
/* See own_rule.h. */
#include "hv/device/own_rule.h"

#include "hv/device/msi.h"
#include "hv/device/pci.h"

enum {
    PIN_AND_LINE = 0xffff,
    PM_CONTROL = 4, PM_STATE = 3,
    MSI_BYTES = 10, MSI_WIDE_BYTES = 4, MSI_MASKS_BYTES = 10,
    PCIE_DEVICE = 4, PCIE_FLR = 1 << 28, AF_FLR = 1 << 25,
    NEXT = 0xfff00000,              /* of the header of an extended capability */
};
#define ALL (~0u)

/* What reaches the hardware; all else is read-only. */
static const struct passing {
    u32 capability;                 /* 0: the header */
    u32 at;
    u32 bits, clears;               /* written; cleared by a one */
} passing[] = {
    {0, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0xf9000000},  /* and the status of errors */
    {PCI_CAP_MSIX, 0, 0xc0000000, 0},                   /* on, and all masked */
    {PCI_CAP_PCIE, 8, 0x7810, 0x000f0000},              /* relaxed order, no snoop, size of reads; device status */
    {PCI_EXT_AER, 4, 0, ALL},                           /* which errors there were */
    {PCI_EXT_AER, 0x10, 0, ALL},
};

/* Not there: what takes other source-ids or addresses, is about others, or is nobody knows what. */
static const u8 hidden[] = {
    PCI_EXT_VENDOR & 0xff, PCI_EXT_ACS & 0xff, PCI_EXT_ARI & 0xff, PCI_EXT_ATS & 0xff, PCI_EXT_SRIOV & 0xff,
    PCI_EXT_MULTICAST & 0xff, PCI_EXT_PRI & 0xff, PCI_EXT_RESIZE & 0xff, PCI_EXT_PASID & 0xff,
    PCI_EXT_DESIGNATED & 0xff, PCI_EXT_RESIZE_VF & 0xff,
};

static bool is_hidden(u32 capability)
{
    bool is = false;
    for (u32 i = 0; i < ARRAY_LEN(hidden); i++) {
        is |= capability == (PCI_EXT | hidden[i]);
    }
    return is;
}

static bool is_msi(const struct handover_function *f, u32 offset)
{
    u32 end = f->msi + MSI_BYTES + (f->msi_wide ? MSI_WIDE_BYTES : 0u) + (f->msi_masks ? MSI_MASKS_BYTES : 0u);
    return f->msi != 0 && offset >= f->msi && offset < end;
}

static bool is_power(const struct handover_function *f, u32 reg)
{
    return f->power != 0 && reg == (u32)f->power + PM_CONTROL;
}

/* A BAR whose size was asked for has the mask of its address bits, until anything else is written to it. */
static u32 read_bar(const struct device *d, u32 i)
{
    const struct handover_bar *bar = &d->function->bars[i];
    bool sizing = (d->sizing >> i & 1) != 0;
    if (i != 0 && bar[-1].size != 0 && bar[-1].wide) {
        return (u32)((sizing ? -bar[-1].size : bar[-1].base) >> 32);
    }
    if (bar->size == 0 || bar->port) {
        return 0;
    }
    return (u32)(sizing ? -bar->size : bar->base) | (bar->wide ? PCI_BAR_WIDE : 0) |
           (bar->prefetchable ? PCI_BAR_PREFETCH : 0);
}

static u32 read_capability(const struct device *d, u32 reg, u32 value)
{
    u32 at;
    u32 capability = pci_capability_at(d->function->source_id, reg, &at);
    if (is_hidden(capability)) {
        return reg == at ? value & NEXT : 0;
    }
    if (capability == PCI_CAP_PCIE && reg == at + PCIE_DEVICE) {
        return value & ~(u32)PCIE_FLR;
    }
    if (capability == PCI_CAP_AF && reg == at) {
        return value & ~(u32)AF_FLR;
    }
    return is_power(d->function, reg) ? (value & ~(u32)PM_STATE) | d->power : value;
}

static u32 read_whole(const struct device *d, u32 reg)
{
    u32 value = pci_read(d->function->source_id, reg, 4);
    if (reg >= PCI_BARS && reg < PCI_BARS + 4 * HANDOVER_BARS) {
        return read_bar(d, (reg - PCI_BARS) / 4);
    }
    if (reg == PCI_ROM) {
        return 0;
    }
    if (reg == PCI_INTERRUPT) {
        return value & ~(u32)PIN_AND_LINE;
    }
    return reg >= PCI_OWN ? read_capability(d, reg, value) : value;
}

u32 own_rule_read(const struct device *d, u32 offset, u32 size)
{
    const struct handover_function *f = d->function;
    if (is_msi(f, offset)) {
        return msi_read(d, offset - f->msi, size);
    }
    return read_whole(d, offset & ~3u) >> (offset & 3) * 8 & (u32)bits_of_bytes(size);
}

static bool write_bar(struct device *d, u32 i, u32 size, u32 value)
{
    bool asks = size == 4 && (value | 0xf) == ALL;
    d->sizing = (u8)((d->sizing & ~(1u << i)) | (asks ? 1u << i : 0));
    return asks || value == read_bar(d, i);
}

static bool write_plain(const struct device *d, u32 reg, u32 lanes, u32 value)
{
    u16 sid = d->function->source_id;
    u32 at = 0;
    u32 capability = reg >= PCI_OWN ? pci_capability_at(sid, reg, &at) : 0;
    u32 old = pci_read(sid, reg, 4);
    for (u32 i = 0; i < ARRAY_LEN(passing); i++) {
        const struct passing *p = &passing[i];
        if (p->capability == capability && p->at == reg - at) {
            u32 bits = p->bits & lanes;
            u32 clears = p->clears & lanes;
            pci_write(sid, reg, 4, (old & ~(bits | p->clears)) | (value & (bits | clears)));
            /* The upper half of both is status, and nobody means to write what is read-only there. */
            u32 meant = p->bits != 0 && p->clears != 0 ? 0xffff : ALL;
            return ((old ^ value) & lanes & meant & ~(p->bits | p->clears)) == 0;
        }
    }
    return ((old ^ value) & lanes) == 0;
}

bool own_rule_write(struct device *d, u32 offset, u32 size, u32 value)
{
    const struct handover_function *f = d->function;
    u32 reg = offset & ~3u;
    u32 shift = (offset & 3) * 8;
    if (is_msi(f, offset)) {
        msi_write(d, offset - f->msi, size, value);
        return true;
    }
    if (reg >= PCI_BARS && reg < PCI_BARS + 4 * HANDOVER_BARS) {
        return write_bar(d, (reg - PCI_BARS) / 4, size, value);
    }
    /* The function stays awake: what it would forget asleep, only Nestor could give back. */
    if (is_power(f, reg)) {
        d->power = offset == reg ? value & PM_STATE : d->power;
        return true;
    }
    return write_plain(d, reg, (u32)bits_of_bytes(size) << shift, value << shift);
}
