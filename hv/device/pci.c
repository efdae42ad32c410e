/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci.h: the ports of PCI 3.0, 3.2.2.3.2, and the window of PCIe 7.2.2. */
#include "hv/device/pci.h"

#include "hv/machine/access.h"
#include "iommu/base/spinlock.h"
#include "iommu/port.h"

enum { PORT_ADDRESS = 0xcf8, PORT_DATA = 0xcfc };
#define ADDRESS_ENABLE 0x80000000u

static u64 window;
static u32 window_first, window_last;
static struct spinlock lock;

void pci_init(u64 ecam_base, u8 first_bus, u8 last_bus)
{
    window = ecam_base;
    window_first = first_bus;
    window_last = last_bus;
}

void pci_lock(void)
{
    spin_lock(&lock);
}

void pci_unlock(void)
{
    spin_unlock(&lock);
}

bool pci_is_in_window(u64 address)
{
    u64 bus = (address - window) >> 20;
    return window != 0 && bus >= window_first && bus <= window_last;
}

u16 pci_source_at(u64 address)
{
    return (u16)((address - window) >> PAGE_SHIFT);
}

/* 0: it is not in the window. */
static u64 in_window(u16 source_id, u32 offset)
{
    u32 bus = source_id >> 8;
    bool is = window != 0 && bus >= window_first && bus <= window_last;
    return is ? (u64)(uintptr_t)port_hpa_to_ptr((hpa_t){window + ((u64)source_id << 12) + offset}) : 0;
}

static u16 select(u16 source_id, u32 offset)
{
    access_out(PORT_ADDRESS, 4, ADDRESS_ENABLE | (u32)source_id << 8 | (offset & 0xfc));
    return (u16)(PORT_DATA + (offset & 3));
}

u32 pci_read(u16 source_id, u32 offset, u32 size)
{
    if (offset < PCI_EXTENDED) {
        return access_in(select(source_id, offset), size);
    }
    u64 at = in_window(source_id, offset);
    if (at == 0) {
        return (u32)bits_of_bytes(size);
    }
    return (u32)access_read(at, size);
}

void pci_write(u16 source_id, u32 offset, u32 size, u32 value)
{
    if (offset < PCI_EXTENDED) {
        access_out(select(source_id, offset), size, value);
        return;
    }
    u64 at = in_window(source_id, offset);
    if (at != 0) {
        access_write(at, size, value);
    }
}
