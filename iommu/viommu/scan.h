/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest tables against what is bound, as far as an announcement reaches. A scan can mean 64K
 * source-ids times 2^20 PASIDs, so it is a cursor that goes on where its budget ended. One scan
 * at a time.
 */
#ifndef NESTOR_IOMMU_VIOMMU_SCAN_H
#define NESTOR_IOMMU_VIOMMU_SCAN_H

#include "iommu/viommu/state.h"

void viommu_scan_start(struct viommu *v, enum scan_kind kind);
/* function_mask: 0..3, as in the descriptor, VT-d table 21. */
void viommu_scan_start_device(struct viommu *v, u16 sid, u8 function_mask);
void viommu_scan_start_pasid(struct viommu *v, u32 pasid);

/* Goes on within v->budget; true when the scan is done (or none was under way). */
bool viommu_scan_run(struct viommu *v);

#endif
