/* SPDX-License-Identifier: BSD-2-Clause */
/* See function.h. */
#include "boot/function.h"

enum {
    STATUS_CAPABILITIES = 1 << 20,
    CAPABILITIES = 0x34,
    FIRST_CAPABILITY = 0x40,
    MOST_CAPABILITIES = 48,             /* a list that closes on itself ends here */

    LAST_BAR = FUNCTION_BAR + 4 * (HANDOVER_BARS - 1),
    BAR_PORT = 1 << 0,
    BAR_PORT_FLAGS = 3,
    BAR_TYPE = 3 << 1,
    BAR_WIDE = 2 << 1,
    BAR_PREFETCHABLE = 1 << 3,
    BAR_FLAGS = 0xf,

    CAPABILITY_POWER = 0x01,
    POWER_CONTROL = 4,
    POWER_STATE = 3,
    NO_SOFT_RESET = 1 << 3,
    CAPABILITY_MSI = 0x05,
    MSI_WIDE = 1 << 23,
    MSI_MASKS = 1 << 24,
    CAPABILITY_MSIX = 0x11,
    MSIX_ENTRY_BYTES = 16,
    CAPABILITY_AF = 0x13,
    AF_FLR = 1 << 25,
    CAPABILITY_FIXED = 0x14,            /* Enhanced Allocation: BARs that are elsewhere */
    EXPRESS_FLR = 1 << 28,
};

static u32 read(const struct pci_config *c, struct pci_function f, u32 offset)
{
    return c->read(c->ctx, f, offset);
}

u8 function_capability(const struct pci_config *c, struct pci_function f, u8 id)
{
    u32 at = (read(c, f, FUNCTION_COMMAND) & STATUS_CAPABILITIES) != 0 ? read(c, f, CAPABILITIES) & 0xfc : 0;
    for (u32 i = 0; i < MOST_CAPABILITIES && at >= FIRST_CAPABILITY; i++) {
        u32 header = read(c, f, at);
        if ((header & 0xff) == id) {
            return (u8)at;
        }
        at = header >> 8 & 0xfc;
    }
    return 0;
}

u64 function_bar_address(const struct pci_config *c, struct pci_function f, u32 offset)
{
    u32 low = read(c, f, offset);
    if (offset == FUNCTION_ROM) {
        return low & ~0x7ffu;
    }
    bool wide = (low & (BAR_PORT | BAR_TYPE)) == BAR_WIDE;
    u64 high = wide ? read(c, f, offset + 4) : 0;
    return (low & BAR_PORT) != 0 ? 0 : high << 32 | (low & ~(u32)BAR_FLAGS);
}

/* --- base address registers --- */

/* What can be written there; it is put back. */
static u32 writable(const struct pci_config *c, struct pci_function f, u32 offset)
{
    u32 was = read(c, f, offset);
    c->write(c->ctx, f, offset, ~0u);
    u32 bits = read(c, f, offset);
    c->write(c->ctx, f, offset, was);
    return bits;
}

static struct handover_bar read_bar(const struct pci_config *c, struct pci_function f, u32 offset)
{
    u32 low = read(c, f, offset);
    struct handover_bar bar = {.port = (low & BAR_PORT) != 0};
    u64 bits = writable(c, f, offset) & ~(u32)(bar.port ? BAR_PORT_FLAGS : BAR_FLAGS);
    bar.wide = !bar.port && (low & BAR_TYPE) == BAR_WIDE && offset != LAST_BAR;
    bar.prefetchable = !bar.port && (low & BAR_PREFETCHABLE) != 0;
    bits |= bar.wide ? (u64)writable(c, f, offset + 4) << 32 : 0;
    bar.size = bits & (0 - bits);
    bar.base = bar.port ? low & ~(u32)BAR_PORT_FLAGS : function_bar_address(c, f, offset);
    return bar;
}

static void read_bars(const struct pci_config *c, struct pci_function f, struct handover_function *out)
{
    u32 command = read(c, f, FUNCTION_COMMAND) & 0xffff;
    c->write(c->ctx, f, FUNCTION_COMMAND, command & ~(u32)(COMMAND_PORTS | COMMAND_MEMORY));
    for (u32 i = 0; i < HANDOVER_BARS; i++) {
        out->bars[i] = read_bar(c, f, FUNCTION_BAR + i * 4);
        i += out->bars[i].wide ? 1 : 0;
    }
    c->write(c->ctx, f, FUNCTION_COMMAND, command);
}

/* Ports are nobody's to have, and firmware gives a function none when it has run out of them. */
static bool is_unused(const struct handover_bar *bar)
{
    return bar->port && bar->base == 0;
}

