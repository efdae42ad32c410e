/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See root_rule.h. What is not fixed here passes: the root's own functions are its own. Nothing is remembered: what a
 * register is follows from what the hardware says, and what that rests on (kinds, numbers of buses) is fixed itself.
 */
#include "hv/device/root_rule.h"

#include "hv/device/device.h"
#include "hv/device/pci.h"

enum {
    VENDOR_INTEL = 0x8086, CLASS_HOST_BRIDGE = 0x0600, CLASS_ISA_BRIDGE = 0x0601, CLASS_SYSTEM = 0x0880,
    ISA_MEMORY_WINDOW = 0x98, ISA_REGISTERS = 0xf0,     /* of Intel's: LGMR, RCBA */
    BUS_NUMBERS = 0xffffff,
    PCIE_CONTROL = 8, PHANTOM_FUNCTIONS = 1 << 9,
    ACS_CONTROL = 4, ACS_KEEP = 0x1f << 16, ACS_NEVER = 0x60 << 16,
    SRIOV_CONTROL = 8, SRIOV_ENABLE = 1, SRIOV_MEMORY = 8, SRIOV_ARI = 0x10,
    SRIOV_COUNT = 0x10, SRIOV_PLACES = 0x14, SRIOV_BARS = 0x24,
    BARS_ALL = 6, BARS_OF_BRIDGE = 2,
};
#define ALL (~0u)

/* As a part of a double word. */
struct write {
    u16 source_id;
    u32 offset, size;
    u32 reg, lanes, value;
};

/* What the root may change in a bridge above another's function: nothing that the path to that rests on. */
static const struct passing {
    u32 capability;                 /* 0: the header */
    u8 first, last;
    u32 bits;
} above_rules[] = {
    {0, PCI_COMMAND, PCI_COMMAND, 0xffff0000},          /* status */
    {0, 0x1c, 0x1c, 0xffff0000},                        /* secondary status */
    {0, PCI_INTERRUPT, PCI_INTERRUPT, 0xff},            /* interrupt line */
    {PCI_CAP_PM, 4, 4, 0x8100},                         /* PME */
    {PCI_CAP_MSI, 0, 0xc, ALL},                         /* its own messages, remapped as all of the root's */
    {PCI_CAP_MSIX, 0, 0, ALL},
    {PCI_CAP_PCIE, 8, 8, 0xffff000f},                   /* device status, which errors are told */
    {PCI_CAP_PCIE, 0x10, 0x10, 0xffff0c00},             /* link status, its interrupts */
    {PCI_CAP_PCIE, 0x18, 0x18, 0xffff103f},             /* slot status, its interrupts */
    {PCI_CAP_PCIE, 0x1c, 0x20, ALL},                    /* root control and status */
    {PCI_EXT_AER, 4, 0x34, ALL},
};

static bool is_given(u16 source_id)
{
    const struct device *d;
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        if (d->function->source_id == source_id) {
            return true;
        }
    }
    return false;
}

/* [base, last] has a byte of another partition's BAR. */
static bool is_over(u64 base, u64 last)
{
    const struct device *d;
    for (u32 i = 0; base <= last && (d = device_get(i)) != NULL; i++) {
        for (u32 n = 0; n < HANDOVER_BARS; n++) {
            const struct handover_bar *b = &d->function->bars[n];
            if (b->size != 0 && !b->port && base <= b->base + (b->size - 1) && b->base <= last) {
                return true;
            }
        }
    }
    return false;
}

/* `fixed` stays what it is. None of its bits is cleared by a one. */
static bool store(const struct write *w, u32 fixed)
{
    u32 value = w->value;
    u32 kept = 0;
    if ((w->lanes & fixed) != 0) {
        u32 old = pci_read(w->source_id, w->reg, 4);
        kept = (value ^ old) & w->lanes & fixed;
        value = (value & ~fixed) | (old & fixed);
    }
    if ((w->lanes & ~fixed) != 0) {
        pci_write(w->source_id, w->offset, w->size, value >> (w->offset & 3) * 8);
    }
    return kept == 0;
}

