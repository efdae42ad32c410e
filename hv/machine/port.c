/* iommu/port.h on bare metal: the direct map, the TSC, CLFLUSH. Memory is in pool.c, text in log.c. */
#include "iommu/port.h"

#include "drivers/mmio.h"
#include "hv/machine/state.h"
#include "hv/machine/time.h"
#include "hv/machine/x86.h"

u32 port_mmio_read32(hpa_t addr)
{
    return mmio_read32(handover->direct_map + addr.v);
}

u64 port_mmio_read64(hpa_t addr)
{
    return mmio_read64(handover->direct_map + addr.v);
}

void port_mmio_write32(hpa_t addr, u32 value)
{
    mmio_write32(handover->direct_map + addr.v, value);
}

void port_mmio_write64(hpa_t addr, u64 value)
{
    mmio_write64(handover->direct_map + addr.v, value);
}

void *port_hpa_to_ptr(hpa_t addr)
{
    return (void *)(uintptr_t)(handover->direct_map + addr.v);
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

/* 2^32 microseconds per tick, so that no division is left for later. */
static u64 us_per_tick;

void time_init(u64 tsc_khz)
{
    us_per_tick = (1000ull << 32) / tsc_khz;
}

u64 time_us_of_ticks(u64 ticks)
{
    return (u64)((unsigned __int128)ticks * us_per_tick >> 32);
}

u64 port_now_us(void)
{
    return time_us_of_ticks(tsc_read());
}

void port_relax(void)
{
    __asm__ volatile("pause");
}
