/* SPDX-License-Identifier: BSD-2-Clause */
/* The time-stamp counter, which on the Bochs machine counts instructions. */
#ifndef NESTOR_TESTS_EFI_TSC_H
#define NESTOR_TESTS_EFI_TSC_H

#include "hv/types.h"

static inline u64 read_tsc(void)
{
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

static inline void wait_ticks(u64 ticks)
{
    for (u64 began = read_tsc(); read_tsc() - began < ticks;) {
    }
}

#endif
