/* iommu/port.h on bare metal: the direct map and CLFLUSH. Memory is in pool.c, time in time.c, text in log.c. */
#include "hv/machine/port.h"

#include "drivers/mmio.h"
#include "hv/machine/x86.h"
#include "iommu/port.h"

static u64 direct_map;

void port_init(u64 at)
{
    direct_map = at;
}

u32 port_mmio_read32(hpa_t addr)
{
    return mmio_read32(direct_map + addr.v);
}

u64 port_mmio_read64(hpa_t addr)
{
    return mmio_read64(direct_map + addr.v);
}

void port_mmio_write32(hpa_t addr, u32 value)
{
    mmio_write32(direct_map + addr.v, value);
}

void port_mmio_write64(hpa_t addr, u64 value)
{
    mmio_write64(direct_map + addr.v, value);
}

void *port_hpa_to_ptr(hpa_t addr)
{
    return (void *)(uintptr_t)(direct_map + addr.v);
}

/* CLFLUSH's line size is in CPUID.1:EBX[15:8], in units of 8 bytes; 64 on every CPU with VT-d. */
void port_flush_lines(const void *p, size_t bytes)
{
    uintptr_t at = (uintptr_t)p & ~(uintptr_t)63;
    for (; at < (uintptr_t)p + bytes; at += 64) {
        __asm__ volatile("clflush (%0)" : : "r"(at) : "memory");
    }
    memory_fence();
}

void port_relax(void)
{
    __asm__ volatile("pause");
}