/* --- where memory is decoded --- */

/* Of a BAR while it decodes nothing: its place, and whether that is another's. Some devices have more after it. */
static bool bar_is_over(u16 sid, u32 reg, u32 copies, u32 *next)
{
    u32 low = pci_read(sid, reg, 4);
    u32 high = 0;
    bool wide = (low & (PCI_BAR_PORT | PCI_BAR_WIDE)) == PCI_BAR_WIDE;
    *next = reg + (wide ? 8 : 4);
    if ((low & PCI_BAR_PORT) != 0) {
        return false;
    }
    pci_write(sid, reg, 4, ALL);
    u64 mask = pci_read(sid, reg, 4) & ~0xfu;
    pci_write(sid, reg, 4, low);
    if (wide) {
        high = pci_read(sid, reg + 4, 4);
        pci_write(sid, reg + 4, 4, ALL);
        mask |= (u64)pci_read(sid, reg + 4, 4) << 32;
        pci_write(sid, reg + 4, 4, high);
    } else {
        mask |= mask != 0 ? ~0ull << 32 : 0;
    }
    u64 base = ((u64)high << 32 | low) & mask;
    u64 size = -mask * copies;
    return size != 0 && is_over(base, base + size - 1);
}

static bool rom_is_over(u16 sid, u32 reg)
{
    u32 low = pci_read(sid, reg, 4);
    if ((low & PCI_ROM_ON) == 0) {
        return false;
    }
    pci_write(sid, reg, 4, ~0x7ffu);
    u32 mask = pci_read(sid, reg, 4) & ~0x7ffu;
    pci_write(sid, reg, 4, low);
    return mask != 0 && is_over(low & mask, (low & mask) + (u64)(u32)-mask - 1);
}

static bool bars_are_over(u16 sid, u32 reg, u32 count, u32 copies)
{
    bool over = false;
    for (u32 end = reg + 4 * count; reg < end;) {
        over |= bar_is_over(sid, reg, copies, &reg);
    }
    return over;
}

static bool function_is_over(u16 sid, u32 type)
{
    u32 count = type == 0 ? BARS_ALL : type == PCI_TYPE_BRIDGE ? BARS_OF_BRIDGE : 1;
    bool over = bars_are_over(sid, PCI_BARS, count, 1);
    return over | (type != PCI_TYPE_CARDBUS && rom_is_over(sid, type == 0 ? PCI_ROM : PCI_BRIDGE_ROM));
}

static u32 after(const struct write *w, u32 reg)
{
    u32 value = pci_read(w->source_id, reg, 4);
    return reg == w->reg ? (value & ~w->lanes) | (w->value & w->lanes) : value;
}

/* Of a bridge, as they are after the write. */
static bool windows_are_over(const struct write *w)
{
    u32 plain = after(w, PCI_WINDOW);
    u32 prefetch = after(w, PCI_WINDOW_PREFETCH);
    u64 base = (prefetch & 0xfff0) << 16;
    u64 last = (prefetch & 0xfff00000) | 0xfffff;
    if ((prefetch & 1) != 0) {
        base |= (u64)after(w, PCI_WINDOW_BASE_HIGH) << 32;
        last |= (u64)after(w, PCI_WINDOW_LIMIT_HIGH) << 32;
    }
    return is_over((plain & 0xfff0) << 16, (plain & 0xfff00000) | 0xfffff) || is_over(base, last);
}

/* --- the header --- */

