/*
 * The world of port.h for benchmarks: a flat memory, a pool that is a stack, no log. As cheap
 * as what the hypervisor has, so that what is counted is the code above it.
 */
#ifndef NESTOR_BENCH_PORT_H
#define NESTOR_BENCH_PORT_H

#include "iommu/port.h"

/* Empties the pool of that many pages. */
void bench_pool_reset(u64 pages);
u64 bench_pool_used(void);

#endif
