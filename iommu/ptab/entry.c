/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: what every change is made of: new tables, tables that go, and the entries that point to them.
 *
 * A new table is filled before the one store that links it. A large leaf is split, and a
 * full table of equal neighbours becomes a leaf again, by one store as well: what does not change
 * is translated the same before and after it, so DMA in flight never faults. Caches may hold
 * both page sizes until the flush that every change needs (VT-d 6.5.3.3).
 */
#include "iommu/ptab/state.h"

not_inlined void ptab_give_spares(struct ptab_op *op)
{
    while (op->spare.v != 0) {
        hpa_t page = op->spare;
        op->spare.v = *(u64 *)port_hpa_to_ptr(page);
        port_pages_free(page, 1);
    }
}

not_inlined enum result ptab_take_spares(struct ptab_op *op)
{
    for (u32 i = 0; i < op->need; i++) {
        hpa_t page;
        enum result r = port_pages_alloc(1, &page);
        if (r != OK) {
            ptab_give_spares(op);
            return r;
        }
        *(u64 *)port_hpa_to_ptr(page) = op->spare.v;
        op->spare = page;
    }
    return OK;
}

u64 *ptab_use_spare(struct ptab *pt, struct ptab_op *op, u64 *entry)
{
    u64 *table = port_hpa_to_ptr(op->spare);
    *entry = op->spare.v | pt->format->table;
    op->spare.v = table[0];
    table[0] = 0;
    pt->tables++;
    return table;
}

void ptab_show(const struct ptab *pt, const u64 *slot, u64 *twin, u32 count)
{
    ptab_flush(pt, slot, count);
    if (twin != slot) {
        ptab_run_mirror(pt->format, twin, slot, count);
        ptab_flush(pt, twin, count);
    }
}

static void put_leaf(const struct ptab *pt, u64 *slot, u64 *twin, u64 leaf)
{
    ptab_store(slot, leaf);
    ptab_show(pt, slot, twin, 1);
}

/* The second first: what becomes read-only is gone there by then. */
void ptab_put_tables(const struct ptab *pt, u64 *slot, u64 *twin, u64 entry, u64 second)
{
    if (twin != slot) {
        ptab_store(twin, second);
        ptab_flush(pt, twin, 1);
    }
    ptab_store(slot, entry);
    ptab_flush(pt, slot, 1);
}

void ptab_make_twin(struct ptab *pt, struct ptab_op *op, const u64 *slot, u64 *twin)
{
    const u64 *table = ptab_table(pt->format, *slot);
    u64 second;
    u64 *copy = ptab_use_spare(pt, op, &second);
    for (u32 i = 0; i < PTAB_ENTRIES; i++) {
        copy[i] = table[i];
    }
    ptab_flush(pt, copy, PTAB_ENTRIES);
    ptab_store(twin, second | (*slot & PTAB_IGNORED));
    ptab_flush(pt, twin, 1);
}

static void retire_both(struct ptab *pt, u64 entry, u64 second)
{
    if (second != entry) {
        ptab_retire(pt, second);
    }
    ptab_retire(pt, entry);
}

/* Takes out a table, its twin and all below, already unlinked. Returns the bytes it mapped. */
static u64 retire_tree(struct ptab *pt, u64 entry, u64 second, u32 level)
{
    const u64 *table = ptab_table(pt->format, entry);
    const u64 *twin = ptab_table(pt->format, second);
    u64 bytes = ptab_used(entry) * ptab_span(level);
    for (u32 i = 0; level > 1 && i < PTAB_ENTRIES; i++) {
        if (ptab_is_table(pt->format, table[i], level)) {
            bytes += retire_tree(pt, table[i], twin[i], level - 1) - ptab_span(level);
        }
    }
    retire_both(pt, entry, second);
    return bytes;
}

u64 ptab_supersede(struct ptab *pt, u64 *slot, u64 *twin, u32 level, u64 leaf)
{
    u64 entry = *slot;
    u64 second = *twin;
    put_leaf(pt, slot, twin, leaf);
    return retire_tree(pt, entry, second, level - 1);
}

/* The leaf that a full table of equal neighbours amounts to, or 0. */
static u64 merged_leaf(const struct ptab *pt, u64 entry, u32 level)
{
    const struct ptab_format *f = pt->format;
    const u64 *table = ptab_table(f, entry);
    u64 first = table[0];
    if (level > pt->leaf_level || ptab_used(entry) != PTAB_ENTRIES || ptab_is_table(f, first, level - 1) ||
        (first & f->address & (ptab_span(level) - 1)) != 0 ||
        !ptab_run_is_contiguous(table, PTAB_ENTRIES, ptab_span(level - 1))) {
        return 0;
    }
    return first | f->large;
}

enum ptab_settled ptab_settle_table(struct ptab *pt, enum ptab_kind kind, u64 *slot, u64 *twin, u32 level, int more)
{
    u64 entry = *slot;
    u64 second = *twin;
    if ((int)ptab_used(entry) + more == 0) {
        put_leaf(pt, slot, twin, 0);
        retire_both(pt, entry, second);
        return PTAB_IS_HOLE;
    }
    ptab_store_used(slot, twin, more);
    u64 leaf = kind == PTAB_CHANGE ? merged_leaf(pt, entry, level) : 0;
    if (leaf != 0) {
        put_leaf(pt, slot, twin, leaf);
        retire_both(pt, entry, second);
        return PTAB_IS_LEAF;
    }
    if (second != entry && !ptab_is_pinned(pt, slot) &&
        ptab_run_is_equal(ptab_table(pt->format, entry), ptab_table(pt->format, second), PTAB_ENTRIES)) {
        ptab_put_tables(pt, slot, twin, *slot, *slot);
        ptab_retire(pt, second);
        return PTAB_LOSES_TWIN;
    }
    return PTAB_STAYS;
}
