/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Context entries of single devices, scalable mode: a directory of its own, put in place of
 * the root's default by one store (all of a context entry that is not reserved is in its
 * first 128 bits, VT-d 9.4), and back. A device that is punished for its faults stays so until the guest lists it
 * no more.
 */
#include "iommu/vtd/state.h"

static enum result check(const struct vtd_unit *unit, const struct vtd_context *c)
{
    u32 width = vtd_ecap_pasid_width(unit->info.ecap);
    bool has_rps = vtd_ecap_get(unit->info.ecap, VTD_ECAP_RPS) != 0;
    if (c->pasids != 0 && (width == 0 || c->pasids > 1u << width)) {
        port_log(LOG_ERROR, "unit %u: context refused, %u PASIDs on a unit with %u bits (ECAP.PSS)",
                 unit->info.index, c->pasids, width);
        return ERR_UNSUPPORTED;
    }
    if (c->rid_pasid != 0 && !has_rps) {
        port_log(LOG_ERROR, "unit %u: context refused, the unit lacks RID_PASID (ECAP.RPS)",
                 unit->info.index);
        return ERR_UNSUPPORTED;
    }
    if (c->rid_pasid >= 1u << 20) {
        port_log(LOG_ERROR, "unit %u: context refused, RID_PASID 0x%x is out of range",
                 unit->info.index, c->rid_pasid);
        return ERR_INVALID;
    }
    return OK;
}

/* PDTS: the directory covers all PASIDs that may be asked for, and RID_PASID. */
static u32 directory_order(const struct vtd_context *c)
{
    u32 top = c->pasids > c->rid_pasid + 1 ? c->pasids : c->rid_pasid + 1;
    u32 order = 0;
    while (pdts_pasids(order) < top) {
        order++;
    }
    return order;
}

static void encode(const struct vtd_context *c, hpa_t directory, u64 words[2])
{
    words[0] = vtd_link_to(directory) | field_put(CONTEXT_FPD, c->fpd) |
               field_put(CONTEXT_PASIDE, c->pasids != 0) | field_put(CONTEXT_PDTS, directory_order(c));
    words[1] = field_put(CONTEXT_RID_PASID, c->rid_pasid);
}

u32 vtd_device_directory_pages(const struct vtd_context *c)
{
    return vtd_pasid_directory_pages(pdts_pasids(directory_order(c)));
}

/* A directory; in the OFF root requests without PASID find what they had before. */
static enum result new_directory(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                                 const struct vtd_context *c, u64 words[2])
{
    hpa_t directory;
    struct pasid_entry *slot;
    u32 pages = vtd_device_directory_pages(c);
    enum result r = port_pages_take(pages, &directory);
    if (r != OK) {
        return r;
    }
    vtd_store_flush(unit, port_hpa_to_ptr(directory), pages * PAGE_SIZE);
    encode(c, directory, words);
    if (root != VTD_ROOT_OFF) {
        return OK;
    }
    struct pasid_entry entry = *(const struct pasid_entry *)port_hpa_to_ptr(unit->tables[VTD_ROOT_OFF].pasids);
    r = vtd_limit_apply(unit, sid, true, &entry);
    r = r == OK ? vtd_pasid_slot(unit, words, c->rid_pasid, &slot) : r;
    if (r != OK) {
        vtd_pasid_free_directory(directory, vtd_context_pasids(words));
        return r;
    }
    vtd_pasid_publish(unit, slot, &entry);
    return OK;
}

static enum result open_new(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                            const struct vtd_context *c)
{
    u64 words[2], *context;
    enum result r = new_directory(unit, root, sid, c, words);
    if (r != OK) {
        return r;
    }
    r = vtd_context_slot(unit, root, sid, &context);
    if (r != OK) {
        vtd_pasid_free_directory(vtd_context_directory(words), vtd_context_pasids(words));
        return r;
    }
    vtd_own_write(unit, root, sid, context, words[0], words[1]);
    if (!unit->walked) {
        return OK;
    }
    return root == VTD_ROOT_OFF ? vtd_inval_context(unit, sid, &unit->def.did, 1)
                                : vtd_inval_new_context(unit, sid);
}

