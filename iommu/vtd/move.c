/*
 * All entries of a unit that lead to one second stage go over to another root of it, in use.
 * Root, width and domain id change by one store of 16 bytes (VT-d 6.2.3.1): hardware sees the
 * old or the new entry, and what it cached of the old one has another tag.
 */
#include "iommu/vtd/state.h"

enum { PRESENT = 1, PASIDS_PER_TABLE = 64, LEGACY_DID_SHIFT = 8, LEGACY_DID = 0xffff };

static bool is_scalable(const struct vtd_unit *unit)
{
    return unit->info.mode == VTD_MODE_SCALABLE;
}

/* An entry that is blocked for now goes over, too. */
static void move_entry(const struct vtd_unit *unit, struct pasid_entry *live,
                       const struct vtd_move *move)
{
    struct pasid_entry e = *live;
    u16 did = move->dids[pasid_get(&e, PASID_DID)];
    if (did != 0) {
        pasid_set(&e, PASID_DID, did);
        pasid_set(&e, PASID_AW, move->ss_levels - 2);
        pasid_set(&e, PASID_SSPTPTR, move->ss_root.v >> PAGE_SHIFT);
        vtd_store128(live->w, e.w[0], e.w[1]);
        vtd_flush_table(unit, live, sizeof(*live));
    }
}

static void move_legacy(struct vtd_unit *unit, u64 *context, const struct vtd_move *move)
{
    u16 did = move->dids[context[1] >> LEGACY_DID_SHIFT & LEGACY_DID];
    if (did != 0) {
        vtd_context_write(unit, context, move->ss_root.v | (context[0] & PAGE_MASK),
                          (move->ss_levels - 2) | (u64)did << LEGACY_DID_SHIFT);
    }
}

static void move_pasid_table(const struct vtd_unit *unit, hpa_t table,
                             const struct vtd_move *move)
{
    struct pasid_entry *entries = port_hpa_to_ptr(table);
    for (u32 i = 0; i < PASIDS_PER_TABLE; i++) {
        move_entry(unit, &entries[i], move);
    }
}

/* A context's directory, or what all source-ids share of it. */
static void move_directory(const struct vtd_unit *unit, const u64 *context,
                           const struct vtd_move *move)
{
    const u64 *directory = port_hpa_to_ptr(vtd_context_directory(context));
    for (u32 i = 0; i < vtd_context_pasids(context) / PASIDS_PER_TABLE; i++) {
        if ((directory[i] & PRESENT) != 0) {
            move_pasid_table(unit, (hpa_t){directory[i] & ~PAGE_MASK}, move);
        }
    }
}

static void move_contexts(struct vtd_unit *unit, enum vtd_root root, hpa_t table,
                          const struct vtd_move *move)
{
    u64 *contexts = port_hpa_to_ptr(table);
    u32 words = is_scalable(unit) ? 4 : 2;
    for (u32 i = 0; i < PAGE_SIZE / 8; i += words) {
        u64 directory = vtd_context_directory(&contexts[i]).v;
        if (!is_scalable(unit)) {
            move_legacy(unit, &contexts[i], move);
        } else if (directory != 0 && directory != unit->tables[root].directory.v) {
            move_directory(unit, &contexts[i], move);
        }
    }
}

static void move_root(struct vtd_unit *unit, enum vtd_root root, const struct vtd_move *move)
{
    const struct vtd_root_tables *t = &unit->tables[root];
    const u64 *halves = port_hpa_to_ptr(t->root);
    if (t->pasids.v != 0) {
        move_pasid_table(unit, t->pasids, move);
    }
    if (t->context.v != 0) {
        move_contexts(unit, root, t->context, move);
    }
    for (u32 i = 0; i < PAGE_SIZE / 8; i++) {
        if ((halves[i] & PRESENT) != 0 && (halves[i] & ~PAGE_MASK) != t->context.v) {
            move_contexts(unit, root, (hpa_t){halves[i] & ~PAGE_MASK}, move);
        }
    }
}

static void move_all(struct vtd_unit *unit, const struct vtd_move *move)
{
    for (u32 root = VTD_ROOT_OFF; root <= VTD_ROOT_GUEST; root++) {
        if (unit->tables[root].root.v != 0) {
            move_root(unit, (enum vtd_root)root, move);
        }
    }
    if (move->dids[unit->def.did] != 0) {
        unit->def.did = move->dids[unit->def.did];
        unit->def.ss_root = move->ss_root;
        unit->def.ss_levels = move->ss_levels;
    }
}

enum result vtd_second_stage_move(struct vtd_unit *unit, const struct vtd_move *move)
{
    enum result first = OK;
    spin_lock(&unit->lock);
    move_all(unit, move);
    for (u32 id = 1; id < unit->info.domain_ids; id++) {
        enum result r = move->dids[id] != 0 ? vtd_inval_moved(unit, (u16)id) : OK;
        first = first == OK ? r : first;
    }
    spin_unlock(&unit->lock);
    return first;
}
