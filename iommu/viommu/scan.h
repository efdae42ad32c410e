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
/* [from, end), end 0: all, of the tables that are used under a guest domain id, or SHADOW_ALL. */
void viommu_scan_start_tables(struct viommu *v, u32 guest_did, u64 from, u64 end);

/* Goes on within v->budget; true when the scan is done (or none was under way). */
bool viommu_scan_run(struct viommu *v);

/* Parts of it, for struct viommu_kind: all PASIDs of a device; one entry, charged by what became of it. */
bool viommu_scan_pasids(struct viommu *v, struct viommu_device *device);
void viommu_scan_sync_entry(struct viommu *v, struct viommu_device *device, u32 pasid, const struct guest_entry *entry);

#endif
