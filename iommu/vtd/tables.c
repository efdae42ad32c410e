/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of a unit as a whole: made, emptied, given back. What they look like: context.c. */
#include "iommu/vtd/state.h"

static enum result new_page(hpa_t *out)
{
    enum result r = port_pages_alloc(1, out);
    if (r != OK) {
        out->v = 0;
    }
    return r;
}

static void fill(const struct vtd_unit *unit, hpa_t table, const u64 *pattern, u32 words)
{
    u64 *to = port_hpa_to_ptr(table);
    for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++) {
        to[i] = pattern[i % words];
    }
    vtd_store_flush(unit, to, PAGE_SIZE);
}

/* The entry that covers everything, as the unit's mode writes it. */
static enum result fill_default(struct vtd_unit *unit, struct vtd_root_tables *t)
{
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = unit->def.did,
                                    .ss_root = unit->def.ss_root, .ss_levels = unit->def.ss_levels};
    u64 context[4] = {0};
    enum result r;
    if (vtd_is_scalable(unit)) {
        struct pasid_entry encoded;
        r = vtd_entry_encode(&unit->info, &entry, &encoded);
        if (r != OK) {
            return r;
        }
        *(struct pasid_entry *)port_hpa_to_ptr(t->pasids) = encoded;
        vtd_store_flush(unit, port_hpa_to_ptr(t->pasids), PAGE_SIZE);
        u64 *directory = port_hpa_to_ptr(t->directory);
        directory[0] = vtd_link_to(t->pasids);
        vtd_store_flush(unit, directory, PAGE_SIZE);
        context[0] = vtd_link_to(t->directory);
    } else {
        r = vtd_entry_encode_legacy(&unit->info, &entry, context);
        if (r != OK) {
            return r;
        }
    }
    fill(unit, t->context, context, vtd_context_words(unit));
    const u64 root[2] = {vtd_link_to(t->context), vtd_is_scalable(unit) ? vtd_link_to(t->context) : 0};
    fill(unit, t->root, root, 2);
    return OK;
}

enum result vtd_tables_create(struct vtd_unit *unit)
{
    struct vtd_root_tables *off = &unit->tables[VTD_ROOT_OFF];
    enum result r = new_page(&off->root);
    r = r == OK ? new_page(&off->context) : r;
    if (vtd_is_scalable(unit)) {
        r = r == OK ? new_page(&off->directory) : r;
        r = r == OK ? new_page(&off->pasids) : r;
    }
    r = r == OK ? new_page(&unit->tables[VTD_ROOT_GUEST].root) : r;
    r = r == OK ? fill_default(unit, off) : r;
    if (r != OK) {
        vtd_tables_free(unit);
    }
    return r;
}

static void empty_context(struct vtd_unit *unit, enum vtd_root root, u64 *context)
{
    hpa_t directory = vtd_context_directory(context);
    if (vtd_is_scalable(unit) && directory.v != 0 && directory.v != unit->tables[root].directory.v) {
        vtd_pasid_free_directory(directory, vtd_context_pasids(context));
    }
    vtd_context_write(unit, context, 0, 0);
}

/* From source-id `first` on; true when nothing is left in it. */
static bool empty_context_table(struct vtd_unit *unit, enum vtd_root root, u64 *table, u32 first,
                                const struct vtd_sources *own)
{
    bool empty = true;
    for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i += vtd_context_words(unit)) {
        u16 sid = (u16)(first + i / vtd_context_words(unit));
        if (own == NULL || own->has(own->ctx, sid, sid)) {
            empty_context(unit, root, &table[i]);
        } else {
            empty = false; /* its owner's entry comes back to this place */
        }
    }
    return empty;
}

void vtd_tables_empty(struct vtd_unit *unit, enum vtd_root root, const struct vtd_sources *own)
{
    enum { SIDS_PER_HALF = VTD_SIDS / (ROOT_ENTRIES * 2) };
    u64 *halves = port_hpa_to_ptr(unit->tables[root].root);
    u64 shared = unit->tables[root].context.v;
    for (u32 i = 0; i < ROOT_ENTRIES * 2; i++) {
        hpa_t table = vtd_link_table(halves[i]);
        bool own_table = vtd_link_is_present(halves[i]) && table.v != shared;
        if (!own_table) {
            halves[i] = 0;
        } else if (empty_context_table(unit, root, port_hpa_to_ptr(table), i * SIDS_PER_HALF, own)) {
            halves[i] = 0;
            port_pages_free(table, 1);
        }
    }
    vtd_store_flush(unit, halves, PAGE_SIZE);
}

void vtd_tables_free(struct vtd_unit *unit)
{
    vtd_own_free(unit);
    for (u32 root = VTD_ROOT_OFF; root <= VTD_ROOT_GUEST; root++) {
        struct vtd_root_tables *t = &unit->tables[root];
        if (t->root.v != 0) {
            vtd_tables_empty(unit, (enum vtd_root)root, NULL);
        }
        const hpa_t pages[] = {t->root, t->context, t->directory, t->pasids};
        for (u32 i = 0; i < ARRAY_LEN(pages); i++) {
            if (pages[i].v != 0) {
                port_pages_free(pages[i], 1);
            }
        }
        *t = (struct vtd_root_tables){{0}, {0}, {0}, {0}};
    }
}
