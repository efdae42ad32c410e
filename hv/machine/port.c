/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iommu/port.h on bare metal: the direct map, CLFLUSH and PAUSE. Registers are in mmio.c, pages in pool.c, time in
 * time.c, text in log.c.
 */
#include "hv/machine/port.h"

#include "hv/machine/x86.h"
#include "iommu/port.h"

static u64 direct_map;

void port_init(u64 at)
{
    direct_map = at;
}

void *port_hpa_to_ptr(hpa_t addr)
{
    return (void *)(uintptr_t)(direct_map + addr.v);
}

/*
 * CLFLUSH's line size is in CPUID.1:EBX[15:8], in units of 8 bytes; 64 on every CPU with VT-d. Not inlined: it takes
 * its time anyway, and the page tables would have a dozen copies.
 */
not_inlined void port_flush_lines(const void *p, size_t bytes)
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
