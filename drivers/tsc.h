/* SPDX-License-Identifier: BSD-2-Clause */
/* The RDTSC instruction (SDM volume 2), for image, nestor.efi and tools alike. */
#ifndef NESTOR_DRIVERS_TSC_H
#define NESTOR_DRIVERS_TSC_H

#include "hv/types.h"

static inline u64 tsc_read(void)
{
    u32 low;
    u32 high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

#endif
