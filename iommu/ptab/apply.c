/*
 * Page tables: doing a change, with tables already at hand (iommu/ptab/plan.c has counted them), so
 * that it cannot fail half way.
 *
 * A new table is filled before the one store that links it. A large leaf is split, and a
 * full table of equal neighbours becomes a leaf again, by one store as well: what does not change
 * is translated the same before and after it, so DMA in flight never faults. Caches may hold
 * both page sizes until the flush that every change needs (VT-d 6.5.3.3).
 */
#include "iommu/ptab/state.h"

void ptab_give_spares(struct ptab_op *op)
{
    while (op->spare.v != 0) {
        hpa_t page = op->spare;
        op->spare.v = *(u64 *)port_hpa_to_ptr(page);
        port_pages_free(page, 1);
    }
}

enum result ptab_take_spares(struct ptab_op *op)
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

/* An empty table and the entry that will point to it. */
static u64 *use_spare(struct ptab *pt, struct ptab_op *op, u64 *entry)
{
    u64 *table = port_hpa_to_ptr(op->spare);
    *entry = op->spare.v | pt->format->table;
    op->spare.v = table[0];
    table[0] = 0;
    pt->tables++;
    return table;
}

/* A hole or a leaf into both trees. */
static void put_leaf(struct ptab *pt, u64 *slot, u64 *twin, u64 leaf)
{
    ptab_store(slot, leaf);
    ptab_flush(pt, slot, 1);
    if (twin != slot) {
        ptab_run_mirror(pt->format, twin, slot, 1);
        ptab_flush(pt, twin, 1);
    }
}

/* Tables into both trees, the second first: what becomes read-only is gone there by then. */
static void put_tables(struct ptab *pt, u64 *slot, u64 *twin, u64 entry, u64 second)
{
    if (twin != slot) {
        ptab_store(twin, second);
        ptab_flush(pt, twin, 1);
    }
    ptab_store(slot, entry);
    ptab_flush(pt, slot, 1);
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
    u64 bytes = 0;
    if (level == 1) {
        bytes = ptab_run_count(table, PTAB_ENTRIES) * PAGE_SIZE;
    }
    for (u32 i = 0; level > 1 && i < PTAB_ENTRIES; i++) {
        if (ptab_is_table(pt->format, table[i], level)) {
            bytes += retire_tree(pt, table[i], twin[i], level - 1);
        } else if (table[i] != 0) {
            bytes += ptab_span(level);
        }
    }
    retire_both(pt, entry, second);
    return bytes;
}

/* The leaf that a full table of equal neighbours amounts to, or 0. */
static u64 merged_leaf(const struct ptab *pt, const u64 *table, u32 level)
{
    const struct ptab_format *f = pt->format;
    u64 first = table[0];
    if (level > pt->leaf_level || first == 0 || ptab_is_table(f, first, level - 1) ||
        (first & f->address & (ptab_span(level) - 1)) != 0 ||
        !ptab_run_is_contiguous(table, PTAB_ENTRIES, ptab_span(level - 1))) {
        return 0;
    }
    return first | f->large;
}

/* Gives up a table that is empty, or a leaf, or a twin that no longer differs; true if it did. */
bool ptab_tidy(struct ptab *pt, u64 *slot, u64 *twin, u32 level)
{
    u64 entry = *slot;
    u64 second = *twin;
    u64 *below = ptab_table(pt->format, entry);
    u64 leaf = merged_leaf(pt, below, level);
    if (leaf != 0 || ptab_run_is_empty(below, PTAB_ENTRIES)) {
        put_leaf(pt, slot, twin, leaf);
        retire_both(pt, entry, second);
        return true;
    }
    if (slot != twin && second != entry &&
        ptab_run_is_equal(below, ptab_table(pt->format, second), PTAB_ENTRIES)) {
        put_tables(pt, slot, twin, entry, entry);
        ptab_retire(pt, second);
        return true;
    }
    return false;
}

static u64 new_leaf(const struct ptab *pt, const struct ptab_op *op, u64 old, u32 level, u64 addr)
{
    switch (op->kind) {
    case PTAB_MAP:
        return (op->out + addr - op->start) | op->bits | (level > 1 ? pt->format->large : 0);
    case PTAB_UNMAP:
        return 0;
    default:
        return (old & ~op->mask) | op->bits;
    }
}

