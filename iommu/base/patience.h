/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long something has been waited for, counted in steps: time in which the waiter itself did not run (an SMI, a
 * hypervisor below that ran others or was suspended) counts as one step at most, so lost time is nobody's delay.
 */
#ifndef NESTOR_IOMMU_BASE_PATIENCE_H
#define NESTOR_IOMMU_BASE_PATIENCE_H

#include "hv/types.h"

enum { PATIENCE_STEP_US = 1000 };

struct patience { u64 last_us, waited_us; };

static inline struct patience patience_begin(u64 now_us)
{
    return (struct patience){.last_us = now_us};
}

/* To be called again and again; what has been waited so far. */
static inline u64 patience_waited(struct patience *p, u64 now_us)
{
    u64 step = now_us - p->last_us;
    p->last_us = now_us;
    p->waited_us += step < PATIENCE_STEP_US ? step : PATIENCE_STEP_US;
    return p->waited_us;
}

#endif
