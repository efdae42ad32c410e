/* SPDX-License-Identifier: BSD-2-Clause */
/* See reset.h. PCIe 6.6.2 (function-level reset), 5.8 (D3hot to D0), the ECN of advanced features. */
#include "hv/device/reset.h"

#include "hv/device/dma.h"
#include "hv/device/pci.h"
#include "iommu/port.h"

enum {
    PM_CONTROL = 4, PM_STATE = 3, PM_D3HOT = 3,
    PCIE_VERSION = 2, PCIE_CONTROL = 8, PCIE_FLR = 1 << 15, PCIE_STATUS = 0xa, PCIE_PENDING = 1 << 5,
    PCIE_CAPABILITIES2 = 0x24, PCIE_CONTROL2 = 0x28,
    RANGE_A = 1, TIMEOUT = 0xf, TIMEOUT_10_MS = 2, NO_TIMEOUT = 0x10,   /* PCIe 7.5.3.15, 7.5.3.16 */
    AF_CONTROL = 4, AF_FLR = 1, AF_STATUS = 5, AF_PENDING = 1,
    D3HOT_MS = 10, RESET_MS = 100, PENDING_MS = 100, BACK_MS = 1000,
};

static u32 get(const struct device *d, u32 offset, u32 size)
{
    pci_lock();
    u32 value = pci_read(d->function->source_id, offset, size);
    pci_unlock();
    return value;
}

static void put(const struct device *d, u32 offset, u32 size, u32 value)
{
    pci_lock();
    pci_write(d->function->source_id, offset, size, value);
    pci_unlock();
}

/* Where its second register of control is; the first version of the capability ends before it. */
static u32 control2_at(const struct device *d)
{
    u32 at = d->function->pcie;
    return at != 0 && (get(d, at + PCIE_VERSION, 1) & 0xf) >= 2 ? at + PCIE_CONTROL2 : 0;
}

static void silence(struct device *d)
{
    u32 command = get(d, PCI_COMMAND, 2) & ~(u32)(PCI_COMMAND_MASTER | PCI_COMMAND_IO);
    put(d, PCI_COMMAND, 2, command | PCI_COMMAND_NO_INTX);
}

/*
 * Whoever shares a unit with it waits for what it has asked for and nobody answers: 1 to 10 ms, where that can be set.
 */
static u16 control2(const struct device *d)
{
    u32 at = control2_at(d);
    u32 value = at != 0 ? get(d, at, 2) & ~(u32)NO_TIMEOUT : 0;
    if (at == 0 || (get(d, at - PCIE_CONTROL2 + PCIE_CAPABILITIES2, 1) & RANGE_A) == 0) {
        port_log(LOG_WARNING, "PCI function %#x cannot be told to wait for completions for 10 ms at most",
                 d->function->source_id);
        return (u16)value;
    }
    return (u16)((value & ~(u32)TIMEOUT) | TIMEOUT_10_MS);
}

void reset_init(void)
{
    struct device *d;
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        u8 pcie = d->function->pcie;
        silence(d);
        d->express_control = (u16)(pcie != 0 ? get(d, pcie + PCIE_CONTROL, 2) & ~(u32)PCIE_FLR : 0);
        d->express_control2 = control2(d);
    }
}

/* What it has asked for has not been answered, or what it has written has not arrived. */
static bool is_pending(const struct device *d)
{
    const struct handover_function *f = d->function;
    switch (f->reset) {
    case HANDOVER_RESET_FLR:
        return (get(d, f->pcie + PCIE_STATUS, 2) & PCIE_PENDING) != 0;
    case HANDOVER_RESET_AF:
        return (get(d, f->af + AF_STATUS, 1) & AF_PENDING) != 0;
    default:
        return false;
    }
}

static void begin(struct device *d)
{
    const struct handover_function *f = d->function;
    switch (f->reset) {
    case HANDOVER_RESET_FLR:
        put(d, f->pcie + PCIE_CONTROL, 2, d->express_control | PCIE_FLR);
        break;
    case HANDOVER_RESET_AF:
        put(d, f->af + AF_CONTROL, 1, AF_FLR);
        break;
    case HANDOVER_RESET_D3HOT:
        put(d, f->power + PM_CONTROL, 2, PM_D3HOT);
        break;
    default:
        break;
    }
}

