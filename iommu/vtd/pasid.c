/*
 * Entries of PASID tables, VT-d 9.5 and 9.6, 6.2.3.1. A new entry is built aside and
 * published, words 7 to 1 first, the one with P last. A live one is replaced so that hardware,
 * which reads 128 bits at a time and the parts in any order, sees the old or the new entry
 * and never a mixture:
 *
 *   only words 0 and 1 differ, or only word 2:  one store
 *   both:  a copy of the table page with the new entry takes its place in the directory
 */
#include "iommu/vtd/state.h"

enum { P = 1 };

static u64 *directory_slot(const u64 *context, u32 pasid)
{
    u64 *directory = port_hpa_to_ptr(vtd_context_directory(context));
    return &directory[pasid / PASIDS_PER_TABLE];
}

static struct pasid_entry *entry_in(u64 directory_entry, u32 pasid)
{
    struct pasid_entry *table = port_hpa_to_ptr((hpa_t){directory_entry & ~PAGE_MASK});
    return &table[pasid % PASIDS_PER_TABLE];
}

struct pasid_entry *vtd_pasid_find(const u64 *context, u32 pasid)
{
    if (vtd_context_directory(context).v == 0 || pasid >= vtd_context_pasids(context)) {
        return NULL;
    }
    u64 table = *directory_slot(context, pasid);
    return (table & P) != 0 ? entry_in(table, pasid) : NULL;
}

enum result vtd_pasid_slot(struct vtd_unit *unit, const u64 *context, u32 pasid,
                           struct pasid_entry **out)
{
    if (pasid >= vtd_context_pasids(context)) {
        port_log(LOG_ERROR, "unit %u: PASID %u is beyond the directory", unit->info.index, pasid);
        return ERR_INVALID;
    }
    u64 *slot = directory_slot(context, pasid);
    if ((*slot & P) == 0) {
        hpa_t table;
        enum result r = port_pages_alloc(1, &table);
        if (r != OK) {
            return r;
        }
        vtd_flush_table(unit, port_hpa_to_ptr(table), PAGE_SIZE);
        vtd_store64(slot, table.v | P);
        vtd_flush_table(unit, slot, sizeof(*slot));
    }
    *out = entry_in(*slot, pasid);
    return OK;
}

void vtd_pasid_publish(const struct vtd_unit *unit, struct pasid_entry *slot,
                       const struct pasid_entry *e)
{
    for (u32 i = 7; i >= 1; i--) {
        vtd_store64(&slot->w[i], e->w[i]);
    }
    vtd_flush_table(unit, slot, sizeof(*slot));
    vtd_store64(&slot->w[0], e->w[0]);
    vtd_flush_table(unit, slot, sizeof(*slot));
}

/* P off, then the invalidations, then the rest. */
static enum result retire(struct vtd_unit *unit, struct pasid_entry *slot, u32 pasid)
{
    struct pasid_entry old = *slot;
    vtd_store64(&slot->w[0], old.w[0] & ~(u64)P);
    vtd_flush_table(unit, slot, sizeof(*slot));
    enum result r = vtd_inval_entry(unit, pasid, &old, true);
    for (u32 i = 0; i < 8; i++) {
        vtd_store64(&slot->w[i], 0);
    }
    vtd_flush_table(unit, slot, sizeof(*slot));
    return r;
}

/* The page of before is given back only when the unit has certainly forgotten the entry. */
static enum result replace_table(struct vtd_unit *unit, u64 *slot, u32 pasid,
                                 const struct pasid_entry *e)
{
    hpa_t old_page = {*slot & ~PAGE_MASK}, page;
    struct pasid_entry old = *entry_in(*slot, pasid);
    enum result r = port_pages_alloc(1, &page);
    if (r != OK) {
        return r;
    }
    const u64 *from = port_hpa_to_ptr(old_page);
    u64 *to = port_hpa_to_ptr(page);
    for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++) {
        to[i] = from[i];
    }
    *entry_in(page.v, pasid) = *e;
    vtd_flush_table(unit, to, PAGE_SIZE);
    vtd_store64(slot, page.v | P);
    vtd_flush_table(unit, slot, sizeof(*slot));
    r = vtd_inval_entry(unit, pasid, &old, true);
    if (r == OK) {
        port_pages_free(old_page, 1);
    }
    return r;
}

