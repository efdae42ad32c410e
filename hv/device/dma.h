/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA and interrupts of a given-away function: neither gets through unless its partition runs. */
#ifndef NESTOR_HV_DEVICE_DMA_H
#define NESTOR_HV_DEVICE_DMA_H

#include "hv/types.h"

struct device;
struct partition;

/*
 * All functions are kept to their partitions' memory, and blocked: after the units were taken over, before any CPU
 * enters. An error ends the start.
 */
must_use enum result device_dma_create(void);
/*
 * In this order, with the function's bus mastering off: its messages are off, as after a reset, and its DMA reaches its
 * partition's memory. An error: a unit did not answer, so the partition must not begin.
 */
must_use enum result device_dma_start(struct device *d);
/*
 * Blocked on every unit, with nothing cached and nothing under way; then its interrupt entries are not
 * present, and no message is on its way. A unit that does not answer is said on the console, and keeps
 * device_dma_start() from succeeding.
 */
void device_dma_stop(struct device *d);
/* Of all functions of a partition. Its CPUs may still run. */
void device_dma_stop_all(const struct partition *p);

#endif