static void wake(struct device *d)
{
    if (d->function->reset == HANDOVER_RESET_D3HOT) {
        put(d, d->function->power + PM_CONTROL, 2, 0);
    }
}

/* All ones or 0001h: not yet (PCIe 2.3.1). */
static bool is_away(const struct device *d)
{
    u32 vendor = get(d, 0, 2);
    return vendor == 0xffff || vendor == 1;
}

/* Where it answered before, and deaf; the rest is for its guest to turn on. */
static void configure(struct device *d)
{
    const struct handover_function *f = d->function;
    put(d, PCI_COMMAND, 2, PCI_COMMAND_NO_INTX);
    for (u32 i = 0; i < HANDOVER_BARS; i++) {
        const struct handover_bar *b = &f->bars[i];
        if (b->size != 0 && !b->port) {
            put(d, PCI_BARS + 4 * i, 4, (u32)b->base);
        }
        if (b->size != 0 && b->wide) {
            put(d, PCI_BARS + 4 * (i + 1), 4, (u32)(b->base >> 32));
        }
    }
    put(d, PCI_ROM, 4, 0);
    if (f->pcie != 0) {
        put(d, f->pcie + PCIE_CONTROL, 2, d->express_control);
    }
    if (control2_at(d) != 0) {
        put(d, control2_at(d), 2, d->express_control2);
    }
    d->sizing = 0;
    d->power = 0;
}

static void for_each(const struct partition *p, void (*act)(struct device *))
{
    struct device *d;
    for (u32 i = 0; (d = device_get(i)) != NULL; i++) {
        if (d->owner == p) {
            act(d);
        }
    }
}

/* Until none of the partition's is so any more, for that long at most. The one that still is, or NULL. */
static const struct device *wait_while(const struct partition *p, bool (*is)(const struct device *), u32 ms)
{
    const struct device *d;
    u64 began = port_now_us();
    for (u32 i = 0; (d = device_get(i)) != NULL;) {
        if (d->owner != p || !is(d)) {
            i++;
        } else if (port_now_us() - began > ms * 1000) {
            return d;
        } else {
            port_relax();
        }
    }
    return NULL;
}

static void wait(u32 ms)
{
    u64 began = port_now_us();
    while (port_now_us() - began < ms * 1000) {
        port_relax();
    }
}

static bool has_any(const struct partition *p)
{
    const struct device *d;
    u32 i = 0;
    while ((d = device_get(i)) != NULL && d->owner != p) {
        i++;
    }
    return d != NULL;
}

bool reset_functions(const struct partition *p)
{
    if (!has_any(p)) {
        return true;
    }
    for_each(p, silence);
    for_each(p, device_dma_stop);
    (void)wait_while(p, is_pending, PENDING_MS); /* what is left then, the reset discards */
    for_each(p, begin);
    wait(D3HOT_MS);
    for_each(p, wake);
    wait(RESET_MS);
    const struct device *away = wait_while(p, is_away, BACK_MS);
    if (away != NULL) {
        u16 sid = away->function->source_id;
        port_log(LOG_ERROR, "PCI function %#x does not come back from its reset", sid);
        return false;
    }
    for_each(p, configure);
    return true;
}

/* Its registers answer while the table of MSI-X is made. */
enum result reset_begin(const struct partition *p)
{
    enum result r = OK;
    struct device *d;
    for (u32 i = 0; r == OK && (d = device_get(i)) != NULL; i++) {
        if (d->owner == p) {
            put(d, PCI_COMMAND, 2, PCI_COMMAND_NO_INTX | PCI_COMMAND_MEMORY);
            r = device_dma_start(d);
            put(d, PCI_COMMAND, 2, PCI_COMMAND_NO_INTX);
        }
    }
    return r;
}
