/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   for each source-id:      context entry --changed--> drop its bindings,
 *                                          take the new context over
 *     for each PASID of it:  PASID entry   --changed--> bind again
 *     what was bound and not found again is removed
 *
 * Contexts are cached as announced (like a context cache), so an invalidation of
 * PASIDs alone never reads roots or contexts.
 */
#include "iommu/viommu/scan.h"

#include "iommu/base/limit.h"
#include "iommu/port.h"
#include "iommu/spec/desc.h"
#include "iommu/viommu/bind.h"
#include "iommu/viommu/bindings.h"

enum {
    /* As tests/bench/bench_exit.c measures. */
    STEPS_BIND = 8,       /* ids looked up, an entry written */
    STEPS_REBIND = 60,    /* a table copied, invalidations waited for */
    STEPS_UNBIND = 40,    /* three invalidations, each waited for: registers are read uncached */
    STEPS_NEW_PAGE = 25,  /* cleared, and its 64 lines flushed */
    STEPS_OLD_PAGE = 10,  /* searched for tables, twice */
    STEPS_BLOCK = 3,      /* 64 directory entries copied, those that are present found */
    STEPS_PAGE = 4,       /* 64 PASID entries copied, those that are present found */
    STEPS_ENTRY = 2,      /* decoded, and looked for */
    TABLES_PER_BLOCK = 64, /* directory entries copied at a time */
};

void viommu_scan_start(struct viommu *v, enum scan_kind kind)
{
    v->scan = (struct viommu_scan){.kind = kind, .sid_end = VIOMMU_SIDS};
}

not_inlined void viommu_scan_start_device(struct viommu *v, u16 sid, u8 function_mask)
{
    viommu_scan_start(v, SCAN_DEVICE);
    v->scan.sid_mask = desc_fm_mask(function_mask);
    v->scan.sid = sid & (u32)~7u;
    v->scan.sid_end = v->scan.sid + 8;
    v->scan.sid_match = sid & (u16)~v->scan.sid_mask;
}

void viommu_scan_start_tables(struct viommu *v, u32 guest_did, u64 from, u64 end)
{
    v->scan = (struct viommu_scan){.kind = SCAN_TABLES, .stage = STAGE_TABLES, .sid_end = VIOMMU_SIDS, .at = from,
                                   .from = from, .end = end, .guest_did = guest_did};
}

void viommu_scan_start_pasid(struct viommu *v, u32 pasid)
{
    viommu_scan_start(v, SCAN_PASID);
    v->scan.pasid = pasid;
}

static bool same_context(const struct guest_context *a, const struct guest_context *b)
{
    return a->present == b->present && a->paside == b->paside && a->pdts == b->pdts && a->did == b->did &&
           a->rid_pasid == b->rid_pasid && a->directory.v == b->directory.v;
}

static void next_device(struct viommu_scan *s)
{
    s->sid++;
    s->stage = STAGE_CONTEXT;
    if (s->kind != SCAN_PASID) {
        s->pasid = 0;
    }
    if (s->sid % VIOMMU_DEVICES_PER_HALF == 0) {
        s->table_valid = false;
    }
}

/* Reasons are not kept: a fault reads the tables again. */
static void count_refusal(struct viommu *v, enum vtd_fault_reason reason)
{
    if (reason != VTD_FAULT_NONE && reason != VTD_FAULT_PASID_ENTRY_NOT_PRESENT &&
        reason != VTD_FAULT_PASID_DIR_NOT_PRESENT && reason != VTD_FAULT_CONTEXT_NOT_PRESENT &&
        reason != VTD_FAULT_LEGACY_CONTEXT_NOT_PRESENT) {
        v->stats.entry_refusals++;
    }
}

/* What is charged by what became of it. */
struct spending {
    u32 pages;
    u64 unbinds, rebinds;
};

static struct spending spending(const struct viommu *v)
{
    return (struct spending){v->bindings.table_pages, v->stats.unbinds, v->stats.rebinds};
}

static void spend_since(struct viommu *v, const struct spending *before)
{
    u32 now = v->bindings.table_pages;
    u32 taken = now > before->pages ? now - before->pages : 0;
    u32 given = now < before->pages ? before->pages - now : 0;
    (void)viommu_spend(v, taken * STEPS_NEW_PAGE + given * STEPS_OLD_PAGE +
                              (v->stats.unbinds != before->unbinds ? STEPS_UNBIND : 0) +
                              (v->stats.rebinds != before->rebinds ? STEPS_REBIND : 0));
}

void viommu_scan_sync_entry(struct viommu *v, struct viommu_device *device, u32 pasid, const struct guest_entry *entry)
{
    struct spending before = spending(v);
    (void)viommu_spend(v, STEPS_ENTRY);
    if (viommu_bind_sync(v, device, (u16)v->scan.sid, pasid, entry)) {
        (void)viommu_spend(v, STEPS_BIND);
        spend_since(v, &before);
    }
}

