/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: what stands in one table, whatever stood there before: for trees that follow somebody else's. One tree,
 * whose roots do not diverge. Each entry is one store, so what is the same before and after never faults.
 */
#include "iommu/ptab/state.h"

/* The entries that lead to a table, from the root down. */
struct way {
    u64 *slots[PTAB_MAX_LEVELS + 1];
};

static void settle(struct ptab *pt, const struct way *way, u32 level, int more)
{
    for (u32 above = level + 1; above <= pt->levels && more != 0; above++) {
        u64 *slot = way->slots[above];
        more = ptab_settle(pt, PTAB_UNMAP, slot, slot, above, more) == PTAB_IS_HOLE ? -1 : 0;
    }
}

static enum result take_spares(struct ptab_op *op, u32 *room)
{
    enum result r = op->need <= *room ? ptab_take_spares(op) : ERR_NO_MEMORY;
    *room -= r == OK ? op->need : 0;
    return r;
}

/* A hole at `from` becomes the tables down to that level, which is filled before they are linked. */
static enum result fill_hole(struct ptab *pt, const struct way *way, u32 from, u64 addr, u32 level, const u64 *leaves,
                             u32 count, u32 *room)
{
    struct ptab_op op = {.need = from - level};
    u64 below = 0;
    enum result r = take_spares(&op, room);
    if (r != OK) {
        return r;
    }
    for (u32 n = level; n < from; n++) {
        u64 entry;
        u64 *table = ptab_use_spare(pt, &op, &entry);
        u64 *slot = &table[ptab_index(addr, n)];
        u32 used = 1;
        if (n == level) {
            used = ptab_run_copy(slot, leaves, count);
        } else {
            *slot = below;
        }
        ptab_flush(pt, table, PTAB_ENTRIES);
        below = ptab_use(entry, (int)used - 1);
    }
    ptab_store(way->slots[from], below);
    ptab_flush(pt, way->slots[from], 1);
    settle(pt, way, from, 1);
    return OK;
}

/* A leaf becomes a table of the next smaller ones: all is translated as before. */
static enum result split(struct ptab *pt, u64 *slot, u32 level, u32 *room)
{
    struct ptab_op op = {.need = 1};
    u64 entry, leaf = level == 2 ? *slot & ~pt->format->large : *slot;
    enum result r = take_spares(&op, room);
    if (r == OK) {
        u64 *table = ptab_use_spare(pt, &op, &entry);
        ptab_run_fill(table, PTAB_ENTRIES, leaf, ptab_span(level - 1));
        ptab_flush(pt, table, PTAB_ENTRIES);
        ptab_store(slot, ptab_use(entry, PTAB_ENTRIES - 1));
        ptab_flush(pt, slot, 1);
    }
    return r;
}

/* Returns how many more entries of the table are used. */
static int put(struct ptab *pt, u64 *slot, u32 level, const u64 *leaves, u32 count, u32 *changed)
{
    u32 first = count, last = 0;
    int more = 0;
    for (u32 i = 0; i < count; i++) {
        u64 old = slot[i];
        if (old == leaves[i]) {
            continue;
        }
        *changed |= old != 0 ? PTAB_TAKEN : PTAB_ADDED;
        more += (leaves[i] != 0) - (old != 0);
        if (ptab_is_table(pt->format, old, level)) {
            (void)ptab_supersede(pt, &slot[i], &slot[i], level, leaves[i]);
            continue;
        }
        ptab_store(&slot[i], leaves[i]);
        first = first < i ? first : i;
        last = i;
    }
    if (first <= last) {
        ptab_flush(pt, &slot[first], last - first + 1);
    }
    return more;
}

/* Leaves where there may be some, holes anywhere. */
static bool is_possible(const struct ptab *pt, u64 addr, u32 level, const u64 *leaves, u32 count)
{
    u64 size = count * ptab_span(level);
    return count != 0 && level <= pt->levels && (addr & (ptab_span(level) - 1)) == 0 &&
           ptab_index(addr, level) + count <= PTAB_ENTRIES && size <= pt->limit && addr <= pt->limit - size &&
           (level <= pt->leaf_level || ptab_run_is_empty(leaves, count)) && !ptab_diverges(pt);
}

not_inlined enum result ptab_assign(struct ptab *pt, u64 addr, u32 level, const u64 *leaves, u32 count, u32 *room,
                                    u32 *changed)
{
    struct way way;
    u64 *table = pt->root_table;
    *changed = 0;
    if (!is_possible(pt, addr, level, leaves, count)) {
        return ERR_INVALID;
    }
    pt->last_region = PTAB_NO_REGION;
    for (u32 n = pt->levels; n > level; n--) {
        u64 *slot = &table[ptab_index(addr, n)];
        way.slots[n] = slot;
        if (*slot == 0) {
            *changed = ptab_run_is_empty(leaves, count) ? 0 : PTAB_ADDED;
            return *changed == 0 ? OK : fill_hole(pt, &way, n, addr, level, leaves, count, room);
        }
        if (!ptab_is_table(pt->format, *slot, n) && split(pt, slot, n, room) != OK) {
            return ERR_NO_MEMORY;
        }
        table = ptab_table(pt->format, *slot);
    }
    settle(pt, &way, level, put(pt, &table[ptab_index(addr, level)], level, leaves, count, changed));
    return OK;
}
