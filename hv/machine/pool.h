/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounded page pool behind port_pages_alloc(): its whole size is known at start. */
#ifndef NESTOR_HV_MACHINE_POOL_H
#define NESTOR_HV_MACHINE_POOL_H

#include "hv/types.h"

/* [base, base + size) is free memory; its first pages hold the pool's own map. */
void pool_init(hpa_t base, u64 size);

struct pool_counts { u64 pages, free; };
struct pool_counts pool_get_counts(void);

#endif
