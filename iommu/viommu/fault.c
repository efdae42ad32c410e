/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Primary fault logging of the guest's unit (VT-d 7.2, 7.3, 11.4.7) fed by the
 * hardware's records, each translated to what a unit with one stage reports.
 */
#include "iommu/viommu/fault.h"

#include "iommu/viommu/event.h"
#include "iommu/viommu/first_stage.h"
#include "iommu/viommu/host.h"
#include "iommu/viommu/irt.h"

/* Of each up to five uncached registers are read or written. Eight records are usual, then the look at the overflow. */
enum { FAULTS_PER_POLL = 9 };

/* How a hardware reason becomes the guest's. */
enum fault_action {
    ACT_HIDE,  /* Nestor's business */
    ACT_TABLES,/* host entry missing: whatever the guest's own tables say */
    ACT_FIRST, /* shown as `shown` for a first-stage entry, hidden for pass-through */
    ACT_BOTH,  /* shown as `shown` for either */
    ACT_WALK,  /* a first-stage entry led out of the partition: the first stage tells where */
};

struct fault_rule {
    u8 hardware, shown; /* enum vtd_fault_reason */
    u8 action;          /* enum fault_action */
};

/* Hardware's reason, the guest's, how. A guest's device cannot cause what is not here. */
#define FAULT_RULES(X)                                                                                                 \
    X(EXECUTE_REQUESTED,        EXECUTE_REQUESTED,        BOTH)   /* execute requests are refused the same way */      \
    X(ROOT_ACCESS,              NONE,                     HIDE)   /* the host's root table */                          \
    X(ROOT_NOT_PRESENT,         NONE,                     TABLES) /* blocked: the guest's tables say why */            \
    X(ROOT_RESERVED,            NONE,                     HIDE)   /* the host's root table */                          \
    X(CONTEXT_ACCESS,           NONE,                     HIDE)   /* the host's context table */                       \
    X(CONTEXT_NOT_PRESENT,      NONE,                     TABLES) /* blocked: the guest's tables say why */            \
    X(CONTEXT_RESERVED,         NONE,                     HIDE)   /* the host's context table */                       \
    X(CONTEXT_INVALID,          NONE,                     HIDE)   /* the host's context table */                       \
    X(DEVICE_TLB_NOT_ENABLED,   DEVICE_TLB_NOT_ENABLED,   BOTH)   /* DTE is 0 in both views */                         \
    X(PASID_NOT_ENABLED,        PASID_NOT_ENABLED,        BOTH)   /* PASIDE is the guest's */                          \
    X(PASID_OVER_PDTS,          NONE,                     TABLES) /* the guest's directory has another size */         \
    X(PAGE_REQUEST_NOT_ENABLED, PAGE_REQUEST_NOT_ENABLED, BOTH)   /* PRE is 0 in both views */                         \
    X(PASID_IS_RID_PASID,       PASID_IS_RID_PASID,       BOTH)   /* RID_PASID is the guest's */                       \
    X(TRANSLATED_WITH_PASID,    TRANSLATED_WITH_PASID,    BOTH)   /* EPTR is 0 in both views */                        \
    X(PASID_DIR_ACCESS,         NONE,                     HIDE)   /* the host's PASID directory */                     \
    X(PASID_DIR_NOT_PRESENT,    NONE,                     TABLES) /* blocked: the guest's tables say why */            \
    X(PASID_DIR_RESERVED,       NONE,                     HIDE)   /* the host's PASID directory */                     \
    X(PASID_ENTRY_ACCESS,       NONE,                     HIDE)   /* the host's PASID table */                         \
    X(PASID_ENTRY_NOT_PRESENT,  NONE,                     TABLES) /* blocked: the guest's tables say why */            \
    X(PASID_ENTRY_RESERVED,     NONE,                     HIDE)   /* the host's PASID entry */                         \
    X(PASID_ENTRY_INVALID,      NONE,                     HIDE)   /* the host's PASID entry */                         \
    X(EXECUTE_NOT_SUPPORTED,    EXECUTE_NOT_SUPPORTED,    BOTH)   /* execute requests are off in both views */         \
    X(SUPERVISOR_NOT_ENABLED,   SUPERVISOR_NOT_ENABLED,   BOTH)   /* SRE is the guest's */                             \
    X(FS_ENTRY_ACCESS,          FS_ENTRY_ACCESS,          FIRST)  /* same stage */                                     \
    X(FS_ENTRY_NOT_PRESENT,     FS_ENTRY_NOT_PRESENT,     FIRST)  /* same stage */                                     \
    X(FS_ENTRY_RESERVED,        FS_ENTRY_RESERVED,        FIRST)  /* same stage */                                     \
    X(FS_ROOT_ACCESS,           FS_ROOT_ACCESS,           FIRST)  /* same stage */                                     \
    X(FS_ADDRESS_WIDTH,         NONE,                     WALK)   /* one stage finds them reserved, or no memory */    \
    X(FS_ROOT_DENIED,           FS_ROOT_ACCESS,           FIRST)  /* one stage finds no memory at FSPTPTR */           \
    X(FS_TABLE_DENIED,          FS_ENTRY_ACCESS,          FIRST)  /* one stage finds no memory for the table */        \
    X(FS_AD_DENIED,             FS_AD_UPDATE_FAILED,      FIRST)  /* one stage cannot update the flags */              \
    X(SS_ENTRY_ACCESS,          NONE,                     HIDE)   /* the host's second stage is unreadable */          \
    X(SS_ENTRY_NOT_PRESENT,     NONE,                     WALK)   /* a table or page outside the partition's memory */ \
    X(SS_ENTRY_RESERVED,        NONE,                     HIDE)   /* the host's second stage is malformed */           \
    X(SS_ROOT_ACCESS,           NONE,                     HIDE)   /* the host's second stage is unreadable */          \
    X(SS_AD_NOT_SNOOPED,        NONE,                     HIDE)   /* second-stage flags are off */                     \
    X(SS_AD_UPDATE_FAILED,      NONE,                     HIDE)   /* second-stage flags are off */                     \
    X(NOT_CANONICAL,            NOT_CANONICAL,            FIRST)  /* same stage */                                     \
    X(USER_REQUEST,             USER_REQUEST,             FIRST)  /* same stage */                                     \
    X(HOST_ADDRESS_WIDTH,       HOST_ADDRESS_WIDTH,       BOTH)   /* pass-through beyond the address width */          \
    X(SS_ADDRESS_WIDTH,         HOST_ADDRESS_WIDTH,       BOTH)   /* stands for pass-through beyond its width */       \
    X(WRITE,                    WRITE,                    FIRST)  /* denied by the guest's R/W or the partition's */   \
    X(READ,                     FS_ENTRY_NOT_PRESENT,     FIRST)  /* one stage has no read permission: not there */    \
    X(INTERRUPT_RANGE,          INTERRUPT_RANGE,          BOTH)   /* the interrupt range is the same in both views */  \
    X(PASID_OVER_PSS,           PASID_OVER_PSS,           BOTH)   /* PSS is the hardware's */                          \
    X(FS_AD_NOT_SNOOPED,        FS_AD_NOT_SNOOPED,        FIRST)  /* same stage */                                     \
    X(FS_AD_UPDATE_FAILED,      FS_AD_UPDATE_FAILED,      FIRST)  /* same stage */

