/*
 * The inside of struct viommu, for the viommu_*.c files only. One lock, taken by
 * the public functions of viommu.c, covers all of it.
 */
#ifndef NESTOR_IOMMU_VIOMMU_STATE_H
#define NESTOR_IOMMU_VIOMMU_STATE_H

#include "iommu/base/spinlock.h"
#include "iommu/viommu/viommu.h"
#include "iommu/viommu/bind.h"
#include "iommu/viommu/caps.h"
#include "iommu/viommu/fault.h"
#include "iommu/viommu/queue.h"
#include "iommu/viommu/regs.h"
#include "iommu/viommu/scan.h"
#include "iommu/viommu/walk.h"

/* What GCMD asked for and is not done yet; the status bit follows when it is. */
struct viommu_command {
    bool set_root;   /* SRTP: RTPS follows */
    bool restart;    /* the root changed: a scan for an older one is void */
    bool scanning;   /* v->scan works for set_root or translate */
    bool translate;  /* TE is to become te_target */
    bool te_target;
    bool queue_off;  /* QIE 1 -> 0: waits for the descriptor under way */
};

struct viommu {
    struct spinlock lock;
    struct viommu_config config;
    hpa_t memory;            /* the pages this struct and scratch live in */
    u32 memory_pages;
    u64 cap, ecap;           /* as the guest sees them */
    u32 iotlb_offset;        /* 16 * ECAP.IRO */
    u32 record_offset;       /* 16 * CAP.FRO */
    u32 record_count;        /* CAP.NFR + 1 */

    u64 reg[VREG_COUNT];
    u64 active_root;         /* RTADDR as the last SRTP latched it */
    struct viommu_command command;
    struct walk_config walk; /* what the walker needs of the above */

    struct viommu_queue queue;
    struct viommu_scan scan;
    struct viommu_bindings bindings;
    struct viommu_faults faults;

    u8 *scratch;             /* one page: a copy of guest memory under examination */
    u32 budget;              /* steps left in this call */
    bool left;               /* the last call ended with work left: only then does a read go on with it */
    struct viommu_stats stats;
};

/* Takes n steps off the budget; false when nothing is left and the caller must come back. */
static inline bool viommu_spend(struct viommu *v, u32 n)
{
    if (v->budget == 0) {
        return false;
    }
    v->budget = v->budget > n ? v->budget - n : 0;
    return true;
}

static inline bool viommu_translating(const struct viommu *v)
{
    return (v->reg[VREG_GSTS] & VGSTS_TES) != 0;
}

/* viommu_report_devices() with the lock held: the guest's translation is about to go off. */
void viommu_report_ending(struct viommu *v);

/* Host-side registers of the unit that carry the guest's event messages; see iommu/viommu/event.c. */
void viommu_event_forward(struct viommu *v, bool fault_event);
u32 viommu_event_done_status(struct viommu *v);
void viommu_event_done_clear(struct viommu *v);
bool viommu_event_done_pending(struct viommu *v);
void viommu_event_mask_all(struct viommu *v);
void viommu_event_send_fault(struct viommu *v);

#endif
