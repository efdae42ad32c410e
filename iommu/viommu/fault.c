/*
 * Primary fault logging of the guest's unit (VT-d 7.2, 7.3, 11.4.7) fed by the
 * hardware's records, each translated to what a unit with one stage reports.
 */
#include "iommu/viommu/fault.h"

#include "iommu/viommu/event.h"
#include "iommu/viommu/first_stage.h"
#include "iommu/viommu/host.h"

enum { RECORD_F_SHIFT = 63, FAULTS_PER_POLL = 64 };

/* How a hardware reason becomes the guest's. */
enum fault_action {
    ACT_HIDE,  /* Nestor's business */
    ACT_TABLES,/* host entry missing: whatever the guest's own tables say */
    ACT_FIRST, /* shown as `shown` for a first-stage entry, hidden for pass-through */
    ACT_BOTH,  /* shown as `shown` for either */
    ACT_WALK,  /* a first-stage entry led out of the partition: the first stage tells where */
};

struct fault_rule {
    u8 hardware, shown;
    u8 action;
    const char *why;
};

static const struct fault_rule fault_rules[] = {
    {0x34, 0x34, ACT_BOTH, "execute requests are refused the same way"},
    {0x38, 0, ACT_HIDE, "the host's root table"},
    {0x39, 0, ACT_TABLES, "blocked: the guest's root or what is below says why"},
    {0x3a, 0, ACT_HIDE, "the host's root table"},
    {0x40, 0, ACT_HIDE, "the host's context table"},
    {0x41, 0, ACT_TABLES, "blocked: the guest's context or what is below says why"},
    {0x42, 0, ACT_HIDE, "the host's context table"},
    {0x43, 0, ACT_HIDE, "the host's context table"},
    {0x44, 0x44, ACT_BOTH, "DTE is 0 in both views"},
    {0x45, 0x45, ACT_BOTH, "PASIDE is the guest's"},
    {0x46, 0, ACT_TABLES, "the directories differ in size; the guest's decides"},
    {0x47, 0x47, ACT_BOTH, "PRE is 0 in both views"},
    {0x48, 0x48, ACT_BOTH, "RID_PASID is the guest's"},
    {0x49, 0x49, ACT_BOTH, "EPTR is 0 in both views"},
    {0x50, 0, ACT_HIDE, "the host's PASID directory"},
    {0x51, 0, ACT_TABLES, "blocked: the guest's directory or entry says why"},
    {0x52, 0, ACT_HIDE, "the host's PASID directory"},
    {0x58, 0, ACT_HIDE, "the host's PASID table"},
    {0x59, 0, ACT_TABLES, "blocked: the guest's entry says why"},
    {0x5a, 0, ACT_HIDE, "the host's PASID entry"},
    {0x5b, 0, ACT_HIDE, "the host's PASID entry"},
    {0x5c, 0x5c, ACT_BOTH, "execute requests are off in both views"},
    {0x5d, 0x5d, ACT_BOTH, "SRE is the guest's"},
    {0x70, 0x70, ACT_FIRST, "same stage"},
    {0x71, 0x71, ACT_FIRST, "same stage"},
    {0x72, 0x72, ACT_FIRST, "same stage"},
    {0x73, 0x73, ACT_FIRST, "same stage"},
    {0x74, 0, ACT_WALK, "nested only: one stage takes the bits as reserved or finds no memory"},
    {0x75, 0x73, ACT_FIRST, "nested only: one stage finds no memory under FSPTPTR"},
    {0x76, 0x70, ACT_FIRST, "nested only: one stage finds no memory under a table pointer"},
    {0x77, 0x91, ACT_FIRST, "nested only: one stage fails to update the flags"},
    {0x78, 0, ACT_HIDE, "the host's second stage is unreadable"},
    {0x79, 0, ACT_WALK, "a table or page where the partition has no memory"},
    {0x7a, 0, ACT_HIDE, "the host's second stage is malformed"},
    {0x7b, 0, ACT_HIDE, "the host's second stage is unreadable"},
    {0x7c, 0, ACT_HIDE, "second-stage flags are off"},
    {0x7d, 0, ACT_HIDE, "second-stage flags are off"},
    {0x80, 0x80, ACT_FIRST, "same stage"},
    {0x81, 0x81, ACT_FIRST, "same stage"},
    {0x83, 0x83, ACT_BOTH, "pass-through beyond the address width"},
    {0x84, 0x83, ACT_BOTH, "second-stage-only stands for pass-through: beyond its width"},
    {0x85, 0x85, ACT_FIRST, "write denied, by the guest's R/W or by what the partition has"},
    {0x86, 0x71, ACT_FIRST, "one stage has no read permission to deny: not there"},
    {0x87, 0x87, ACT_BOTH, "the interrupt range is the same in both views"},
    {0x89, 0x89, ACT_BOTH, "PSS is the hardware's"},
    {0x90, 0x90, ACT_FIRST, "same stage"},
    {0x91, 0x91, ACT_FIRST, "same stage"},
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

const char *viommu_fault_why(u8 hardware_reason)
{
    const struct fault_rule *rule = find_rule(hardware_reason);
    return rule != NULL ? rule->why : "not a reason that a guest's device can cause";
}

/* Reasons of guest tables that FPD does not suppress (table 30, "qualified: no"). */
static bool is_unqualified(u8 reason)
{
    switch (reason) {
    case VTD_FAULT_LEGACY_ROOT_NOT_PRESENT:
    case VTD_FAULT_LEGACY_ROOT_ACCESS:
    case VTD_FAULT_LEGACY_CONTEXT_ACCESS:
    case VTD_FAULT_LEGACY_ROOT_RESERVED:
    case VTD_FAULT_TTM_INVALID:
    case VTD_FAULT_LEGACY_WITH_PASID:
    case VTD_FAULT_ROOT_ACCESS:
    case VTD_FAULT_ROOT_NOT_PRESENT:
    case VTD_FAULT_ROOT_RESERVED:
    case VTD_FAULT_CONTEXT_ACCESS:
    case VTD_FAULT_PASID_DIR_ACCESS:
    case VTD_FAULT_PASID_ENTRY_ACCESS:
        return true;
    default:
        return false;
    }
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
        return guest->fpd && !is_unqualified(*reason) ? FAULT_HIDDEN : FAULT_SHOWN;
    }
    bool pass_through = !refused && guest->entry.pgtt == PGTT_PASS_THROUGH;
    if ((rule->action != ACT_BOTH && pass_through) || guest->fpd) {
        return FAULT_HIDDEN;
    }
    if (rule->action == ACT_WALK && refused) { /* changed since: the new tables say why */
        *reason = (u8)guest->reason;
    } else {
        *reason = rule->action == ACT_WALK ? (u8)guest->first_stage : rule->shown;
    }
    return FAULT_SHOWN;
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
        if ((v->faults.record[i][1] >> RECORD_F_SHIFT) != 0) {
            return true;
        }
    }
    return false;
}