/* The same device opened twice; P and FPD may have changed by its faults. */
static bool opened_alike(const struct vtd_unit *unit, enum vtd_root root, u16 sid,
                         const struct vtd_context *c)
{
    u64 words[2];
    const u64 *now = vtd_context_find(unit, root, sid);
    encode(c, vtd_context_directory(now), words);
    return ((words[0] ^ now[0]) & ~(field_mask(CONTEXT_P) | field_mask(CONTEXT_FPD))) == 0 && words[1] == now[1];
}

enum result vtd_device_open(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                            const struct vtd_context *c)
{
    if (!vtd_is_scalable(unit)) {
        return c->pasids == 0 && c->rid_pasid == 0 ? OK : ERR_UNSUPPORTED;
    }
    spin_lock(&unit->lock);
    enum result r = check(unit, c);
    if (r == OK && vtd_context_is_own(unit, root, sid)) {
        r = opened_alike(unit, root, sid, c) ? OK : ERR_EXISTS;
    } else if (r == OK) {
        r = open_new(unit, root, sid, c);
    }
    spin_unlock(&unit->lock);
    return r;
}

/* Before the unit walks the root: nothing is cached, nothing to invalidate. */
enum result vtd_device_open_limited(struct vtd_unit *unit)
{
    static const struct vtd_context plain = {.pasids = 0};
    enum result r = OK;
    for (u32 i = 0; r == OK && vtd_is_scalable(unit) && i < unit->limit_count; i++) {
        u16 sid = unit->limits[i].sid;
        if (vtd_limit_is_set(unit, sid) && !vtd_context_is_own(unit, VTD_ROOT_OFF, sid)) {
            r = open_new(unit, VTD_ROOT_OFF, sid, &plain);
        }
    }
    return r;
}

enum result vtd_device_get(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                           struct vtd_context *out)
{
    enum result r = ERR_NOT_FOUND;
    spin_lock(&unit->lock);
    if (vtd_context_is_own(unit, root, sid)) {
        const u64 *context = vtd_context_find(unit, root, sid);
        out->rid_pasid = vtd_context_rid_pasid(unit, context);
        out->pasids = field_get(context, CONTEXT_PASIDE) != 0 ? vtd_context_pasids(context) : 0;
        out->fpd = field_get(context, CONTEXT_FPD) != 0;
        r = OK;
    }
    spin_unlock(&unit->lock);
    return r;
}

/* A larger directory with the same tables: every PASID that had an entry finds it, in the old one or in the new. */
static enum result grow(struct vtd_unit *unit, enum vtd_root root, u16 sid, const struct vtd_context *c)
{
    u64 *context = vtd_context_find(unit, root, sid);
    hpa_t old = vtd_context_directory(context), directory;
    u32 old_pages = vtd_pasid_directory_pages(vtd_context_pasids(context));
    u32 pages = vtd_device_directory_pages(c);
    u64 words[2];
    enum result r = port_pages_take(pages, &directory);
    if (r != OK) {
        return r;
    }
    const u64 *from = port_hpa_to_ptr(old);
    u64 *to = port_hpa_to_ptr(directory);
    for (u32 i = 0; i < old_pages * PASID_DIR_ENTRIES_PER_PAGE; i++) {
        to[i] = from[i];
    }
    vtd_store_flush(unit, to, pages * PAGE_SIZE);
    encode(c, directory, words);
    vtd_own_write(unit, root, sid, context, words[0], words[1]);
    r = vtd_inval_all(unit); /* rare, and collecting the ids of so many tables takes longer */
    if (r == OK) {
        port_pages_free(old, old_pages);
    }
    return r;
}

