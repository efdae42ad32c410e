/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What requests meet in the tables of the root that is in use, for those who want to see it: copies, taken under the
 * unit's lock, so that no table goes away meanwhile.
 */
#include "iommu/vtd/state.h"

static void add_step(struct vtd_path *out, u64 at, const u64 *words, u32 count)
{
    out->steps[out->count].at.v = at;
    for (u32 i = 0; i < 8; i++) {
        out->steps[out->count].w[i] = i < count ? words[i] : 0;
    }
    out->count++;
}

/* The physical address of what stands in a table. */
static u64 place_in(hpa_t table, const void *entry)
{
    return table.v + (u64)((const u8 *)entry - (const u8 *)port_hpa_to_ptr(table));
}

static void follow_pasid(const struct vtd_unit *unit, const u64 *context, u32 pasid, struct vtd_path *out)
{
    out->pasid = pasid == VTD_NO_PASID ? vtd_context_rid_pasid(unit, context) : pasid;
    hpa_t directory = vtd_context_directory(context);
    if (!vtd_link_is_present(context[0]) || out->pasid >= vtd_context_pasids(context)) {
        return;
    }
    u64 at = directory.v + out->pasid / PASIDS_PER_TABLE * sizeof(u64);
    const u64 *link = port_hpa_to_ptr((hpa_t){at});
    add_step(out, at, link, 1);
    const struct pasid_entry *entry = vtd_pasid_find(context, out->pasid);
    if (entry != NULL) {
        add_step(out, place_in(vtd_link_table(*link), entry), entry->w, 8);
    }
}

static void follow(const struct vtd_unit *unit, u16 sid, u32 pasid, struct vtd_path *out)
{
    const struct vtd_root_tables *t = &unit->tables[unit->active];
    *out = (struct vtd_path){.legacy = !vtd_is_scalable(unit), .upper = vtd_is_scalable(unit) && (sid & 0x80) != 0,
                             .pasid = pasid};
    if (t->root.v == 0) {
        return;
    }
    u64 at = t->root.v + (u64)(sid >> 8) * sizeof(struct root_entry);
    const u64 *root = port_hpa_to_ptr((hpa_t){at});
    add_step(out, at, root, 2);
    const u64 *context = vtd_context_find(unit, unit->active, sid);
    if (context == NULL) {
        return;
    }
    add_step(out, place_in(vtd_link_table(root[out->upper ? 1 : 0]), context), context, vtd_context_words(unit));
    if (!out->legacy) {
        follow_pasid(unit, context, pasid, out);
    }
}

void vtd_path_get(struct vtd_unit *unit, u16 sid, u32 pasid, struct vtd_path *out)
{
    spin_lock(&unit->lock);
    follow(unit, sid, pasid, out);
    spin_unlock(&unit->lock);
}

static void describe(const struct vtd_unit *unit, u16 sid, const u64 *context, struct vtd_device_state *out)
{
    const struct vtd_history *history = vtd_storm_find(unit, sid);
    *out = (struct vtd_device_state){.sid = sid, .pasid = VTD_NO_PASID};
    if (history != NULL) {
        out->punishment = history->punishment;
        out->faults = history->faults;
    }
    for (u32 i = 0; context != NULL && i < vtd_context_words(unit); i++) {
        out->context[i] = context[i];
    }
    if (context != NULL && vtd_is_scalable(unit)) {
        out->pasid = vtd_context_rid_pasid(unit, context);
        const struct pasid_entry *entry = vtd_pasid_find(context, out->pasid);
        if (entry != NULL) {
            out->entry = *entry;
        }
    }
}

/* The context table that source-ids without one of their own share; NULL: they have none, and are blocked. */
static const u64 *shared_contexts(const struct vtd_unit *unit)
{
    hpa_t table = unit->tables[unit->active].context;
    return table.v != 0 ? port_hpa_to_ptr(table) : NULL;
}

void vtd_path_default(struct vtd_unit *unit, struct vtd_device_state *out)
{
    spin_lock(&unit->lock);
    describe(unit, 0, shared_contexts(unit), out);
    spin_unlock(&unit->lock);
    out->faults = out->punishment = 0;
}

static bool is_special(const struct vtd_unit *unit, u16 sid, const u64 *context, const u64 *shared)
{
    const struct vtd_history *history = vtd_storm_find(unit, sid);
    u64 low = shared != NULL ? shared[0] : 0;
    u64 high = shared != NULL ? shared[1] : 0;
    return (history != NULL && history->faults != 0) ||
           (context != NULL && (context[0] != low || context[1] != high));
}

/* Nothing of its own in 128 source-ids, which have one context table. */
static bool is_plain(const struct vtd_unit *unit, u32 sid, const u64 *shared)
{
    const u64 *context = vtd_context_find(unit, unit->active, (u16)sid);
    const u64 *table = (const u64 *)(const void *)((uintptr_t)context & ~(uintptr_t)PAGE_MASK);
    return unit->history[sid >> 8].v == 0 && (context == NULL || table == shared);
}

/* From *sid on; at most one table is looked through. */
static bool find_special(const struct vtd_unit *unit, u32 *sid, const u64 *shared)
{
    enum { TABLES = 64 };
    for (u32 i = 0; i < TABLES && *sid < VTD_SIDS && is_plain(unit, *sid, shared); i++) {
        *sid = (*sid | (CONTEXT_ENTRIES - 1)) + 1;
    }
    if (*sid >= VTD_SIDS) {
        return false;
    }
    for (u32 end = (*sid | (CONTEXT_ENTRIES - 1)) + 1; *sid < end; ++*sid) {
        if (is_special(unit, (u16)*sid, vtd_context_find(unit, unit->active, (u16)*sid), shared)) {
            return true;
        }
    }
    return false;
}

bool vtd_path_next(struct vtd_unit *unit, u32 *sid, struct vtd_device_state *out)
{
    spin_lock(&unit->lock);
    bool tables = unit->tables[unit->active].root.v != 0;
    bool found = tables && find_special(unit, sid, shared_contexts(unit));
    if (found) {
        describe(unit, (u16)*sid, vtd_context_find(unit, unit->active, (u16)*sid), out);
        ++*sid;
    }
    *sid = tables ? *sid : VTD_SIDS;
    spin_unlock(&unit->lock);
    return found;
}

void vtd_unit_get_state(struct vtd_unit *unit, struct vtd_unit_state *out)
{
    spin_lock(&unit->lock);
    *out = (struct vtd_unit_state){.gsts = vtd_regs_read32(unit, VTD_GSTS), .fsts = vtd_regs_read32(unit, VTD_FSTS),
                                   .rtaddr = vtd_regs_read64(unit, VTD_RTADDR),
                                   .irta = vtd_regs_read64(unit, VTD_IRTA), .root = unit->active};
    spin_unlock(&unit->lock);
}
