/* SPDX-License-Identifier: BSD-2-Clause */
/* Model-specific registers, and a way to have the second stage changed: memory types follow the MTRRs. */
#ifndef NESTOR_TESTS_EFI_MSR_H
#define NESTOR_TESTS_EFI_MSR_H

#include "hv/types.h"

static inline u64 msr_get(u32 msr)
{
    u32 low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (u64)high << 32 | low;
}

static inline void msr_put(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

enum { MTRR_CAP = 0xfe, MTRR_BASE0 = 0x200, MTRR_VALID = 1 << 11,
       MTRR_RANGE = 0x8000000 /* RAM on every test machine */, MTRR_SIZE = 0x200000 };

/* CPUID and both registers say that x2APIC mode is locked. */
static inline bool msr_x2apic_is_locked(void)
{
    u32 eax = 7, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (edx >> 29 & 1) != 0 && (msr_get(0x10a) >> 21 & 1) != 0 && (msr_get(0xbd) & 1) != 0;
}

static inline u32 mtrr_free_pair(void)
{
    u32 count = (u32)msr_get(MTRR_CAP) & 0xff, i = 0;
    while (i + 1 < count && (msr_get(MTRR_BASE0 + 2 * i + 1) & MTRR_VALID)) {
        i++;
    }
    return MTRR_BASE0 + 2 * i;
}

/* The value of the mask register for a valid range of MTRR_SIZE bytes. */
static inline u64 mtrr_mask(void)
{
    u32 eax = 0x80000008, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    return (((1ull << (eax & 0xff)) - 1) & ~(u64)(MTRR_SIZE - 1)) | MTRR_VALID;
}

/* Two changes each time, in which Nestor waits for every CPU that runs. Called on the boot CPU. */
static inline void mtrr_change(u32 times)
{
    u32 pair = mtrr_free_pair();
    u64 mask = mtrr_mask();
    msr_put(pair, MTRR_RANGE);
    for (u32 i = 0; i < times; i++) {
        msr_put(pair + 1, mask);
        msr_put(pair + 1, 0);
    }
}

#endif