u32 viommu_fault_status(const struct viommu *v)
{
    bool pending = any_record(v);
    return v->faults.status | (pending ? (u32)VFSTS_PPF | v->faults.first << 8 : 0);
}

static bool anything_pending(const struct viommu *v)
{
    return v->faults.status != 0 || any_record(v);
}

/*
 * VT-d 7.3: one event when the first condition appears. One that the hardware
 * found has been sent by the hardware itself, which holds the guest's message.
 */
static void raise_event(struct viommu *v, bool sent_by_hardware)
{
    if ((v->reg[VREG_FECTL] & VEVENT_IM) != 0) {
        v->faults.event_pending = true;
        return;
    }
    if (!sent_by_hardware) {
        viommu_event_send_fault(v);
    }
}

void viommu_fault_event_update(struct viommu *v)
{
    if (v->faults.event_pending && (v->reg[VREG_FECTL] & VEVENT_IM) == 0) {
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
    return v->faults.record[offset / 16][(offset / 8) & 1];
}

void viommu_fault_record_write(struct viommu *v, u32 offset, u64 value)
{
    u64 flag = 1ull << RECORD_F_SHIFT;
    if ((offset & 8) != 0 && (value & flag) != 0) {
        v->faults.record[offset / 16][1] &= ~flag;
        settle(v);
    }
}

/* VT-d 7.2.1. */
static void record(struct viommu *v, const struct viommu_fault_event *event, u8 reason)
{
    struct viommu_faults *f = &v->faults;
    if ((f->status & VFSTS_PFO) != 0) {
        v->stats.overflows++;
        return;
    }
    bool first = !anything_pending(v);
    u64 *slot = f->record[f->next];
    if ((slot[1] >> RECORD_F_SHIFT) != 0) {
        f->status |= VFSTS_PFO;
        v->stats.overflows++;
        return;
    }
    if (!any_record(v)) {
        f->first = f->next;
    }
    slot[0] = event->addr & ~PAGE_MASK;
    slot[1] = 1ull << RECORD_F_SHIFT | event->attributes | (u64)reason << 32 | event->sid;
    if (event->has_pasid) {
        slot[1] |= 1ull << 31 | (u64)event->pasid << 40;
    }
    f->next = (f->next + 1) % v->record_count;
    v->stats.guest_faults++;
    if (first) {
        raise_event(v, true);
    }
}

static void deliver(struct viommu *v, const struct viommu_fault_event *event)
{
    struct walk_result guest;
    u8 reason = 0;
    if (!viommu_translating(v)) { /* the off root is Nestor's alone */
        v->stats.hidden_faults++;
        return;
    }
    viommu_walk_request(&v->walk, event->sid, event->has_pasid, event->pasid, &guest);
    if (guest.reason == VTD_FAULT_NONE && guest.entry.pgtt == PGTT_FIRST_STAGE) {
        guest.first_stage = viommu_first_stage_judge(&v->walk, &guest.entry, event->addr);
    }
    if (viommu_fault_map(event->reason, &guest, &reason) == FAULT_HIDDEN) {
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
