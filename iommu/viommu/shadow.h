/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's unit in legacy mode, for hardware that cannot nest: the guest announces each change of its second-stage
 * tables (caching mode), and devices go through shadows of them (iommu/shadow).
 */
#ifndef NESTOR_IOMMU_VIOMMU_SHADOW_H
#define NESTOR_IOMMU_VIOMMU_SHADOW_H

#include "iommu/viommu/host.h"

extern const struct viommu_kind viommu_shadowed;

/* Once all else of the unit is set up. */
void viommu_shadow_init(struct viommu *v);
void viommu_shadow_end(struct viommu *v);

/* How a hardware fault reason becomes the guest's: not at all, by what its tables say now, or as *shown. Pure. */
enum shadow_view { SHADOW_VIEW_HIDDEN, SHADOW_VIEW_TABLES, SHADOW_VIEW_ACCESS, SHADOW_VIEW_SHOWN };
enum shadow_view viommu_shadow_view(u8 hardware_reason, u8 *shown);

#endif
