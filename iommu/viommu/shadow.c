/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See shadow.h. A table of the guest's is a shadow, walked as a whole before the first device gets through it; until
 * then the device is blocked. An IOTLB invalidation has the announced addresses read again in every table that is used
 * under its domain id (0: in all, as what was not present is cached under it), and what follows from that goes into the
 * batch in front of the guest's wait: the shadow is stored and flushed before the unit is told to forget, and the unit
 * has forgotten before the guest is told.
 */
#include "iommu/viommu/shadow.h"

#include "iommu/port.h"
#include "iommu/spec/caps.h"
#include "iommu/viommu/bind.h"
#include "iommu/viommu/desc.h"
#include "iommu/viommu/scan.h"

/* --- binding --- */

static enum result make(struct viommu *v, const struct bind_plan *plan, void **host)
{
    struct shadow *s;
    enum result r = shadow_get(&v->shadows, plan->table, plan->levels, &s);
    r = r == OK ? shadow_take(&v->shadows, s, plan->guest_did) : r;
    *host = r == OK ? s : NULL;
    return r;
}

static void drop(struct viommu *v, const struct bind_plan *plan, void *host)
{
    shadow_give(&v->shadows, host, plan->guest_did);
}

static enum result attach(struct viommu *v, void *host, u16 sid, u32 pasid)
{
    return domain_attach(shadow_domain(host), v->config.unit, v->root, sid, pasid);
}

static enum result replace(struct viommu *v, void *host, u16 sid, u32 pasid)
{
    return domain_replace(shadow_domain(host), v->config.unit, v->root, sid, pasid);
}

static enum result detach(struct viommu *v, void *host, u16 sid, u32 pasid)
{
    return domain_detach(shadow_domain(host), v->config.unit, v->root, sid, pasid);
}

/* --- reading tables --- */

static void flush(struct viommu *v, struct shadow *s)
{
    if (shadow_flush(&v->shadows, s) != OK) {
        v->stats.host_errors++;
    }
}

/* The entry is written with most of a budget left: what it takes is charged afterwards. */
enum { STEPS_KEPT = 160 };

static bool sync_table(struct viommu *v, const struct guest_entry *entry, enum result *r)
{
    struct shadow *s;
    *r = shadow_get(&v->shadows, entry->ss_root, entry->ss_levels, &s);
    if (*r != OK) {
        return true;
    }
    v->stats.shadow_syncs++;
    u64 began = v->scan.at;
    bool done = shadow_sync(&v->shadows, s, &v->scan.at, 0, &v->budget);
    flush(v, s);
    if (done && v->scan.at != began && v->budget < STEPS_KEPT) {
        v->budget = 0;
        return false;
    }
    return done;
}

static bool sync(struct viommu *v, struct viommu_device *device)
{
    struct guest_entry entry;
    enum result r = OK;
    viommu_walk_legacy_entry(&device->context, &entry);
    if (entry.present && entry.pgtt == PGTT_SECOND_STAGE && !sync_table(v, &entry, &r)) {
        return false;
    }
    if (r != OK) {
        viommu_bind_tell_quota(v, (u16)v->scan.sid);
        entry.present = false;
    }
    viommu_scan_sync_entry(v, device, device->context.rid_pasid, &entry);
    return true;
}

static bool announce(struct viommu *v, const struct viommu_cmd *cmd)
{
    u32 guest_did = cmd->granularity == VGRAN_GLOBAL || cmd->did == 0 ? SHADOW_ALL : cmd->did;
    u64 from = 0, end = 0;
    if (cmd->granularity == VGRAN_PAGE) {
        u64 span = PAGE_SIZE << field_get(&cmd->reach, IVA_AM);
        from = cmd->reach & FIELD_MASK(IVA_ADDR) & ~(span - 1);
        end = from + span;
    }
    viommu_scan_start_tables(v, guest_did, from, end);
    return true;
}