static const struct fault_rule fault_rules[] = {
#define FAULT_RULE(hw, guest, how) {VTD_FAULT_##hw, VTD_FAULT_##guest, ACT_##how},
    FAULT_RULES(FAULT_RULE)
#undef FAULT_RULE
};

static const struct fault_rule *find_rule(u8 hardware_reason)
{
    for (size_t i = 0; i < ARRAY_LEN(fault_rules); i++) {
        if (fault_rules[i].hardware == hardware_reason) {
            return &fault_rules[i];
        }
    }
    return NULL;
}

/*
 * A refusal in the guest's tables wins over what the hardware says: the host's
 * entry is then absent, whatever the reason. With a valid guest entry, a missing
 * host entry is Nestor's doing (quota, or an invalidation the guest still owes).
 */
enum fault_view viommu_fault_map(u8 hardware_reason, const struct walk_result *guest, u8 *reason)
{
    const struct fault_rule *rule = find_rule(hardware_reason);
    if (rule == NULL || rule->action == ACT_HIDE) {
        return FAULT_HIDDEN;
    }
    bool refused = guest->reason != VTD_FAULT_NONE;
    if (rule->action == ACT_TABLES) {
        if (!refused) {
            return FAULT_HIDDEN;
        }
        *reason = (u8)guest->reason;
    } else if (rule->action != ACT_BOTH && !refused && guest->entry.pgtt == PGTT_PASS_THROUGH) {
        return FAULT_HIDDEN;
    } else if (rule->action == ACT_WALK) { /* refused: changed since, and the new tables say why */
        *reason = (u8)(refused ? guest->reason : guest->first_stage);
    } else {
        *reason = rule->shown;
    }
    return guest->fpd && vtd_fault_is_qualified(*reason) ? FAULT_HIDDEN : FAULT_SHOWN;
}

void viommu_fault_reset(struct viommu *v)
{
    v->faults = (struct viommu_faults){.next = 0};
}

void viommu_fault_restart_index(struct viommu *v)
{
    v->faults.next = 0;
}

static bool any_record(const struct viommu *v)
{
    for (u32 i = 0; i < v->record_count; i++) {
        if (frcd_get(&v->faults.record[i], FRCD_F) != 0) {
            return true;
        }
    }
    return false;
}

u32 viommu_fault_status(const struct viommu *v)
{
    bool pending = any_record(v);
    return v->faults.status | (pending ? FSTS_PPF | (u32)field_put(FSTS_FRI, v->faults.first) : 0);
}

static bool anything_pending(const struct viommu *v)
{
    return v->faults.status != 0 || any_record(v);
}