static void sync_one(struct viommu *v, struct viommu_device *device, u32 pasid)
{
    struct guest_entry entry;
    enum vtd_fault_reason reason = viommu_walk_pasid(&v->walk, &device->context, pasid, &entry);
    count_refusal(v, reason);
    viommu_scan_sync_entry(v, device, pasid, &entry);
}

/*
 * One page of 64 entries, copied once; false when the budget ends inside it. Entries that are not
 * present are skipped: the sweep removes what was bound there.
 */
static bool sync_table(struct viommu *v, struct viommu_device *device, gpa_t table)
{
    struct viommu_scan *s = &v->scan;
    const struct pasid_entry *entries = (const struct pasid_entry *)(const void *)v->scratch;
    (void)viommu_spend(v, STEPS_PAGE);
    if (!v->walk.ops->read(v->walk.ctx, table, v->scratch, PAGE_SIZE)) {
        s->pasid = (s->pasid / PASIDS_PER_TABLE + 1) * PASIDS_PER_TABLE;
        return true;
    }
    do {
        const struct pasid_entry *e = &entries[s->pasid % PASIDS_PER_TABLE];
        if (pasid_get(e, PASID_P) != 0) {
            struct guest_entry entry;
            count_refusal(v, viommu_walk_decode_pasid(&v->walk, e, &entry));
            viommu_scan_sync_entry(v, device, s->pasid, &entry);
        }
        s->pasid++;
    } while (s->pasid % PASIDS_PER_TABLE != 0 && v->budget != 0);
    return s->pasid % PASIDS_PER_TABLE == 0;
}

/* Up to 64 directory entries, copied once; false when the budget ends among them. */
static bool sync_block(struct viommu *v, struct viommu_device *device, u32 end)
{
    struct viommu_scan *s = &v->scan;
    struct pasid_dir_entry block[TABLES_PER_BLOCK];
    u32 first = s->pasid / PASIDS_PER_TABLE;
    u32 last = (first / TABLES_PER_BLOCK + 1) * TABLES_PER_BLOCK;
    if (last > end / PASIDS_PER_TABLE) {
        last = end / PASIDS_PER_TABLE;
    }
    gpa_t at = {device->context.directory.v + (u64)first * sizeof(block[0])};
    bool readable = v->walk.ops->read(v->walk.ctx, at, block, (last - first) * sizeof(block[0]));
    for (u32 i = first; readable && i < last; i++) {
        gpa_t table;
        if ((block[i - first].w[0] & FIELD_MASK(PASID_DIR_P)) == 0) { /* mostly */
            continue;
        }
        if (i != first) {
            s->pasid = i * PASIDS_PER_TABLE;
        }
        if (viommu_walk_decode_directory(&v->walk, &block[i - first], &table) != VTD_FAULT_NONE) {
            (void)viommu_spend(v, 1);
        } else if (v->budget == 0 || !sync_table(v, device, table)) {
            return false;
        }
    }
    s->pasid = last * PASIDS_PER_TABLE;
    return true;
}

static u32 pasid_end(const struct viommu *v, const struct guest_context *context)
{
    u32 carried = viommu_walk_pasid_count(&v->walk, context);
    return carried < PASIDS_PER_TABLE ? PASIDS_PER_TABLE : carried;
}

/* All PASIDs of one device; without PASIDE only RID_PASID is ever looked at. */
bool viommu_scan_pasids(struct viommu *v, struct viommu_device *device)
{
    struct viommu_scan *s = &v->scan;
    if (!device->context.paside) {
        sync_one(v, device, device->context.rid_pasid);
        return true;
    }
    u32 end = pasid_end(v, &device->context);
    while (s->pasid < end) {
        if (!viommu_spend(v, STEPS_BLOCK) || !sync_block(v, device, end)) {
            return false;
        }
    }
    if (device->context.rid_pasid >= end) { /* outside PSS, but not carried by requests */
        sync_one(v, device, device->context.rid_pasid);
    }
    return true;
}

/* The context table of the half bus the cursor is in; false when no entry there can exist. */
static bool load_table(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    if (!s->table_valid) {
        u16 first = (u16)(s->sid - s->sid % VIOMMU_DEVICES_PER_HALF);
        s->table_reason = v->kind->root(&v->walk, (u16)s->sid, &s->table);
        s->some_foreign = !viommu_has_sources(v, first, first + VIOMMU_DEVICES_PER_HALF - 1);
        s->table_valid = true;
    }
    return s->table_reason == VTD_FAULT_NONE;
}

/* Nothing listed and nothing known in this half bus: on to the next. */
static void skip_half(struct viommu_scan *s)
{
    s->sid = (s->sid / VIOMMU_DEVICES_PER_HALF + 1) * VIOMMU_DEVICES_PER_HALF;
    s->sid = s->sid < s->sid_end ? s->sid : s->sid_end;
    s->table_valid = false;
}

