/* Page tables: what a change will take, counted before anything is touched. See iommu/ptab/apply.c. */
#include "iommu/ptab/state.h"

/* The tables that take the place of a hole or of a leaf at that level. */
static void plan_new_tables(const struct ptab *pt, struct ptab_op *op, u64 entry, u32 level,
                            u64 addr, u64 end)
{
    u64 stop;
    op->need += ptab_needs_twin(pt, op, entry) ? 2 : 1;
    level--;
    for (; level > 1 && addr < end; addr = stop) {
        stop = ptab_stop(addr, end, level);
        if (!ptab_fits(pt, op, level, addr, stop)) {
            plan_new_tables(pt, op, entry, level, addr, stop);
        }
    }
}

static enum result plan_table_entry(const struct ptab *pt, struct ptab_op *op, u64 entry,
                                    u64 second, u32 level, u64 addr, u64 stop)
{
    if (stop - addr == ptab_span(level) && op->kind != PTAB_CHANGE) {
        /* No table is empty: a map meets a leaf in it; an unmap takes it out as it is. */
        return op->kind == PTAB_MAP ? ERR_EXISTS : OK;
    }
    if (op->twins && entry == second) {
        op->need++;
    }
    return ptab_plan(pt, op, ptab_table(pt->format, entry), ptab_table(pt->format, second),
                     level - 1, addr, stop);
}

static enum result plan_entry(const struct ptab *pt, struct ptab_op *op, u64 entry, u64 second,
                              u32 level, u64 addr, u64 stop)
{
    if (ptab_is_table(pt->format, entry, level)) {
        return plan_table_entry(pt, op, entry, second, level, addr, stop);
    }
    if (entry != 0 && op->kind == PTAB_MAP) {
        return ERR_EXISTS;
    }
    if (!ptab_unaffected(op, entry) && !ptab_fits(pt, op, level, addr, stop)) {
        plan_new_tables(pt, op, entry, level, addr, stop);
    }
    return OK;
}

enum result ptab_plan(const struct ptab *pt, struct ptab_op *op, const u64 *table, const u64 *twin,
                      u32 level, u64 addr, u64 end)
{
    u64 stop;
    u32 i = ptab_index(addr, level);
    if (level <= 1) {
        u32 count = (u32)((end - addr) >> PAGE_SHIFT);
        return op->kind != PTAB_MAP || ptab_run_is_empty(&table[i], count) ? OK : ERR_EXISTS;
    }
    for (; addr < end; addr = stop, i++) {
        enum result r;
        stop = ptab_stop(addr, end, level);
        r = plan_entry(pt, op, table[i], twin[i], level, addr, stop);
        if (r != OK) {
            return r;
        }
    }
    return OK;
}