enum result vtd_device_grow(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasids)
{
    enum result r = ERR_NOT_FOUND;
    spin_lock(&unit->lock);
    const u64 *context = vtd_context_is_own(unit, root, sid) ? vtd_context_find(unit, root, sid) : NULL;
    if (context != NULL && field_get(context, CONTEXT_PASIDE) != 0) {
        const struct vtd_context c = {.rid_pasid = vtd_context_rid_pasid(unit, context), .pasids = pasids,
                                      .fpd = field_get(context, CONTEXT_FPD) != 0};
        r = check(unit, &c);
        if (r == OK && pasids > vtd_context_pasids(context)) {
            r = grow(unit, root, sid, &c);
        }
    }
    spin_unlock(&unit->lock);
    return r;
}

/* A set of domain ids; count is one more than fit when there are too many. */
struct did_set {
    u16 ids[VTD_DIDS_MAX];
    u32 count;
};

static void add_did(struct did_set *set, u16 did)
{
    for (u32 i = 0; i < set->count && i < VTD_DIDS_MAX; i++) {
        if (set->ids[i] == did) {
            return;
        }
    }
    if (set->count < VTD_DIDS_MAX) {
        set->ids[set->count] = did;
    }
    set->count += set->count <= VTD_DIDS_MAX ? 1 : 0;
}

/* All domain ids below a context. */
static void collect_dids(const u64 *context, struct did_set *set)
{
    const u64 *directory = port_hpa_to_ptr(vtd_context_directory(context));
    u32 tables = vtd_context_pasids(context) / PASIDS_PER_TABLE;
    for (u32 i = 0; set->count <= VTD_DIDS_MAX && (i = vtd_pasid_next_table(directory, i, tables)) < tables; i++) {
        const struct pasid_entry *entries = port_hpa_to_ptr(vtd_link_table(directory[i]));
        for (u32 k = 0; k < PASIDS_PER_TABLE; k++) {
            if (pasid_get(&entries[k], PASID_P) != 0) {
                add_did(set, (u16)pasid_get(&entries[k], PASID_DID));
            }
        }
    }
}

static enum result close_own(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    struct did_set set = {.count = 0};
    u64 *context = vtd_context_find(unit, root, sid);
    const u64 old[2] = {context[0], context[1]};
    hpa_t shared = unit->tables[root].directory;
    u64 low = shared.v != 0 ? vtd_link_to(shared) : 0;
    collect_dids(context, &set);
    if (root == VTD_ROOT_GUEST) { /* an owned one's is still the same guest's: vtd_own_block() ends its storms */
        vtd_storm_taken_out(unit, sid);
    }
    vtd_own_write(unit, root, sid, context, low, 0);
    enum result r = vtd_inval_context(unit, sid, set.ids, set.count);
    if (r == OK) {
        /* Otherwise the unit may still walk them: they stay lost until it is released. */
        vtd_pasid_free_directory(vtd_context_directory(old), vtd_context_pasids(old));
    }
    return r;
}

enum result vtd_device_close(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    enum result r = ERR_NOT_FOUND;
    spin_lock(&unit->lock);
    if (!vtd_is_scalable(unit)) {
        if (root == VTD_ROOT_GUEST) {
            vtd_storm_taken_out(unit, sid);
        }
        r = vtd_legacy_reset(unit, root, sid);
    } else if (vtd_context_is_own(unit, root, sid)) {
        bool stays = root == VTD_ROOT_OFF && vtd_limit_is_set(unit, sid);
        r = stays ? ERR_UNSUPPORTED : close_own(unit, root, sid);
    }
    spin_unlock(&unit->lock);
    return r;
}

static u32 number(const struct vtd_unit *unit, const u64 *context, u32 pasid)
{
    return pasid == VTD_NO_PASID ? vtd_context_rid_pasid(unit, context) : pasid;
}

