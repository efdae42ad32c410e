/* SPDX-License-Identifier: BSD-2-Clause */
/* What ept.c knows of a partition's second stage. */
#ifndef NESTOR_HV_PARTITION_STATE_H
#define NESTOR_HV_PARTITION_STATE_H

#include "hv/partition/ept_map.h"
#include "hv/partition/ept_types.h"
#include "hv/partition/partition.h"
#include "iommu/base/spinlock.h"

struct ept {
    struct spinlock lock;           /* of `types` and of what is mapped by them */
    struct limit not_flushed;       /* changes of them that a unit may not have seen */
    u32 levels;
    u64 page_sizes;
    struct ept_map map;
    struct ept_types types;
    struct ept_map_range ranges[HANDOVER_RANGES + VTD_DMAR_UNITS + HANDOVER_SLEEP + HANDOVER_PROTECT +
                                2 * HANDOVER_PARTITIONS + HANDOVER_FUNCTIONS * HANDOVER_BARS + 6];
};

#endif
