/* SPDX-License-Identifier: BSD-2-Clause */
/* See cache.h. */
#include "hv/machine/cache.h"

#include "hv/machine/checked.h"

enum { MSR_PQR_ASSOC = 0xc8f, MSR_L3_MASK = 0xc90, CLASS_SHIFT = 32 };

/* The class's ways before the CPU is of it, and nobody else's after it is. */
bool cache_take(u32 class, u32 ways, u32 rest)
{
    return checked_msr_write(MSR_L3_MASK + class, ways) &&
           checked_msr_write(MSR_PQR_ASSOC, (u64)class << CLASS_SHIFT) && checked_msr_write(MSR_L3_MASK, rest);
}
