/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root and context tables, VT-d 9.1 to 9.4: where the context entry of a source-id is, and how it comes
 * to have one that it shares with nobody.
 *
 *   OFF:  root[256 buses] -> one context table -> one directory -> one PASID table -> one entry
 *   a device with entries of its own: its half bus gets a context table of its own, a copy
 *
 * Context tables are kept until the unit goes: a few pages that no walk in flight can miss.
 */
#include "iommu/vtd/state.h"

static u32 entries_per_table(const struct vtd_unit *unit)
{
    return (u32)(PAGE_SIZE / sizeof(u64)) / vtd_context_words(unit);
}

/* The half of the root entry (scalable mode) or its first word that leads to sid's context table. */
static u64 *root_half(const struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    u64 *table = port_hpa_to_ptr(unit->tables[root].root);
    bool upper = vtd_is_scalable(unit) && (sid & 0x80) != 0; /* devices 16 to 31 */
    return table + (size_t)(sid >> 8) * 2 + (upper ? 1 : 0);
}

u64 *vtd_context_own(const struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    struct vtd_own *own = port_hpa_to_ptr(unit->own);
    for (u32 i = 0; i < unit->own_count; i++) {
        if (own[i].sid == sid) {
            return own[i].context[root - VTD_ROOT_OWN_OFF];
        }
    }
    return NULL;
}

u64 *vtd_context_find(const struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    if (root >= VTD_ROOT_OWN_OFF) {
        return vtd_context_own(unit, root, sid);
    }
    if (unit->tables[root].root.v == 0) {
        return NULL;
    }
    u64 half = *root_half(unit, root, sid);
    if (!vtd_link_is_present(half)) {
        return NULL;
    }
    u64 *table = port_hpa_to_ptr(vtd_link_table(half));
    return table + (size_t)(sid & (entries_per_table(unit) - 1)) * vtd_context_words(unit);
}

bool vtd_context_is_own(const struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    const u64 *context = vtd_context_find(unit, root, sid);
    if (context == NULL || !vtd_is_scalable(unit)) {
        return false;
    }
    u64 directory = vtd_context_directory(context).v;
    return directory != 0 && directory != unit->tables[root].directory.v;
}

void vtd_context_write(struct vtd_unit *unit, u64 *context, u64 low, u64 high)
{
    vtd_store128(context, low, high);
    vtd_store_flush(unit, context, 2 * sizeof(u64));
}

enum result vtd_context_slot(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 **out)
{
    if (root >= VTD_ROOT_OWN_OFF) {
        *out = vtd_context_own(unit, root, sid);
        return *out != NULL ? OK : ERR_NOT_FOUND;
    }
    u64 *half = root_half(unit, root, sid);
    hpa_t shared = unit->tables[root].context;
    enum result r = OK;
    if (!vtd_link_is_present(*half) || vtd_link_table(*half).v == shared.v) {
        bool present = vtd_link_is_present(*half);
        hpa_t page;
        r = port_pages_take(1, &page);
        if (r != OK) {
            return r;
        }
        u64 *to = port_hpa_to_ptr(page);
        const u64 *from = shared.v != 0 ? port_hpa_to_ptr(shared) : NULL;
        for (u32 i = 0; from != NULL && i < PAGE_SIZE / sizeof(u64); i++) {
            to[i] = from[i];
        }
        vtd_store_flush(unit, to, PAGE_SIZE);
        /* Old and new say the same of every source-id; a present root entry that changes is global all the same. */
        vtd_store64(half, vtd_link_to(page));
        vtd_store_flush(unit, half, sizeof(*half));
        r = present && unit->walked ? vtd_inval_all(unit) : OK;
    }
    *out = vtd_context_find(unit, root, sid);
    return r;
}

u32 vtd_context_rid_pasid(const struct vtd_unit *unit, const u64 *context)
{
    return vtd_ecap_get(unit->info.ecap, VTD_ECAP_RPS) != 0 ? (u32)field_get(context, CONTEXT_RID_PASID) : 0;
}