static void start_pasids(struct viommu *v)
{
    v->scan.stage = STAGE_PASIDS;
    v->scan.sweep = 0;
    v->scan.at = 0;
    viommu_bind_start_pass(v);
}

/* Another partition's is to this guest a device that is not there: nothing of its entries is ever asked for. */
static void skip_foreign(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    if (!s->some_foreign || viommu_has_sources(v, (u16)s->sid, (u16)s->sid)) {
        return;
    }
    s->context.present = false;
    if (limit_due_at(++v->stats.foreign_devices)) {
        port_log(LOG_WARNING, "viommu: partition %u lists %#x, which is another partition's: it is passed "
                 "over (time %llu)", v->config.partition, s->sid, v->stats.foreign_devices);
    }
}

/* STAGE_CONTEXT of the scans that read contexts. */
static void compare_context(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    bool listed = load_table(v);
    if (!listed && !viommu_bindings_know_half(v, s->sid)) {
        skip_half(s);
        return;
    }
    struct viommu_device *device = viommu_bindings_find_device(v, (u16)s->sid);
    s->context = (struct guest_context){.present = false};
    if (listed) {
        count_refusal(v, v->kind->context(&v->walk, s->table, (u16)s->sid, &s->context));
    }
    if (s->context.present) {
        skip_foreign(v);
    }
    if (device == NULL && !s->context.present) {
        next_device(s);
    } else if (device == NULL || !same_context(&device->context, &s->context)) {
        s->stage = STAGE_DROP;
    } else if (s->kind == SCAN_EVERYTHING || (device->count == 0 && v->kind->ttm == TTM_LEGACY)) {
        start_pasids(v); /* in legacy mode the context announces the table, too: what had no room is tried again */
    } else {
        next_device(s);
    }
}

/* STAGE_DROP: one binding a step, then the new context counts. */
static void drop_old(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    struct viommu_device *device = viommu_bindings_find_device(v, (u16)s->sid);
    struct spending before = spending(v);
    if (device != NULL && viommu_bind_drop_one(v, device)) {
        spend_since(v, &before);
        return;
    }
    if (!s->context.present) {
        viommu_bindings_forget_device(v, (u16)s->sid);
        next_device(s);
        return;
    }
    device = viommu_bindings_add_device(v, (u16)s->sid);
    if (device == NULL) {
        viommu_bind_tell_quota(v, (u16)s->sid);
        next_device(s);
        return;
    }
    device->context = s->context;
    start_pasids(v);
}

/* A device that the scans of PASIDs and the teardown start with; NULL when there is none left. */
static struct viommu_device *known_device(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    s->sid = viommu_bindings_next_device(v, s->sid);
    return s->sid < s->sid_end ? viommu_bindings_find_device(v, (u16)s->sid) : NULL;
}

/* STAGE_SWEEP: one binding a step. */
static void sweep(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    bool changed;
    struct spending before = spending(v);
    bool more = viommu_bind_sweep(v, viommu_bindings_find_device(v, (u16)s->sid), &s->sweep, &changed);
    if (changed) {
        spend_since(v, &before);
    }
    if (!more) {
        next_device(s);
    }
}

static void step_context(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    if (s->kind == SCAN_DEVICE && (s->sid & (u32)~s->sid_mask) != s->sid_match) {
        next_device(s);
        return;
    }
    if (s->kind == SCAN_CONTEXTS || s->kind == SCAN_EVERYTHING || s->kind == SCAN_DEVICE) {
        compare_context(v);
        return;
    }
    struct viommu_device *device = known_device(v);
    if (device == NULL) {
        return;
    }
    if (s->kind == SCAN_TEARDOWN) {
        s->context = (struct guest_context){.present = false};
        s->stage = STAGE_DROP;
    } else if (s->kind == SCAN_PASIDS) {
        start_pasids(v);
    } else {
        const struct guest_context *context = &device->context;
        if (s->pasid == context->rid_pasid ||
            (context->paside && s->pasid < pasid_end(v, context))) {
            sync_one(v, device, s->pasid);
        }
        next_device(s);
    }
}

bool viommu_scan_run(struct viommu *v)
{
    struct viommu_scan *s = &v->scan;
    while (s->kind != SCAN_IDLE && s->sid < s->sid_end) {
        if (!viommu_spend(v, 1)) {
            return false;
        }
        switch (s->stage) {
        case STAGE_CONTEXT:
            step_context(v);
            break;
        case STAGE_DROP:
            drop_old(v);
            break;
        case STAGE_PASIDS:
            if (v->kind->sync(v, viommu_bindings_find_device(v, (u16)s->sid))) {
                s->stage = STAGE_SWEEP;
            }
            break;
        case STAGE_SWEEP:
            sweep(v);
            break;
        case STAGE_TABLES:
            if (v->kind->run_tables(v)) {
                s->sid = s->sid_end;
            }
            break;
        }
    }
    if (s->kind != SCAN_IDLE && !v->kind->tidy(v)) {
        return false;
    }
    s->kind = SCAN_IDLE;
    return true;
}