/* For the queue by a descriptor of its batch; for a register, which is answered at once, by waiting. */
static void invalidate(struct viommu *v, struct shadow *s)
{
    struct viommu_queue *q = &v->queue;
    struct vtd_desc d;
    bool any = false;
    bool in_batch = q->scanning && q->count < VIOMMU_BATCH &&
                    shadow_invalidate(&v->shadows, s, &d, &any) == OK;
    if (!in_batch) {
        flush(v, s);
    } else if (any) {
        v->batch[q->count++] = d;
    }
}

static bool run_tables(struct viommu *v)
{
    struct viommu_scan *scan = &v->scan;
    struct shadow *s;
    while ((s = shadow_next(&v->shadows, scan->guest_did, scan->serial, &v->budget)) != NULL) {
        v->stats.shadow_syncs++;
        if (!shadow_sync(&v->shadows, s, &scan->at, scan->end, &v->budget)) {
            flush(v, s); /* so that what was taken out does not pile up */
            return false;
        }
        invalidate(v, s);
        scan->serial = shadow_serial(s);
        scan->at = scan->from;
    }
    return true;
}

static bool tidy(struct viommu *v)
{
    return shadow_tidy(&v->shadows, &v->budget);
}

/* --- faults --- */

/* Hardware's reason in either mode; the guest's where it is the same whatever its tables say; how. */
#define SHADOW_FAULTS(X)                                                                                             \
    X(EXECUTE_REQUESTED,          EXECUTE_REQUESTED,      SHOWN)                                                     \
    X(LEGACY_WITH_PASID,          LEGACY_WITH_PASID,      SHOWN)                                                     \
    X(PASID_NOT_ENABLED,          LEGACY_WITH_PASID,      SHOWN)  /* the host's context has no PASIDs */             \
    X(PASID_OVER_PSS,             LEGACY_WITH_PASID,      SHOWN)                                                     \
    X(LEGACY_PAGE_REQUEST,        LEGACY_PAGE_REQUEST,    SHOWN)                                                     \
    X(PAGE_REQUEST_NOT_ENABLED,   LEGACY_PAGE_REQUEST,    SHOWN)                                                     \
    X(LEGACY_DEVICE_TLB,          LEGACY_DEVICE_TLB,      SHOWN)                                                     \
    X(DEVICE_TLB_NOT_ENABLED,     LEGACY_DEVICE_TLB,      SHOWN)                                                     \
    X(LEGACY_INTERRUPT_RANGE,     LEGACY_INTERRUPT_RANGE, SHOWN)                                                     \
    X(INTERRUPT_RANGE,            LEGACY_INTERRUPT_RANGE, SHOWN)                                                     \
    X(LEGACY_ROOT_NOT_PRESENT,    NONE,                   TABLES) /* blocked: the guest's tables say why */          \
    X(LEGACY_CONTEXT_NOT_PRESENT, NONE,                   TABLES)                                                    \
    X(ROOT_NOT_PRESENT,           NONE,                   TABLES)                                                    \
    X(CONTEXT_NOT_PRESENT,        NONE,                   TABLES)                                                    \
    X(PASID_DIR_NOT_PRESENT,      NONE,                   TABLES)                                                    \
    X(PASID_ENTRY_NOT_PRESENT,    NONE,                   TABLES)                                                    \
    X(LEGACY_ADDRESS_WIDTH,       NONE,                   ACCESS) /* in the shadow, or in the second stage */        \
    X(LEGACY_WRITE,               NONE,                   ACCESS)                                                    \
    X(LEGACY_READ,                NONE,                   ACCESS)                                                    \
    X(SS_ADDRESS_WIDTH,           NONE,                   ACCESS)                                                    \
    X(SS_ENTRY_NOT_PRESENT,       NONE,                   ACCESS)                                                    \
    X(WRITE,                      NONE,                   ACCESS)                                                    \
    X(READ,                       NONE,                   ACCESS)

