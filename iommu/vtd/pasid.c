/* SPDX-License-Identifier: BSD-2-Clause */
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

static u64 *directory_slot(const u64 *context, u32 pasid)
{
    u64 *directory = port_hpa_to_ptr(vtd_context_directory(context));
    return &directory[pasid / PASIDS_PER_TABLE];
}

static struct pasid_entry *entry_in(u64 directory_entry, u32 pasid)
{
    struct pasid_entry *table = port_hpa_to_ptr(vtd_link_table(directory_entry));
    return &table[pasid % PASIDS_PER_TABLE];
}

struct pasid_entry *vtd_pasid_find(const u64 *context, u32 pasid)
{
    if (vtd_context_directory(context).v == 0 || pasid >= vtd_context_pasids(context)) {
        return NULL;
    }
    u64 table = *directory_slot(context, pasid);
    return vtd_link_is_present(table) ? entry_in(table, pasid) : NULL;
}

enum result vtd_pasid_slot(struct vtd_unit *unit, const u64 *context, u32 pasid,
                           struct pasid_entry **out)
{
    if (pasid >= vtd_context_pasids(context)) {
        port_log(LOG_ERROR, "unit %u: PASID %u is beyond the directory", unit->info.index, pasid);
        return ERR_INVALID;
    }
    u64 *slot = directory_slot(context, pasid);
    if (!vtd_link_is_present(*slot)) {
        hpa_t table;
        enum result r = port_pages_take(1, &table);
        if (r != OK) {
            return r;
        }
        vtd_store_flush(unit, port_hpa_to_ptr(table), PAGE_SIZE);
        vtd_store64(slot, vtd_link_to(table));
        vtd_store_flush(unit, slot, sizeof(*slot));
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
    vtd_store_flush(unit, slot, sizeof(*slot));
    vtd_store64(&slot->w[0], e->w[0]);
    vtd_store_flush(unit, slot, sizeof(*slot));
}

/* P off, then the invalidations, then the rest. */
static enum result retire(struct vtd_unit *unit, struct pasid_entry *slot, u32 pasid)
{
    struct pasid_entry old = *slot;
    vtd_store64(&slot->w[0], old.w[0] & ~field_mask(PASID_P));
    vtd_store_flush(unit, slot, sizeof(*slot));
    enum result r = vtd_inval_entry(unit, pasid, &old, true);
    for (u32 i = 0; i < 8; i++) {
        vtd_store64(&slot->w[i], 0);
    }
    vtd_store_flush(unit, slot, sizeof(*slot));
    return r;
}

static bool has_others(u64 directory_entry, u32 pasid)
{
    const struct pasid_entry *table = entry_in(directory_entry, 0);
    for (u32 i = 0; i < PASIDS_PER_TABLE; i++) {
        if (i != pasid % PASIDS_PER_TABLE && pasid_get(&table[i], PASID_P) != 0) {
            return true;
        }
    }
    return false;
}

/*
 * A directory entry changes, which Table 28 has for every PASID below it: a walk for another of them may stand in the
 * old page. That is given back only when the unit has certainly left it.
 */
static enum result replace_table(struct vtd_unit *unit, u64 *slot, u32 pasid,
                                 const struct pasid_entry *e)
{
    hpa_t old_page = vtd_link_table(*slot), page;
    struct pasid_entry old = *entry_in(*slot, pasid);
    enum result r = port_pages_take(1, &page);
    if (r != OK) {
        return r;
    }
    const u64 *from = port_hpa_to_ptr(old_page);
    u64 *to = port_hpa_to_ptr(page);
    for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++) {
        to[i] = from[i];
    }
    *entry_in(page.v, pasid) = *e;
    vtd_store_flush(unit, to, PAGE_SIZE);
    vtd_store64(slot, vtd_link_to(page));
    vtd_store_flush(unit, slot, sizeof(*slot));
    r = has_others(*slot, pasid) ? vtd_inval_all(unit) : vtd_inval_entry(unit, pasid, &old, true);
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
    vtd_store_flush(unit, live, sizeof(*live));
    return vtd_inval_entry(unit, pasid, &old, false);
}

enum result vtd_pasid_set(struct vtd_unit *unit, const u64 *context, u32 pasid, const struct pasid_entry *e)
{
    struct pasid_entry *slot;
    enum result r = vtd_pasid_slot(unit, context, pasid, &slot);
    if (r != OK) {
        return r;
    }
    if (pasid_get(slot, PASID_P) != 0) {
        return replace(unit, directory_slot(context, pasid), pasid, e);
    }
    vtd_pasid_publish(unit, slot, e);
    return vtd_inval_new_entry(unit, pasid, (u16)pasid_get(e, PASID_DID));
}

enum result vtd_pasid_clear(struct vtd_unit *unit, const u64 *context, u32 pasid)
{
    struct pasid_entry *slot = vtd_pasid_find(context, pasid);
    return slot != NULL && pasid_get(slot, PASID_P) != 0 ? retire(unit, slot, pasid) : ERR_NOT_FOUND;
}

/* Eight at a time: of 16,384 entries mostly one is present. */
u32 vtd_pasid_next_table(const u64 *directory, u32 from, u32 count)
{
    u32 i = from;
    for (const u64 *e = &directory[i]; i + 8 <= count; i += 8, e += 8) {
        if (((e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) & FIELD_MASK(PASID_DIR_P)) != 0) {
            break;
        }
    }
    while (i < count && (directory[i] & FIELD_MASK(PASID_DIR_P)) == 0) {
        i++;
    }
    return i;
}

void vtd_pasid_free_directory(hpa_t directory, u32 pasids)
{
    const u64 *entries = port_hpa_to_ptr(directory);
    u32 count = pasids / PASIDS_PER_TABLE;
    for (u32 i = 0; (i = vtd_pasid_next_table(entries, i, count)) < count; i++) {
        port_pages_free(vtd_link_table(entries[i]), 1);
    }
    port_pages_free(directory, vtd_pasid_directory_pages(pasids));
}
