/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables: a map, where all are holes: counted before anything is touched, then done without failing. */
#include "iommu/ptab/state.h"

/* The table in place of a hole of that level, and those below it. */
static void plan_tables(const struct ptab *pt, struct ptab_op *op, u32 level, u64 addr, u64 end)
{
    op->need += op->twins ? 2 : 1;
    level--;
    while (level > 1 && addr < end) {
        u32 count = ptab_leaves(pt, op, level, addr, end);
        u64 stop = count != 0 ? addr + count * ptab_span(level) : ptab_stop(addr, end, level);
        if (count == 0) {
            plan_tables(pt, op, level, addr, stop);
        }
        addr = stop;
    }
}

enum result ptab_plan_map(const struct ptab *pt, struct ptab_op *op, const u64 *table, const u64 *twin, u32 level,
                          u64 addr, u64 end)
{
    u32 i = ptab_index(addr, level);
    while (addr < end) {
        u32 count = ptab_leaves(pt, op, level, addr, end);
        u64 stop = count != 0 ? addr + count * ptab_span(level) : ptab_stop(addr, end, level);
        if (count != 0) {
            /* No table is empty: there is a leaf in it. */
            if (!ptab_run_is_empty(&table[i], count)) {
                return ERR_EXISTS;
            }
            i += count;
        } else if (table[i] == 0) {
            plan_tables(pt, op, level, addr, stop);
            i++;
        } else if (!ptab_is_table(pt->format, table[i], level)) {
            return ERR_EXISTS;
        } else {
            op->need += op->twins && table[i] == twin[i] ? 1 : 0;
            enum result r = ptab_plan_map(pt, op, ptab_table(pt->format, table[i]), ptab_table(pt->format, twin[i]),
                                          level - 1, addr, stop);
            if (r != OK) {
                return r;
            }
            i++;
        }
        addr = stop;
    }
    return OK;
}

/* Filled tables of that level for both trees, and below them; the second tree has no read-only leaves. */
static u64 new_table(struct ptab *pt, struct ptab_op *op, u32 level, u64 addr, u64 end, u64 *second)
{
    u64 entry;
    u64 *table = ptab_use_spare(pt, op, &entry);
    u64 *twin = table;
    *second = entry;
    if (op->twins) {
        twin = ptab_use_spare(pt, op, second);
    }
    if (level == 2) {
        ptab_remember(pt, table, twin, addr);
    }
    u32 i = ptab_index(addr, level);
    int used = -1;
    while (addr < end) {
        u32 count = ptab_leaves(pt, op, level, addr, end);
        if (count != 0) {
            ptab_run_fill(&table[i], count, ptab_leaf(pt, op, level, addr), ptab_span(level));
            addr += count * ptab_span(level);
        } else {
            u64 stop = ptab_stop(addr, end, level);
            u64 other;
            table[i] = new_table(pt, op, level - 1, addr, stop, &other);
            twin[i] = other; /* the same where there is one table */
            addr = stop;
            count = 1;
        }
        i += count;
        used += (int)count;
    }
    ptab_flush(pt, table, PTAB_ENTRIES);
    if (twin != table) {
        ptab_flush(pt, twin, PTAB_ENTRIES);
    }
    *second = ptab_use(*second, used);
    return ptab_use(entry, used);
}

int ptab_apply_map(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level, u64 addr, u64 end)
{
    u32 i = ptab_index(addr, level);
    int more = 0;
    if (level == 2) {
        ptab_remember(pt, table, twin, addr);
    }
    while (addr < end) {
        u32 count = ptab_leaves(pt, op, level, addr, end);
        u64 stop = count != 0 ? addr + count * ptab_span(level) : ptab_stop(addr, end, level);
        if (count != 0) {
            ptab_run_fill(&table[i], count, ptab_leaf(pt, op, level, addr), ptab_span(level));
            ptab_show(pt, &table[i], &twin[i], count);
            more += (int)count;
        } else if (table[i] == 0) {
            u64 second;
            u64 entry = new_table(pt, op, level - 1, addr, stop, &second);
            ptab_put_tables(pt, &table[i], &twin[i], entry, second);
            more++;
        } else {
            if (op->twins && table[i] == twin[i]) {
                ptab_make_twin(pt, op, &table[i], &twin[i]);
            }
            int below = ptab_apply_map(pt, op, ptab_table(pt->format, table[i]), ptab_table(pt->format, twin[i]),
                                       level - 1, addr, stop);
            ptab_store_used(&table[i], &twin[i], below);
        }
        i += count != 0 ? count : 1;
        addr = stop;
    }
    return more;
}