static enum result set_scalable(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                                const struct vtd_entry *entry)
{
    struct pasid_entry encoded;
    enum result r = vtd_entry_encode(&unit->info, entry, &encoded);
    if (r != OK) {
        return r;
    }
    if (!vtd_context_is_own(unit, root, sid)) {
        return ERR_NOT_FOUND;
    }
    const u64 *context = vtd_context_find(unit, root, sid);
    u32 which = number(unit, context, pasid);
    r = vtd_limit_apply(unit, sid, which == vtd_context_rid_pasid(unit, context), &encoded);
    return r == OK ? vtd_pasid_set(unit, context, which, &encoded) : r;
}

static enum result clear_scalable(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    if (!vtd_context_is_own(unit, root, sid)) {
        return ERR_NOT_FOUND;
    }
    const u64 *context = vtd_context_find(unit, root, sid);
    return vtd_pasid_clear(unit, context, number(unit, context, pasid));
}

enum result vtd_device_set_entry(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                                 const struct vtd_entry *entry)
{
    enum result r = ERR_UNSUPPORTED;
    spin_lock(&unit->lock);
    if (vtd_is_scalable(unit)) {
        r = set_scalable(unit, root, sid, pasid, entry);
    } else if (pasid == VTD_NO_PASID) {
        r = vtd_legacy_set(unit, root, sid, entry);
    }
    spin_unlock(&unit->lock);
    return r;
}

enum result vtd_device_clear_entry(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    enum result r = ERR_UNSUPPORTED;
    spin_lock(&unit->lock);
    if (vtd_is_scalable(unit)) {
        r = clear_scalable(unit, root, sid, pasid);
    } else if (pasid == VTD_NO_PASID) {
        r = vtd_legacy_reset(unit, root, sid);
    }
    spin_unlock(&unit->lock);
    return r;
}

bool vtd_device_has_table(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    spin_lock(&unit->lock);
    bool own = vtd_is_scalable(unit) && vtd_context_is_own(unit, root, sid);
    bool has = own && vtd_pasid_find(vtd_context_find(unit, root, sid), pasid) != NULL;
    spin_unlock(&unit->lock);
    return has;
}

static const char *pgtt_text(u32 pgtt)
{
    static const char *const types[] = {"?", "first-stage", "second-stage", "nested", "pass-through"};
    return types[pgtt <= PGTT_PASS_THROUGH ? pgtt : 0];
}

/* What requests without PASID go through, as far as a line says it; pgtt 0: nothing. */
static struct vtd_entry entry_of(const struct vtd_unit *unit, const u64 *context)
{
    if (!vtd_is_scalable(unit)) {
        bool present = context != NULL && field_get(context, LEGACY_CONTEXT_P) != 0;
        if (!present) {
            return (struct vtd_entry){.did = 0};
        }
        return (struct vtd_entry){.pgtt = PGTT_SECOND_STAGE, .did = (u16)field_get(context, LEGACY_CONTEXT_DID),
                                  .ss_root = {context[0] & field_mask(LEGACY_CONTEXT_SSPTPTR)}};
    }
    const struct pasid_entry *e =
        context != NULL ? vtd_pasid_find(context, vtd_context_rid_pasid(unit, context)) : NULL;
    if (e == NULL || pasid_get(e, PASID_P) == 0) {
        return (struct vtd_entry){.did = 0};
    }
    return (struct vtd_entry){.pgtt = (enum pgtt)pasid_get(e, PASID_PGTT), .did = (u16)pasid_get(e, PASID_DID),
                              .ss_root = {pasid_get(e, PASID_SSPTPTR) << PAGE_SHIFT},
                              .fs_root = pasid_get(e, PASID_FSPTPTR) << PAGE_SHIFT};
}

void vtd_device_show(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    spin_lock(&unit->lock);
    const struct vtd_entry e = entry_of(unit, vtd_context_find(unit, root, sid));
    spin_unlock(&unit->lock);
    port_log(LOG_INFO, "  unit %u %#x: PGTT = %s DID %u second stage 0x%llx first stage 0x%llx, %u faults",
             unit->info.index, sid, e.pgtt != 0 ? pgtt_text(e.pgtt) : "none (blocked)",
             e.did, e.ss_root.v, e.fs_root, vtd_storm_faults(unit, sid));
}