static bool write_command(const struct write *w, u32 type)
{
    bool on = (w->value & w->lanes & PCI_COMMAND_MEMORY) != 0 &&
              (pci_read(w->source_id, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) == 0;
    bool over = on && (function_is_over(w->source_id, type) || (type == PCI_TYPE_BRIDGE && windows_are_over(w)));
    return store(w, over ? PCI_COMMAND_MEMORY : 0);
}

/* A function that decodes memory stops while its new place is looked at: whoever moves it does not use it. */
static bool write_bar(const struct write *w, u32 type)
{
    u16 sid = w->source_id;
    u32 command = pci_read(sid, PCI_COMMAND, 2);
    if ((command & PCI_COMMAND_MEMORY) == 0) {
        return store(w, 0);
    }
    u32 old = pci_read(sid, w->reg, 4);
    pci_write(sid, PCI_COMMAND, 2, command & ~(u32)PCI_COMMAND_MEMORY);
    bool over = store(w, 0) && function_is_over(sid, type);
    if (over) {
        pci_write(sid, w->reg, 4, old);
    }
    pci_write(sid, PCI_COMMAND, 2, command);
    return !over;
}

static bool write_window(const struct write *w)
{
    bool on = (pci_read(w->source_id, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) != 0;
    return store(w, on && windows_are_over(w) ? ALL : 0);
}

static bool is_bar(u32 reg, u32 type)
{
    u32 count = type == 0 ? BARS_ALL : type == PCI_TYPE_BRIDGE ? BARS_OF_BRIDGE : 1;
    return (reg >= PCI_BARS && reg < PCI_BARS + 4 * count) ||
           (type != PCI_TYPE_CARDBUS && reg == (type == 0 ? PCI_ROM : PCI_BRIDGE_ROM));
}

static bool write_header(const struct write *w, u32 type)
{
    if (w->reg == PCI_COMMAND) {
        return write_command(w, type);
    }
    if (is_bar(w->reg, type)) {
        return write_bar(w, type);
    }
    if (type != 0 && w->reg == PCI_BUSES) {
        return store(w, BUS_NUMBERS);
    }
    if (type == PCI_TYPE_CARDBUS && w->reg > PCI_BUSES && w->reg <= PCI_WINDOW_LIMIT_HIGH) {
        return store(w, ALL);
    }
    if (type == PCI_TYPE_BRIDGE && w->reg >= PCI_WINDOW && w->reg <= PCI_WINDOW_LIMIT_HIGH) {
        return write_window(w);
    }
    return store(w, 0);
}

/* --- capabilities --- */

/* One of the virtual functions that there would be has the source-id of another's function, or none. */
static bool takes_source(u16 sid, u32 at)
{
    u32 number = pci_read(sid, at + SRIOV_COUNT, 2);
    u32 places = pci_read(sid, at + SRIOV_PLACES, 4);
    u32 first = sid + (places & 0xffff);
    u32 stride = places >> 16;
    const struct device *d;
    if (number != 0 && first + (u64)stride * (number - 1) > 0xffff) {
        return true;
    }
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        u32 distance = d->function->source_id - first;
        bool met = stride == 0 ? distance == 0 : distance % stride == 0 && distance / stride < number;
        if (d->function->source_id >= first && number != 0 && met) {
            return true;
        }
    }
    return false;
}

/* While there are virtual functions, what says how many they are and where is fixed, as the hardware should have it. */
static bool write_sriov(const struct write *w, u32 at)
{
    u16 sid = w->source_id;
    u32 old = pci_read(sid, at + SRIOV_CONTROL, 2);
    bool busy = (old & (SRIOV_ENABLE | SRIOV_MEMORY)) != 0;
    if (w->reg != at + SRIOV_CONTROL) {
        return store(w, busy ? ALL : 0);
    }
    u32 turned_on = w->value & w->lanes & ~old;
    u32 fixed = ((old | turned_on) & SRIOV_ENABLE) != 0 ? SRIOV_ARI : 0;    /* by it they may have other places */
    if ((turned_on & SRIOV_ENABLE) != 0 && takes_source(sid, at)) {
        fixed |= SRIOV_ENABLE;
    }
    /* The size of theirs can be asked for only before there is one. */
    if ((turned_on & SRIOV_MEMORY) != 0 &&
        ((old & SRIOV_ENABLE) != 0 ||
         bars_are_over(sid, at + SRIOV_BARS, BARS_ALL, pci_read(sid, at + SRIOV_COUNT, 2)))) {
        fixed |= SRIOV_MEMORY;
    }
    return store(w, fixed);
}

static bool write_capability(const struct write *w, u32 type)
{
    u16 sid = w->source_id;
    u32 at;
    switch (pci_capability_at(sid, w->reg, &at)) {
    case PCI_CAP_PCIE:
        return store(w, w->reg == at + PCIE_CONTROL ? PHANTOM_FUNCTIONS : 0);
    case PCI_EXT_ACS: {
        u32 old = pci_read(sid, w->reg, 4);
        return store(w, w->reg == at + ACS_CONTROL ? (old & ACS_KEEP) | (~old & ACS_NEVER) : 0);
    }
    case PCI_EXT_SRIOV:
        return write_sriov(w, at);
    case PCI_EXT_RESIZE:
        return store(w, pci_read(sid, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY ? ALL : 0);
    case PCI_CAP_EA:
    case PCI_CAP_FLATTENING:
    case PCI_EXT_MULTICAST:
    case PCI_EXT_RESIZE_VF:
        return store(w, ALL);
    case PCI_EXT_DESIGNATED: /* of a port, CXL's has more windows and numbers of buses */
        return store(w, type != 0 ? ALL : 0);
    default:
        return store(w, 0);
    }
}

/* --- what a function is --- */

/*
 * Where memory, the windows of configuration space and the registers of remapping units are: host bridges, and Intel's
 * memory map as a device of its own, which has no BAR, as accelerators of the same class have.
 */
static bool is_chipset(const struct write *w)
{
    u32 class = pci_read(w->source_id, PCI_CLASS, 4) >> 16;
    if (class == CLASS_HOST_BRIDGE) {
        return true;
    }
    bool isa = class == CLASS_ISA_BRIDGE && (w->reg == ISA_MEMORY_WINDOW || w->reg == ISA_REGISTERS);
    bool map = class == CLASS_SYSTEM && pci_read(w->source_id, PCI_BARS, 4) == 0;
    return (isa || map) && pci_read(w->source_id, 0, 2) == VENDOR_INTEL;
}

/* A bridge whose other side has a function of another's: its numbers of buses are fixed. */
static bool is_above(u16 sid)
{
    u32 buses = pci_read(sid, PCI_BUSES, 4);
    const struct device *d;
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        u32 bus = d->function->source_id >> 8;
        if (bus != 0 && bus >= (buses >> 8 & 0xff) && bus <= (buses >> 16 & 0xff)) {
            return true;
        }
    }
    return false;
}

static bool write_above(const struct write *w)
{
    u32 at = 0;
    u32 capability = w->reg >= PCI_OWN ? pci_capability_at(w->source_id, w->reg, &at) : 0;
    u32 passes = 0;
    for (u32 i = 0; i < ARRAY_LEN(above_rules); i++) {
        const struct passing *r = &above_rules[i];
        bool is = r->capability == capability && w->reg - at >= r->first && w->reg - at <= r->last;
        passes |= is ? r->bits : 0;
    }
    return store(w, ~passes);
}

u32 root_rule_read(u16 source_id, u32 offset, u32 size)
{
    return is_given(source_id) ? (u32)bits_of_bytes(size) : pci_read(source_id, offset, size);
}

bool root_rule_write(u16 source_id, u32 offset, u32 size, u32 value)
{
    u32 shift = (offset & 3) * 8;
    const struct write w = {source_id, offset, size, offset & ~3u, (u32)bits_of_bytes(size) << shift, value << shift};
    if (is_given(source_id)) {
        return false;
    }
    u32 type = pci_read(source_id, PCI_HEADER, 4) >> 16 & 0x7f;
    if (is_chipset(&w) || type > PCI_TYPE_CARDBUS) {
        return store(&w, ALL);
    }
    if (type != 0 && is_above(source_id)) {
        return write_above(&w);
    }
    return w.reg < PCI_OWN ? write_header(&w, type) : write_capability(&w, type);
}
