/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUID instruction (SDM volume 2), for image, nestor.efi and tools alike. */
#ifndef NESTOR_DRIVERS_CPUID_H
#define NESTOR_DRIVERS_CPUID_H

#include "hv/types.h"

struct cpuid_regs { u32 eax, ebx, ecx, edx; };

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid_regs r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

#endif
