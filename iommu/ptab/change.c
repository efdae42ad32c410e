/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: an unmap, or a change of leaves: the tables that it takes to split large leaves are counted before
 * anything is touched, then it is done without failing.
 */
#include "iommu/ptab/state.h"

/* A leaf, or a hole, that stays as it is. */
static bool is_unaffected(const struct ptab_op *op, u64 entry)
{
    return entry == 0 || (op->kind == PTAB_CHANGE && ((entry ^ op->bits) & op->mask) == 0);
}

/* The table that takes the place of a leaf will have read-only leaves. */
static bool needs_twin(const struct ptab *pt, const struct ptab_op *op, u64 leaf)
{
    return op->twins || (ptab_diverges(pt) && ptab_is_read_only(pt->format, leaf));
}

/* The table in place of a leaf that changes in part, and those below it. */
static void plan_split(const struct ptab *pt, struct ptab_op *op, u64 leaf, u32 level, u64 addr, u64 end)
{
    op->need += needs_twin(pt, op, leaf) ? 2 : 1;
    level--;
    while (level > 1 && addr < end) {
        u32 count = ptab_whole(level, addr, end);
        u64 stop = count != 0 ? addr + count * ptab_span(level) : ptab_stop(addr, end, level);
        if (count == 0) {
            plan_split(pt, op, leaf, level, addr, stop);
        }
        addr = stop;
    }
}

static void plan_entry(const struct ptab *pt, struct ptab_op *op, u64 entry, u64 second, u32 level, u64 addr,
                       u64 stop)
{
    if (ptab_is_table(pt->format, entry, level)) {
        op->need += op->twins && entry == second ? 1 : 0;
        ptab_plan_change(pt, op, ptab_table(pt->format, entry), ptab_table(pt->format, second), level - 1, addr, stop);
    } else if (stop - addr != ptab_span(level) && !is_unaffected(op, entry)) {
        plan_split(pt, op, entry, level, addr, stop);
    }
}

void ptab_plan_change(const struct ptab *pt, struct ptab_op *op, const u64 *table, const u64 *twin, u32 level,
                      u64 addr, u64 end)
{
    u32 i = ptab_index(addr, level);
    while (level > 1 && addr < end) {
        /* An unmap takes out what is there as it is. */
        u32 count = op->kind == PTAB_UNMAP ? ptab_whole(level, addr, end) : 0;
        u64 stop = count != 0 ? addr + count * ptab_span(level) : ptab_stop(addr, end, level);
        if (count == 0) {
            plan_entry(pt, op, table[i], twin[i], level, addr, stop);
        }
        i += count != 0 ? count : 1;
        addr = stop;
    }
}

/* Leaves and holes, whole entries. */
static int apply_leaves(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin, u32 level, u32 count)
{
    u32 found = 0;
    if (op->kind == PTAB_UNMAP) {
        found = ptab_run_clear(slot, count);
        op->bytes += found * ptab_span(level);
    } else {
        ptab_run_change(slot, count, op->mask, op->bits);
    }
    ptab_show(pt, slot, twin, count);
    return -(int)found;
}

/* A table in place of a leaf that changes in part. */
static not_inlined void split(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin, u32 level, u64 addr, u64 stop)
{
    u64 old = *slot;
    u64 entry;
    u64 *table = ptab_use_spare(pt, op, &entry);
    u64 *other = table;
    u64 second = entry;
    if (needs_twin(pt, op, old)) {
        other = ptab_use_spare(pt, op, &second);
    }
    ptab_run_fill(table, PTAB_ENTRIES, level == 2 ? old & ~pt->format->large : old, ptab_span(level - 1));
    if (other != table) {
        ptab_run_mirror(pt->format, other, table, PTAB_ENTRIES);
    }
    int used = PTAB_ENTRIES - 1 + ptab_apply_change(pt, op, table, other, level - 1, addr, stop);
    ptab_flush(pt, table, PTAB_ENTRIES);
    if (other != table) {
        ptab_flush(pt, other, PTAB_ENTRIES);
    }
    ptab_put_tables(pt, slot, twin, ptab_use(entry, used), ptab_use(second, used));
}

static int apply_below(struct ptab *pt, struct ptab_op *op, u64 *slot, u64 *twin, u32 level, u64 addr, u64 stop)
{
    if (op->kind == PTAB_UNMAP && stop - addr == ptab_span(level) && !ptab_is_pinned(pt, slot)) {
        op->bytes += ptab_supersede(pt, slot, twin, level, 0);
        return -1;
    }
    if (op->twins && *slot == *twin) {
        ptab_make_twin(pt, op, slot, twin);
    }
    int more = ptab_apply_change(pt, op, ptab_table(pt->format, *slot), ptab_table(pt->format, *twin), level - 1, addr,
                                 stop);
    return ptab_settle(pt, op->kind, slot, twin, level, more) == PTAB_IS_HOLE ? -1 : 0;
}

int ptab_apply_change(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level, u64 addr, u64 end)
{
    u32 i = ptab_index(addr, level);
    int more = 0;
    while (addr < end) {
        u32 count = ptab_run_of_leaves(pt->format, &table[i], level, ptab_whole(level, addr, end));
        u64 stop = count != 0 ? addr + count * ptab_span(level) : ptab_stop(addr, end, level);
        if (count != 0) {
            more += apply_leaves(pt, op, &table[i], &twin[i], level, count);
        } else if (ptab_is_table(pt->format, table[i], level)) {
            more += apply_below(pt, op, &table[i], &twin[i], level, addr, stop);
        } else if (!is_unaffected(op, table[i])) {
            split(pt, op, &table[i], &twin[i], level, addr, stop);
        }
        i += count != 0 ? count : 1;
        addr = stop;
    }
    return more;
}
