/* SPDX-License-Identifier: BSD-2-Clause */
/* iommu/port.h on bare metal: registers, by the direct map. */
#include "drivers/mmio.h"
#include "iommu/port.h"

static u64 mapped(hpa_t addr)
{
    return (u64)port_hpa_to_ptr(addr);
}

u32 port_mmio_read32(hpa_t addr)
{
    return mmio_read32(mapped(addr));
}

u64 port_mmio_read64(hpa_t addr)
{
    return mmio_read64(mapped(addr));
}

void port_mmio_write32(hpa_t addr, u32 value)
{
    mmio_write32(mapped(addr), value);
}

void port_mmio_write64(hpa_t addr, u64 value)
{
    mmio_write64(mapped(addr), value);
}
