/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look along the guest's first stage, after the fact. Hardware reports a hole in the second
 * stage by one code, wherever the first stage led into it; a unit with one stage would tell a
 * table that cannot be read from a page that is not there.
 */
#ifndef NESTOR_IOMMU_VIOMMU_FIRST_STAGE_H
#define NESTOR_IOMMU_VIOMMU_FIRST_STAGE_H

#include "iommu/viommu/walk.h"

/*
 * Why the partition's memory ends somewhere below a valid first-stage entry, in the words of a
 * unit with one stage. For faults only: hardware has walked already, and tables may have changed.
 */
enum vtd_fault_reason viommu_first_stage_judge(const struct walk_config *w,
                                               const struct guest_entry *entry, u64 addr);

/*
 * The entries themselves, from the top, as far as they lead; how many. *readable: each stood in the partition's memory.
 * An entry is read once.
 */
u32 viommu_first_stage_trace(const struct walk_config *w, const struct guest_entry *entry, u64 addr,
                             struct viommu_step steps[FS_LEVELS_MAX], bool *readable);

#endif