enum shadow_view viommu_shadow_view(u8 hardware_reason, u8 *shown)
{
    static const struct { u8 hardware, guest, view; } rules[] = {
#define SHADOW_FAULT(hw, guest_reason, how) {VTD_FAULT_##hw, VTD_FAULT_##guest_reason, SHADOW_VIEW_##how},
        SHADOW_FAULTS(SHADOW_FAULT)
#undef SHADOW_FAULT
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].hardware == hardware_reason) {
            *shown = rules[i].guest;
            return (enum shadow_view)rules[i].view;
        }
    }
    return SHADOW_VIEW_HIDDEN;
}

/* Of an access that the hardware refused, while the guest's context is valid. What had no room has no access. */
static u8 judge(const struct viommu *v, const struct guest_entry *entry, const struct viommu_fault_event *event)
{
    bool read = (event->attributes & field_mask(FRCD_T1)) != 0;
    bool write = !read || (event->attributes & field_mask(FRCD_T2)) != 0;
    enum vtd_fault_reason why =
        shadow_judge(&v->shadows, entry->ss_root, entry->ss_levels, event->addr, read, write);
    if (why != VTD_FAULT_NONE) {
        return (u8)why;
    }
    return write ? VTD_FAULT_LEGACY_WRITE : VTD_FAULT_LEGACY_READ;
}

static bool fault(struct viommu *v, const struct viommu_fault_event *event, u8 *reason)
{
    struct walk_result guest;
    enum shadow_view view = viommu_shadow_view(event->reason, reason);
    if (view == SHADOW_VIEW_HIDDEN) {
        return false;
    }
    viommu_walk_request(&v->walk, event->sid, event->has_pasid, event->pasid, &guest);
    if (view != SHADOW_VIEW_SHOWN && guest.reason != VTD_FAULT_NONE) {
        *reason = (u8)guest.reason;
    } else if (view != SHADOW_VIEW_SHOWN && guest.entry.pgtt != PGTT_PASS_THROUGH) {
        *reason = judge(v, &guest.entry, event); /* a table without room, or one that is still read, has no access */
    } else if (view == SHADOW_VIEW_TABLES) { /* Nestor's doing: a quota */
        return false;
    } else if (view == SHADOW_VIEW_ACCESS) {
        *reason = VTD_FAULT_LEGACY_ADDRESS_WIDTH;
        if (event->addr >> v->walk.haw == 0) { /* a hole of the partition's */
            return false;
        }
    }
    return !guest.fpd || !vtd_fault_is_qualified(*reason);
}

/* --- life --- */

static struct viommu *of_follower(struct domain_follower *follower)
{
    return (struct viommu *)(void *)((u8 *)follower - offsetof(struct viommu, follower));
}

static bool changed(struct domain_follower *self, bool again, u32 *budget)
{
    struct viommu *v = of_follower(self);
    spin_lock(&v->lock);
    bool done = shadow_follow(&v->shadows, again, budget);
    spin_unlock(&v->lock);
    return done;
}

void viommu_shadow_init(struct viommu *v)
{
    const struct shadow_config config = {
        .unit = v->config.unit, .parent = v->config.parent, .memory = v->config.shadows,
        .read = v->config.ops->read, .ctx = v->config.ctx, .scratch = (u64 *)(void *)v->scratch,
        .partition = v->config.partition, .haw = v->walk.haw, .mgaw = vtd_cap_mgaw(v->cap),
        .page_sizes = vtd_cap_ss_page_sizes(v->cap), .snoop = vtd_ecap_get(v->ecap, VTD_ECAP_SC) != 0};
    shadow_init(&v->shadows, &config);
    v->follower.changed = changed;
    domain_follow(v->config.parent, &v->follower);
}

void viommu_shadow_end(struct viommu *v)
{
    domain_unfollow(v->config.parent, &v->follower);
    shadow_end(&v->shadows);
}

const struct viommu_kind viommu_shadowed = {
    .ttm = TTM_LEGACY,
    .caps = &viommu_caps_shadowed,
    .root = viommu_walk_legacy_root,
    .context = viommu_walk_legacy_context,
    .make = make,
    .attach = attach,
    .replace = replace,
    .detach = detach,
    .drop = drop,
    .sync = sync,
    .announce = announce,
    .run_tables = run_tables,
    .tidy = tidy,
    .fault = fault,
};
