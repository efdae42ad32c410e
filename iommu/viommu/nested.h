/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's unit in scalable mode with first-stage tables, which the hardware walks nested on the partition's second
 * stage: what the guest maps needs no word to anybody.
 */
#ifndef NESTOR_IOMMU_VIOMMU_NESTED_H
#define NESTOR_IOMMU_VIOMMU_NESTED_H

#include "iommu/viommu/host.h"

extern const struct viommu_kind viommu_nested;

/* ERR_UNSUPPORTED: the unit cannot nest; ERR_PARENT_HAS_READ_ONLY. */
must_use enum result viommu_nested_check(const struct viommu_config *config, const struct host_unit *unit);

#endif
