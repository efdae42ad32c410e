/*
 * Guest tables against what is bound, as far as an announcement reaches. A scan can
 * mean 64K source-ids times 2^20 PASIDs, so it is a cursor that goes on where its
 * budget ended. One scan at a time.
 */
#ifndef NESTOR_IOMMU_VIOMMU_SCAN_H
#define NESTOR_IOMMU_VIOMMU_SCAN_H

#include "iommu/viommu/bind.h"

struct viommu;

enum scan_kind {
    SCAN_IDLE,
    SCAN_CONTEXTS,  /* every context entry; PASIDs of those that changed */
    SCAN_EVERYTHING,/* every context entry and every PASID */
    SCAN_DEVICE,    /* the contexts of one source-id and its function mask */
    SCAN_PASIDS,    /* every PASID of the devices listed so far */
    SCAN_PASID,     /* one PASID of the devices listed so far */
    SCAN_TEARDOWN,  /* unbind everything, forget all devices */
};

/* Where the cursor stands within one device. */
enum scan_stage { STAGE_CONTEXT, STAGE_DROP, STAGE_PASIDS, STAGE_SWEEP };

struct viommu_scan {
    enum scan_kind kind;
    enum scan_stage stage;
    u32 sid, sid_end;       /* next source-id, one past the last */
    u16 sid_mask;           /* bits of the source-id that SCAN_DEVICE does not compare */
    u16 sid_match;
    u16 sweep;              /* next binding of STAGE_SWEEP, 0 for the first */
    u32 pasid;              /* next PASID of the device, or the one of SCAN_PASID */
    bool table_valid;       /* the context table of the half bus that sid is in */
    enum vtd_fault_reason table_reason;
    gpa_t table;
    struct guest_context context; /* decoded, to be taken over once the old one is gone */
};

void viommu_scan_start(struct viommu *v, enum scan_kind kind);
void viommu_scan_start_device(struct viommu *v, u16 sid, u8 function_mask);
void viommu_scan_start_pasid(struct viommu *v, u32 pasid);

/* Goes on within v->budget; true when the scan is done (or none was under way). */
bool viommu_scan_run(struct viommu *v);

#endif
