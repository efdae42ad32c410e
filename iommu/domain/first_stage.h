/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First-stage tables that some entry of a unit walks, whatever its PASID and domain id: FSPM and EAFE are
 * properties of the table, so all entries that lead to it over one second stage have the same (VT-d 6.2.3.1).
 */
#ifndef NESTOR_IOMMU_DOMAIN_FIRST_STAGE_H
#define NESTOR_IOMMU_DOMAIN_FIRST_STAGE_H

#include "iommu/base/keymap.h"
#include "iommu/base/limit.h"
#include "iommu/base/spinlock.h"
#include "iommu/port.h"

/* Those over one second stage, on all units. */
struct first_stages {
    struct spinlock lock;        /* comes after that of a unit */
    struct keymap tables;        /* struct first_stage by (address, unit) */
    struct limit conflicts;
};

struct first_stage {
    struct keymap_node node;
    struct first_stages *all;
    u32 users;
    u16 width;
    bool eafe;
};

/* A table as an entry names it; root is aligned to 4 KiB. */
struct first_stage_config {
    u64 root;
    u16 width;                   /* 48 or 57 */
    bool eafe;
};

/*
 * Counts one more user of a table on the unit of that index, below PAGE_SIZE. ERR_FIRST_STAGE_CONFLICT: it is in
 * use with another width or EAFE. ERR_NO_MEMORY.
 */
must_use enum result first_stage_take(struct first_stages *all, u32 unit, const struct first_stage_config *config,
                                      struct first_stage **out);
void first_stage_give(struct first_stage *table);

#endif
