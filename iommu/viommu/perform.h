/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's descriptors become: invalidations of contexts and PASIDs make Nestor look at
 * the guest's tables; IOTLB invalidations and waits go to the unit with the host's domain ids and
 * a checked status address. Built for speed: it is what a doorbell costs.
 */
#ifndef NESTOR_IOMMU_VIOMMU_PERFORM_H
#define NESTOR_IOMMU_VIOMMU_PERFORM_H

#include "iommu/viommu/desc.h"

struct viommu;

/* What the registers say, which the guest cannot change while descriptors are performed. */
struct perform_rules {
    struct desc_rules rules;
    enum iqei error;     /* no descriptor can be fetched */
    bool tables;         /* the guest's translation is on and has tables; else nothing of it is cached */
};

/*
 * Decodes and performs what the queue has copied: until one is bad (returned, fetch stays at it) or
 * starts a scan, or the batch or the budget ends.
 */
must_use enum iqei viommu_perform(struct viommu *v, const struct perform_rules *rules);

/* An IOTLB invalidation on a nested unit: only the unit has something to forget. False. */
bool viommu_perform_iotlb(struct viommu *v, const struct viommu_cmd *cmd);

/* Moves fetch past that many descriptors, which do not go beyond the ring's end. */
void viommu_perform_advance(struct viommu *v, u32 count);

#endif