/*
 * VT-d 7.3: one event when the first condition appears. One that the hardware
 * found has been sent by the hardware itself, which holds the root's message unless it serves others, too.
 */
static void raise_event(struct viommu *v, bool sent_by_hardware)
{
    if ((v->reg[VREG_FECTL] & EVENT_IM) != 0) {
        v->faults.event_pending = true;
        return;
    }
    if (!sent_by_hardware) {
        viommu_event_send_fault(v);
    }
}

void viommu_fault_event_update(struct viommu *v)
{
    if (v->faults.event_pending && (v->reg[VREG_FECTL] & EVENT_IM) == 0) {
        v->faults.event_pending = false;
        viommu_event_send_fault(v);
    }
}

void viommu_fault_set_status(struct viommu *v, u32 bit)
{
    bool first = !anything_pending(v);
    v->faults.status |= bit;
    if (first) {
        raise_event(v, false);
    }
}

/* IP falls when software has served every condition (VT-d 7.3). */
static void settle(struct viommu *v)
{
    if (!anything_pending(v)) {
        v->faults.event_pending = false;
    }
}

void viommu_fault_clear(struct viommu *v, u32 bits)
{
    v->faults.status &= ~bits;
    settle(v);
}

u64 viommu_fault_record_read(const struct viommu *v, u32 offset)
{
    const struct fault_record *record = &v->faults.record[offset / sizeof(*record)];
    return record->w[offset / sizeof(record->w[0]) % ARRAY_LEN(record->w)];
}

void viommu_fault_record_write(struct viommu *v, u32 offset, u64 value)
{
    struct fault_record *record = &v->faults.record[offset / sizeof(*record)];
    u32 word = offset / sizeof(value) % ARRAY_LEN(record->w);
    if (word == field_word(FRCD_F) && (value & field_mask(FRCD_F)) != 0) {
        frcd_set(record, FRCD_F, 0);
        settle(v);
    }
}

/* VT-d 7.2.1. */
static void record(struct viommu *v, const struct viommu_fault_event *event, u8 reason)
{
    struct viommu_faults *f = &v->faults;
    if ((f->status & FSTS_PFO) != 0) {
        v->stats.overflows++;
        return;
    }
    bool first = !anything_pending(v);
    struct fault_record *slot = &f->record[f->next];
    if (frcd_get(slot, FRCD_F) != 0) {
        f->status |= FSTS_PFO;
        v->stats.overflows++;
        return;
    }
    if (!any_record(v)) {
        f->first = f->next;
    }
    slot->w[0] = event->addr & field_mask(FRCD_FI);
    slot->w[1] = field_put(FRCD_F, 1) | event->attributes | field_put(FRCD_FR, reason) |
                 field_put(FRCD_SID, event->sid);
    if (event->has_pasid) {
        slot->w[1] |= field_put(FRCD_PP, 1) | field_put(FRCD_PV, event->pasid);
    }
    f->next = (f->next + 1) % v->record_count;
    v->stats.guest_faults++;
    if (first) {
        raise_event(v, !viommu_is_owners(v) && !v->config.shared_unit);
    }
}

/* With translation on or off. */
static void deliver_interrupt(struct viommu *v, struct viommu_fault_event *event)
{
    u32 index = (u32)field_get(&event->addr, FRCD_INDEX);
    enum vtd_fault_reason reason = viommu_irt_fault(v, event->reason, &index);
    field_set(&event->addr, FRCD_INDEX, index);
    if (reason == VTD_FAULT_NONE) {
        v->stats.hidden_faults++;
        return;
    }
    record(v, event, (u8)reason);
}

bool viommu_fault_nested(struct viommu *v, const struct viommu_fault_event *event, u8 *reason)
{
    struct walk_result guest;
    viommu_walk_request(&v->walk, event->sid, event->has_pasid, event->pasid, &guest);
    if (guest.reason == VTD_FAULT_NONE && guest.entry.pgtt == PGTT_FIRST_STAGE) {
        guest.first_stage = viommu_first_stage_judge(&v->walk, &guest.entry, event->addr);
    }
    return viommu_fault_map(event->reason, &guest, reason) == FAULT_SHOWN;
}

static void deliver(struct viommu *v, struct viommu_fault_event *event)
{
    u8 reason = 0;
    if (!viommu_has_sources(v, event->sid, event->sid)) { /* said, and punished, where it was read */
        v->stats.hidden_faults++;
        return;
    }
    if (vtd_fault_is_interrupt(event->reason)) {
        deliver_interrupt(v, event);
        return;
    }
    if (!viommu_translating(v)) { /* the off root is Nestor's alone */
        v->stats.hidden_faults++;
        return;
    }
    if (!v->kind->fault(v, event, &reason)) {
        v->stats.hidden_faults++;
        return;
    }
    record(v, event, reason);
}

void viommu_fault_poll(struct viommu *v)
{
    struct viommu_fault_event event;
    for (u32 i = 0; i < FAULTS_PER_POLL && viommu_host_next_fault(v, &event); i++) {
        deliver(v, &event);
    }
}