static enum result replace(struct vtd_unit *unit, u64 *slot, u32 pasid,
                           const struct pasid_entry *e)
{
    struct pasid_entry *live = entry_in(*slot, pasid);
    struct pasid_entry old = *live;
    bool low = old.w[0] != e->w[0] || old.w[1] != e->w[1];
    if (low && old.w[2] != e->w[2]) {
        return replace_table(unit, slot, pasid, e);
    }
    if (low) {
        vtd_store128(live->w, e->w[0], e->w[1]);
    } else {
        vtd_store64(&live->w[2], e->w[2]);
    }
    vtd_flush_table(unit, live, sizeof(*live));
    return vtd_inval_entry(unit, pasid, &old, false);
}

static bool is_scalable(const struct vtd_unit *unit)
{
    return unit->info.mode == VTD_MODE_SCALABLE;
}

static u32 number(const struct vtd_unit *unit, const u64 *context, u32 pasid)
{
    return pasid == VTD_NO_PASID ? vtd_context_rid_pasid(unit, context) : pasid;
}

static enum result set_scalable(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                                const struct vtd_entry *entry)
{
    struct pasid_entry encoded, *slot;
    enum result r = vtd_entry_encode(&unit->info, entry, &encoded);
    if (r != OK) {
        return r;
    }
    if (!vtd_context_is_own(unit, root, sid)) {
        return ERR_NOT_FOUND;
    }
    const u64 *context = vtd_context_find(unit, root, sid);
    u32 at = number(unit, context, pasid);
    r = vtd_pasid_slot(unit, context, at, &slot);
    if (r != OK) {
        return r;
    }
    if ((slot->w[0] & P) != 0) {
        return replace(unit, directory_slot(context, at), at, &encoded);
    }
    vtd_pasid_publish(unit, slot, &encoded);
    return vtd_inval_new_entry(unit, at, entry->did);
}

enum result vtd_entry_set(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                          const struct vtd_entry *entry)
{
    enum result r = ERR_UNSUPPORTED;
    spin_lock(&unit->lock);
    if (is_scalable(unit)) {
        r = set_scalable(unit, root, sid, pasid, entry);
    } else if (root == VTD_ROOT_OFF && pasid == VTD_NO_PASID) {
        r = vtd_legacy_set(unit, sid, entry);
    }
    spin_unlock(&unit->lock);
    return r;
}

static struct pasid_entry *find(const struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                                u32 *at)
{
    const u64 *context = vtd_context_find(unit, root, sid);
    if (context == NULL) {
        return NULL;
    }
    *at = number(unit, context, pasid);
    struct pasid_entry *slot = vtd_pasid_find(context, *at);
    return slot != NULL && (slot->w[0] & P) != 0 ? slot : NULL;
}

static enum result clear_scalable(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    u32 at;
    if (!vtd_context_is_own(unit, root, sid)) {
        return ERR_NOT_FOUND;
    }
    struct pasid_entry *slot = find(unit, root, sid, pasid, &at);
    return slot != NULL ? retire(unit, slot, at) : ERR_NOT_FOUND;
}

enum result vtd_entry_clear(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    enum result r = ERR_UNSUPPORTED;
    spin_lock(&unit->lock);
    if (is_scalable(unit)) {
        r = clear_scalable(unit, root, sid, pasid);
    } else if (root == VTD_ROOT_OFF && pasid == VTD_NO_PASID) {
        r = vtd_legacy_reset(unit, sid);
    }
    spin_unlock(&unit->lock);
    return r;
}