static void do_leafs(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin, u32 count,
                     u64 addr)
{
    if (op->kind == PTAB_MAP) {
        ptab_run_fill(slot, count, new_leaf(pt, op, 0, 1, addr), PAGE_SIZE);
    } else if (op->kind == PTAB_UNMAP) {
        op->bytes += ptab_run_clear(slot, count) * PAGE_SIZE;
    } else {
        ptab_run_change(slot, count, op->mask, op->bits);
    }
    ptab_flush(pt, slot, count);
    if (twin != slot) {
        ptab_run_mirror(pt->format, twin, slot, count);
        ptab_flush(pt, twin, count);
    }
}

/* A table in place of a hole or of a leaf that changes in part. */
static void do_new_table(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin, u32 level,
                         u64 addr, u64 stop)
{
    u64 old = *slot;
    u64 entry;
    u64 second;
    u64 *table = use_spare(pt, op, &entry);
    u64 *other = table;
    second = entry;
    if (ptab_needs_twin(pt, op, old)) {
        other = use_spare(pt, op, &second);
    }
    if (old != 0) {
        ptab_run_fill(table, PTAB_ENTRIES, level == 2 ? old & ~pt->format->large : old,
                      ptab_span(level - 1));
    }
    if (other != table) {
        ptab_run_mirror(pt->format, other, table, PTAB_ENTRIES);
    }
    ptab_apply(pt, op, table, other, level - 1, addr, stop);
    ptab_flush(pt, table, PTAB_ENTRIES);
    if (other != table) {
        ptab_flush(pt, other, PTAB_ENTRIES);
    }
    put_tables(pt, slot, twin, entry, second);
}

/* From here on the second tree has a table of its own, until ptab_tidy() finds it equal. */
static void make_twin(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin)
{
    const u64 *table = ptab_table(pt->format, *slot);
    u64 second;
    u64 *copy = use_spare(pt, op, &second);
    for (u32 i = 0; i < PTAB_ENTRIES; i++) {
        copy[i] = table[i];
    }
    ptab_flush(pt, copy, PTAB_ENTRIES);
    ptab_store(twin, second);
    ptab_flush(pt, twin, 1);
}

static void do_table_below(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin, u32 level,
                           u64 addr, u64 stop)
{
    u64 entry = *slot;
    u64 second = *twin;
    if (op->kind == PTAB_UNMAP && stop - addr == ptab_span(level)) {
        put_leaf(pt, slot, twin, 0);
        op->bytes += retire_tree(pt, entry, second, level - 1);
        return;
    }
    if (op->twins && entry == second) {
        make_twin(pt, op, slot, twin);
    }
    ptab_apply(pt, op, ptab_table(pt->format, entry), ptab_table(pt->format, *twin), level - 1, addr,
             stop);
    if (op->kind != PTAB_MAP) {
        (void)ptab_tidy(pt, slot, twin, level);
    }
}

static void do_entry(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin, u32 level,
                     u64 addr, u64 stop)
{
    u64 old = *slot;
    if (ptab_is_table(pt->format, old, level)) {
        do_table_below(pt, op, slot, twin, level, addr, stop);
    } else if (ptab_unaffected(op, old)) {
        return;
    } else if (ptab_fits(pt, op, level, addr, stop)) {
        op->bytes += ptab_span(level);
        put_leaf(pt, slot, twin, new_leaf(pt, op, old, level, addr));
    } else {
        do_new_table(pt, op, slot, twin, level, addr, stop);
    }
}

void ptab_apply(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level, u64 addr,
             u64 end)
{
    u64 stop;
    u32 i = ptab_index(addr, level);
    if (level == 2) {
        ptab_remember(pt, table, twin, addr);
    }
    if (level <= 1) {
        do_leafs(pt, op, &table[i], &twin[i], (u32)((end - addr) >> PAGE_SHIFT), addr);
        return;
    }
    for (; addr < end; addr = stop, i++) {
        stop = ptab_stop(addr, end, level);
        do_entry(pt, op, &table[i], &twin[i], level, addr, stop);
    }
}
