/*
 * The guest's invalidation queue: fetched one descriptor at a time, performed in
 * order, sent to the unit as one batch. The head the guest sees never passes a
 * command that has not been done or handed to the unit.
 */
#ifndef NESTOR_IOMMU_VIOMMU_QUEUE_H
#define NESTOR_IOMMU_VIOMMU_QUEUE_H

#include "iommu/viommu/desc.h"
#include "iommu/viommu/host.h"

enum {
    VIOMMU_BATCH = 136,      /* descriptors sent to the unit at a time: a page of the guest's, and the last one's ids */
    VIOMMU_AHEAD = 512,      /* words of guest descriptors copied at a time */
    VIOMMU_HOST_DIDS = 8,    /* host domain ids that one guest domain id may have */
    VIOMMU_ERROR_LINES = 8,  /* said of a guest whose queue errs again and again */
    VIOMMU_NO_DID = 1 << 16, /* what no guest domain id is */
};

/* The host domain ids of a guest domain, as of the last look. */
struct viommu_ids {
    u32 guest_did;       /* VIOMMU_NO_DID: not looked */
    u16 host[VIOMMU_HOST_DIDS];
    u32 count;
};

struct viommu_queue {
    u64 base;            /* of IQA */
    u32 bytes;           /* of the ring */
    bool wide;
    u32 fetch;           /* byte offset of the next descriptor */
    u32 done;            /* what IQH says: all before it is done */
    bool scanning;       /* the descriptor at fetch waits for v->scan */
    bool broken;         /* the unit's queue failed: nothing completes any more */
    u32 ahead_from, ahead_bytes; /* the part of the ring that ahead is a copy of */
    u64 ahead[VIOMMU_AHEAD];
    struct viommu_ids ids;
    u32 count;
    struct vtd_desc batch[VIOMMU_BATCH];
};

void viommu_queue_reset(struct viommu *v);
/* IQA was written. */
void viommu_queue_moved(struct viommu *v);
void viommu_queue_enable(struct viommu *v);
void viommu_queue_disable(struct viommu *v);
/* IQT was written. */
void viommu_queue_doorbell(struct viommu *v);
u32 viommu_queue_head(const struct viommu *v);
/* Past that many bytes of whole descriptors, which do not go beyond the ring's end. */
void viommu_queue_advance(struct viommu *v, u32 bytes);

/* Goes on within v->budget; true if work is left that only needs time. */
bool viommu_queue_run(struct viommu *v);

#endif
