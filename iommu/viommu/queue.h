/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's invalidation queue: fetched in order, performed in order, sent to the unit as one
 * batch. The head the guest sees never passes a command that has not been done or handed to the
 * unit.
 */
#ifndef NESTOR_IOMMU_VIOMMU_QUEUE_H
#define NESTOR_IOMMU_VIOMMU_QUEUE_H

#include "hv/types.h"

struct viommu;

void viommu_queue_reset(struct viommu *v);
/* IQA was written. */
void viommu_queue_moved(struct viommu *v);
void viommu_queue_enable(struct viommu *v);
/* With the descriptors before that offset done. */
void viommu_queue_enable_at(struct viommu *v, u32 head);
void viommu_queue_disable(struct viommu *v);
/* IQT was written: counts it if there is work. viommu_queue_run() does the work. */
void viommu_queue_count_doorbell(struct viommu *v);
u32 viommu_queue_head(const struct viommu *v);

/* Goes on within v->budget; true if work is left that only needs time. */
bool viommu_queue_run(struct viommu *v);

#endif