static bool is_assigned(const struct handover_bar *bar)
{
    u64 limit = bar->port ? 1 << 16 : bar->wide ? 1ull << 52 : 1ull << 32;
    return bar->base != 0 && bar->base < limit && bar->size <= limit - bar->base;
}

/* --- interrupts and reset --- */

static bool is_within(const struct handover_function *f, u8 bar, u64 offset, u64 bytes)
{
    return bar < HANDOVER_BARS && !f->bars[bar].port && offset < f->bars[bar].size &&
           bytes <= f->bars[bar].size - offset;
}

static const char *read_interrupts(const struct pci_config *c, struct pci_function f, struct handover_function *out)
{
    out->msi = function_capability(c, f, CAPABILITY_MSI);
    out->msix = function_capability(c, f, CAPABILITY_MSIX);
    out->interrupts = out->msi != 0 || out->msix != 0;
    if (out->msi != 0) {
        u32 control = read(c, f, out->msi);
        u32 vectors = control >> 17 & 7;
        out->msi_vectors = (u8)(1 << (vectors > 5 ? 5 : vectors));
        out->msi_wide = (control & MSI_WIDE) != 0;
        out->msi_masks = (control & MSI_MASKS) != 0;
    }
    if (out->msix != 0) {
        u32 table = read(c, f, out->msix + 4u);
        u32 pending = read(c, f, out->msix + 8u);
        out->msix_vectors = (u16)((read(c, f, out->msix) >> 16 & 0x7ff) + 1);
        out->msix_table = table & ~7u;
        out->msix_table_bar = table & 7;
        out->msix_pending = pending & ~7u;
        out->msix_pending_bar = pending & 7;
        if (!is_within(out, out->msix_table_bar, out->msix_table, out->msix_vectors * (u64)MSIX_ENTRY_BYTES) ||
            !is_within(out, out->msix_pending_bar, out->msix_pending, (out->msix_vectors + 63u) / 64 * 8)) {
            return "a function whose MSI-X table is in its BARs";
        }
    }
    return NULL;
}

/* PCI Express 6.6.2; Advanced Capabilities for Conventional PCI; PCI Power Management 1.2 chapter 3.2.4. */
static void read_reset(const struct pci_config *c, struct pci_function f, struct handover_function *out)
{
    out->power = function_capability(c, f, CAPABILITY_POWER);
    out->pcie = function_capability(c, f, CAPABILITY_EXPRESS);
    out->af = function_capability(c, f, CAPABILITY_AF);
    if (out->pcie != 0 && (read(c, f, out->pcie + (u32)EXPRESS_CAPABILITIES) & EXPRESS_FLR) != 0) {
        out->reset = HANDOVER_RESET_FLR;
    } else if (out->af != 0 && (read(c, f, out->af) & AF_FLR) != 0) {
        out->reset = HANDOVER_RESET_AF;
    } else if (out->power != 0 && (read(c, f, out->power + (u32)POWER_CONTROL) & NO_SOFT_RESET) == 0) {
        out->reset = HANDOVER_RESET_D3HOT;
    }
}

/* As before PCI 2.3. Pins are the root's. */
static bool has_pin_that_stays(const struct pci_config *c, struct pci_function f)
{
    u32 command = read(c, f, FUNCTION_COMMAND) & 0xffff;
    c->write(c->ctx, f, FUNCTION_COMMAND, command | COMMAND_NO_INTX);
    bool off = (read(c, f, FUNCTION_COMMAND) & COMMAND_NO_INTX) != 0;
    c->write(c->ctx, f, FUNCTION_COMMAND, command);
    return !off && (read(c, f, FUNCTION_INTERRUPT) >> 8 & 0xff) != 0;
}

const char *function_read(const struct pci_config *config, struct pci_function f, struct handover_function *out)
{
    *out = (struct handover_function){.source_id = function_id(f)};
    if (has_pin_that_stays(config, f)) {
        return "a function whose interrupt pin can be turned off";
    }
    read_bars(config, f, out);
    for (u32 i = 0; i < HANDOVER_BARS; i++) {
        out->bars[i].size = is_unused(&out->bars[i]) ? 0 : out->bars[i].size;
        if (out->bars[i].size != 0 && !is_assigned(&out->bars[i])) {
            return "a function whose BARs the firmware gave addresses";
        }
    }
    if (function_capability(config, f, CAPABILITY_FIXED) != 0) {
        return "a function whose memory is in its BARs (it has Enhanced Allocation)";
    }
    read_reset(config, f, out);
    /* Its power state is not its guest's to change, and it may have forgotten everything when it wakes. */
    if (out->power != 0 && (read(config, f, out->power + (u32)POWER_CONTROL) & POWER_STATE) != 0) {
        return "a function that the firmware has left awake (D0)";
    }
    return read_interrupts(config, f, out);
}
