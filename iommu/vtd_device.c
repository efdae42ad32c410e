/*
 * Entries of single devices: open and close a context, set and clear PASID entries.
 * A new entry is built aside and published, words 7 to 1 first, the one with P last; a
 * live one is changed so that every state hardware can read is the old or the new one
 * (it reads 128 bits at a time, VT-d 9), or else is taken away first. VT-d 6.2.3.1.
 */
#include "iommu/vtd_unit.h"

enum { P = 1, FPD = 2, PASIDE = 8, PDTS_SHIFT = 9, DIDS_MAX = 5, PASIDS_PER_TABLE = 64 };

static bool is_scalable(const struct vtd_unit *unit)
{
    return unit->info.mode == VTD_MODE_SCALABLE;
}

static void store(u64 *to, u64 value)
{
    __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/* Both words at once, as the hardware reads them. */
static void store_pair(u64 *to, u64 low, u64 high)
{
    u64 old_low = to[0], old_high = to[1];
    bool done;
    do {
        __asm__ volatile("lock cmpxchg16b %1"
                         : "=@ccz"(done), "+m"(*(u64(*)[2])to), "+a"(old_low), "+d"(old_high)
                         : "b"(low), "c"(high)
                         : "memory");
    } while (!done);
}

static void publish(const struct vtd_unit *unit, struct pasid_entry *slot,
                    const struct pasid_entry *e)
{
    for (u32 i = 7; i >= 1; i--) {
        store(&slot->w[i], e->w[i]);
    }
    vtd_flush_table(unit, slot, sizeof(*slot));
    store(&slot->w[0], e->w[0]);
    vtd_flush_table(unit, slot, sizeof(*slot));
}

static enum result retire(struct vtd_unit *unit, struct pasid_entry *slot, u32 pasid)
{
    struct pasid_entry old = *slot;
    store(&slot->w[0], old.w[0] & ~(u64)P);
    vtd_flush_table(unit, slot, sizeof(*slot));
    enum result r = vtd_inval_entry(unit, pasid, &old, true);
    for (u32 i = 0; i < 8; i++) {
        store(&slot->w[i], 0);
    }
    vtd_flush_table(unit, slot, sizeof(*slot));
    return r;
}

static bool first_stage_matters(const struct pasid_entry *e)
{
    u64 pgtt = pasid_get(e, PASID_PGTT);
    return pgtt == PGTT_FIRST_STAGE || pgtt == PGTT_NESTED;
}

/*
 * The first 128 bits and the first-stage word are two reads for the hardware: a change
 * of one of them is atomic; of both only when the old or the new entry has no first stage.
 */
static bool can_replace_live(const struct pasid_entry *old, const struct pasid_entry *new)
{
    bool pair = old->w[0] != new->w[0] || old->w[1] != new->w[1];
    bool word = old->w[2] != new->w[2];
    return !(pair && word) || !first_stage_matters(old) || !first_stage_matters(new);
}

static enum result replace(struct vtd_unit *unit, struct pasid_entry *slot, u32 pasid,
                           const struct pasid_entry *e)
{
    struct pasid_entry old = *slot;
    if (!can_replace_live(&old, e)) {
        enum result r = retire(unit, slot, pasid);
        if (r == OK) {
            publish(unit, slot, e);
            r = vtd_inval_new_entry(unit, pasid, (u16)pasid_get(e, PASID_DID));
        }
        return r;
    }
    if (first_stage_matters(&old)) {
        store_pair(slot->w, e->w[0], e->w[1]);
        store(&slot->w[2], e->w[2]);
    } else {
        store(&slot->w[2], e->w[2]);
        vtd_flush_table(unit, slot, sizeof(*slot));
        store_pair(slot->w, e->w[0], e->w[1]);
    }
    vtd_flush_table(unit, slot, sizeof(*slot));
    return vtd_inval_entry(unit, pasid, &old, false);
}

/* The directory slot's PASID table, made when missing. */
static enum result pasid_slot(struct vtd_unit *unit, u64 *context, u32 pasid,
                              struct pasid_entry **out)
{
    u64 *directory = port_hpa_to_ptr((hpa_t){context[0] & ~PAGE_MASK});
    u64 *slot = &directory[pasid / PASIDS_PER_TABLE];
    if (pasid >= 1u << ((context[0] >> PDTS_SHIFT & 7) + 13)) {
        port_log(LOG_ERROR, "unit %u: PASID %u is beyond the directory", unit->info.index, pasid);
        return ERR_INVALID;
    }
    if ((*slot & P) == 0) {
        hpa_t table;
        enum result r = port_pages_alloc(1, &table);
        if (r != OK) {
            return r;
        }
        vtd_flush_table(unit, port_hpa_to_ptr(table), PAGE_SIZE);
        store(slot, table.v | P);
        vtd_flush_table(unit, slot, sizeof(*slot));
    }
    *out = vtd_pasid_find(unit, context, pasid);
    return OK;
}

static u32 rid_pasid(const struct vtd_unit *unit, const u64 *context)
{
    return vtd_ecap_get(unit->info.ecap, VTD_ECAP_RPS) != 0 ? (u32)context[1] & 0xfffff : 0;
}

/* ---- legacy mode: the context entry is all there is ---- */

static enum result legacy_write(struct vtd_unit *unit, u16 sid, const u64 words[2])
{
    u64 *context;
    enum result r = vtd_context_slot(unit, VTD_ROOT_OFF, sid, &context);
    if (r != OK) {
        return r;
    }
    u16 dids[2] = {(u16)(context[1] >> 8), (u16)(words[1] >> 8)};
    store_pair(context, words[0], words[1]);
    vtd_flush_table(unit, context, 16);
    return vtd_inval_context(unit, sid, dids, dids[0] == dids[1] ? 1 : 2);
}

static enum result legacy_default(struct vtd_unit *unit, u16 sid)
{
    const u64 *shared = port_hpa_to_ptr(unit->tables[VTD_ROOT_OFF].context);
    u64 words[2] = {shared[0], shared[1]};
    return legacy_write(unit, sid, words);
}

/* ---- contexts ---- */

static enum result check_context(const struct vtd_unit *unit, const struct vtd_context *c)
{
    u32 width = vtd_ecap_pasid_width(unit->info.ecap);
    bool has_rps = vtd_ecap_get(unit->info.ecap, VTD_ECAP_RPS) != 0;
    if ((c->pasids != 0 && (width == 0 || c->pasids > 1u << 20)) || c->rid_pasid >= 1u << 20 ||
        (c->rid_pasid != 0 && !has_rps)) {
        port_log(LOG_ERROR, "unit %u: context refused, %u PASIDs with RID_PASID %u",
                 unit->info.index, c->pasids, c->rid_pasid);
        return ERR_UNSUPPORTED;
    }
    return OK;
}

/* PDTS: the directory covers 2^(PDTS + 13) PASIDs, all that may be asked for and RID_PASID. */
static u32 directory_order(const struct vtd_context *c)
{
    u32 top = c->pasids > c->rid_pasid + 1 ? c->pasids : c->rid_pasid + 1, order = 0;
    while ((u64)1 << (order + 13) < top) {
        order++;
    }
    return order;
}

static void encode_context(const struct vtd_context *c, hpa_t directory, u64 words[4])
{
    words[0] = directory.v | P | (c->fpd ? FPD : 0) | (c->pasids != 0 ? PASIDE : 0) |
               (u64)directory_order(c) << PDTS_SHIFT;
    words[1] = c->rid_pasid;
    words[2] = words[3] = 0;
}

/* Changes a whole context entry; the first 128 bits say everything that is not reserved. */
static enum result write_context(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                                 const u64 words[4])
{
    u64 *context;
    enum result r = vtd_context_slot(unit, root, sid, &context);
    if (r != OK) {
        return r;
    }
    store_pair(context, words[0], words[1]);
    vtd_flush_table(unit, context, 32);
    return OK;
}

static enum result open_scalable(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                                 const struct vtd_context *c)
{
    u64 words[4];
    hpa_t directory;
    u32 pages = ((128u << directory_order(c)) * 8 + (u32)PAGE_MASK) / (u32)PAGE_SIZE;
    u32 pasids = 1u << (directory_order(c) + 13);
    enum result r = port_pages_alloc(pages, &directory);
    if (r != OK) {
        return r;
    }
    vtd_flush_table(unit, port_hpa_to_ptr(directory), pages * PAGE_SIZE);
    encode_context(c, directory, words);
    if (root == VTD_ROOT_OFF) {
        /* Its requests without PASID go on as before: no window. */
        struct pasid_entry *entry;
        const struct pasid_entry *def = port_hpa_to_ptr(unit->tables[VTD_ROOT_OFF].pasids);
        r = pasid_slot(unit, words, c->rid_pasid, &entry);
        if (r == OK) {
            publish(unit, entry, def);
        }
    }
    r = r == OK ? write_context(unit, root, sid, words) : r;
    if (r != OK) {
        vtd_directory_free(directory, pasids);
        return r;
    }
    u16 did = unit->def.did;
    return vtd_inval_context(unit, sid, &did, 1);
}

enum result vtd_device_open(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                            const struct vtd_context *c)
{
    if (!is_scalable(unit)) {
        return root == VTD_ROOT_OFF && c->pasids == 0 && c->rid_pasid == 0 ? OK : ERR_UNSUPPORTED;
    }
    spin_lock(&unit->lock);
    enum result r = check_context(unit, c);
    if (r == OK && vtd_context_is_own(unit, root, sid)) {
        u64 words[4];
        const u64 *now = vtd_context_find(unit, root, sid);
        encode_context(c, (hpa_t){now[0] & ~PAGE_MASK}, words);
        r = words[0] == now[0] && words[1] == now[1] ? OK : ERR_EXISTS;
    } else if (r == OK) {
        r = open_scalable(unit, root, sid, c);
    }
    spin_unlock(&unit->lock);
    return r;
}

enum result vtd_device_get(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                           struct vtd_context *out)
{
    enum result r = ERR_NOT_FOUND;
    spin_lock(&unit->lock);
    if (is_scalable(unit) && vtd_context_is_own(unit, root, sid)) {
        const u64 *context = vtd_context_find(unit, root, sid);
        out->rid_pasid = rid_pasid(unit, context);
        out->pasids = (context[0] & PASIDE) != 0 ? 1u << ((context[0] >> PDTS_SHIFT & 7) + 13) : 0;
        out->fpd = (context[0] & FPD) != 0;
        r = OK;
    }
    spin_unlock(&unit->lock);
    return r;
}

/* All domain ids below a context; count is one more than fit when there are too many. */
static void note_did(u16 *dids, u32 *count, u16 did)
{
    for (u32 i = 0; i < *count; i++) {
        if (dids[i] == did) {
            return;
        }
    }
    if (*count < DIDS_MAX) {
        dids[*count] = did;
    }
    *count += *count <= DIDS_MAX ? 1 : 0;
}

static void collect_dids(const struct vtd_unit *unit, const u64 *context, u16 *dids, u32 *count)
{
    const u64 *directory = port_hpa_to_ptr((hpa_t){context[0] & ~PAGE_MASK});
    u32 tables = 128u << (context[0] >> PDTS_SHIFT & 7);
    (void)unit;
    for (u32 i = 0; i < tables && *count <= DIDS_MAX; i++) {
        if ((directory[i] & P) == 0) {
            continue;
        }
        const struct pasid_entry *entries = port_hpa_to_ptr((hpa_t){directory[i] & ~PAGE_MASK});
        for (u32 k = 0; k < PASIDS_PER_TABLE; k++) {
            if ((entries[k].w[0] & P) != 0) {
                note_did(dids, count, (u16)pasid_get(&entries[k], PASID_DID));
            }
        }
    }
}

static enum result close_scalable(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    u64 *context = vtd_context_find(unit, root, sid);
    u64 words[4] = {0};
    u16 dids[DIDS_MAX];
    u32 count = 0, pasids = 1u << ((context[0] >> PDTS_SHIFT & 7) + 13);
    hpa_t directory = {context[0] & ~PAGE_MASK};
    note_did(dids, &count, unit->def.did);
    collect_dids(unit, context, dids, &count);
    if (root == VTD_ROOT_OFF) {
        words[0] = unit->tables[VTD_ROOT_OFF].directory.v | P;
    }
    store_pair(context, words[0], words[1]);
    vtd_flush_table(unit, context, 32);
    enum result r = vtd_inval_context(unit, sid, dids, count);
    if (r != ERR_TIMEOUT) {
        vtd_directory_free(directory, pasids);
    }
    return r;
}

enum result vtd_device_close(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    spin_lock(&unit->lock);
    enum result r;
    if (!is_scalable(unit)) {
        r = legacy_default(unit, sid);
    } else {
        r = vtd_context_is_own(unit, root, sid) ? close_scalable(unit, root, sid) : ERR_NOT_FOUND;
    }
    spin_unlock(&unit->lock);
    return r;
}

/* ---- entries ---- */

static enum result set_legacy(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                              const struct vtd_entry *entry)
{
    u64 words[2];
    if (root != VTD_ROOT_OFF || pasid != VTD_NO_PASID) {
        return ERR_UNSUPPORTED;
    }
    enum result r = vtd_legacy_encode(&unit->info, entry, words);
    return r == OK ? legacy_write(unit, sid, words) : r;
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
    u64 *context = vtd_context_find(unit, root, sid);
    u32 number = pasid == VTD_NO_PASID ? rid_pasid(unit, context) : pasid;
    r = pasid_slot(unit, context, number, &slot);
    if (r != OK) {
        return r;
    }
    if ((slot->w[0] & P) != 0) {
        return replace(unit, slot, number, &encoded);
    }
    publish(unit, slot, &encoded);
    return vtd_inval_new_entry(unit, number, entry->did);
}

enum result vtd_entry_set(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                          const struct vtd_entry *entry)
{
    spin_lock(&unit->lock);
    enum result r = is_scalable(unit) ? set_scalable(unit, root, sid, pasid, entry)
                                      : set_legacy(unit, root, sid, pasid, entry);
    spin_unlock(&unit->lock);
    return r;
}

static struct pasid_entry *find(const struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                                u32 *number)
{
    const u64 *context = vtd_context_find(unit, root, sid);
    if (context == NULL || (context[0] & P) == 0) {
        return NULL;
    }
    *number = pasid == VTD_NO_PASID ? rid_pasid(unit, context) : pasid;
    struct pasid_entry *slot = vtd_pasid_find(unit, context, *number);
    return slot != NULL && (slot->w[0] & P) != 0 ? slot : NULL;
}

enum result vtd_entry_clear(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    u32 number;
    enum result r = ERR_NOT_FOUND;
    spin_lock(&unit->lock);
    if (!is_scalable(unit)) {
        r = root == VTD_ROOT_OFF && pasid == VTD_NO_PASID ? legacy_default(unit, sid)
                                                          : ERR_UNSUPPORTED;
    } else if (vtd_context_is_own(unit, root, sid)) {
        struct pasid_entry *slot = find(unit, root, sid, pasid, &number);
        r = slot != NULL ? retire(unit, slot, number) : ERR_NOT_FOUND;
    }
    spin_unlock(&unit->lock);
    return r;
}

enum result vtd_entry_get(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                          struct vtd_entry *out)
{
    u32 number;
    enum result r = ERR_NOT_FOUND;
    spin_lock(&unit->lock);
    if (!is_scalable(unit)) {
        const u64 *context = vtd_context_find(unit, root, sid);
        if (context != NULL && (context[0] & P) != 0 && pasid == VTD_NO_PASID) {
            vtd_legacy_decode(context, out);
            r = OK;
        }
    } else {
        const struct pasid_entry *slot = find(unit, root, sid, pasid, &number);
        if (slot != NULL) {
            vtd_entry_decode(slot, out);
            r = OK;
        }
    }
    spin_unlock(&unit->lock);
    return r;
}
