/* SPDX-License-Identifier: BSD-2-Clause */
/* See time.h; also the clock of iommu/port.h. */
#include "hv/machine/time.h"

#include "hv/machine/x86.h"
#include "iommu/port.h"

static u64 khz;
/* Microseconds per tick, times 2^32, so that no division is left for later. */
static u64 us_per_tick;

void time_init(u64 tsc_khz)
{
    khz = tsc_khz;
    us_per_tick = (1000ull << 32) / tsc_khz;
}

u64 time_tsc_khz(void)
{
    return khz;
}

u64 port_now_us(void)
{
    return (u64)((unsigned __int128)tsc_read() * us_per_tick >> 32);
}
