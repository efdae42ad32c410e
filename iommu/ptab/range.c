/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: map, unmap and change of a range.
 *
 * A change is planned, gets its tables, and is done, all from the smallest table that holds the whole range: nothing
 * walks from the root again. A range within one table needs no plan; for pages of 4 KiB in a table that both trees
 * share, not even the way down to it is needed.
 */
#include "iommu/ptab/state.h"

/* The way down to a table and its twin, by the entries passed. */
struct path {
    u64 *slots[PTAB_MAX_LEVELS + 1];
    u64 *own_twins[PTAB_MAX_LEVELS + 1];
    u64 **twins;      /* slots, unless the roots diverge */
    u64 *table, *second;
    u32 level;
};

/* The same way in the second tree; with `apart` only as far as it has tables of its own. */
static not_inlined void descend_twins(const struct ptab *pt, u64 addr, bool apart, struct path *path)
{
    u64 *table = ptab_table(pt->format, pt->second_root.v);
    path->twins = path->own_twins;
    for (u32 level = pt->levels; level > path->level; level--) {
        u32 i = ptab_index(addr, level);
        if (apart && table[i] == *path->slots[level]) {
            path->level = level;
            path->table = path->slots[level] - i;
            break;
        }
        path->twins[level] = &table[i];
        table = ptab_table(pt->format, table[i]);
    }
    path->second = table;
}

/* Down to that level, or to where there is no table. */
static void descend(const struct ptab *pt, u64 addr, u32 lowest, bool apart, struct path *path)
{
    const struct ptab_format *f = pt->format;
    u64 *table = pt->root_table;
    u32 level = pt->levels;
    for (; level > lowest; level--) {
        u64 *slot = &table[ptab_index(addr, level)];
        if (!ptab_is_table(f, *slot, level)) {
            break;
        }
        path->slots[level] = slot;
        table = ptab_table(f, *slot);
    }
    path->table = path->second = table;
    path->twins = path->slots;
    path->level = level;
    if (ptab_diverges(pt)) {
        descend_twins(pt, addr, apart, path);
    }
}

/* The level of the smallest table that holds the range; for all of a table, that of the one above it. */
static u32 level_of(const struct ptab *pt, u64 start, u64 size)
{
    u32 level = 1;
    u64 differ = start ^ (start + size - 1);
    while (level < pt->levels && (differ >= ptab_span(level + 1) || size == ptab_span(level + 1))) {
        level++;
    }
    return level;
}

/* Upwards from a table of which `more` entries are used than before, as far as that has consequences. */
static not_inlined void climb(struct ptab *pt, enum ptab_kind kind, const struct path *path, int more)
{
    for (u32 level = path->level + 1; level <= pt->levels; level++) {
        /* The path was filled from the root down to path->level. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
        enum ptab_settled now = ptab_settle(pt, kind, path->slots[level], path->twins[level], level, more);
        if (now == PTAB_STAYS) {
            return;
        }
        more = now == PTAB_IS_HOLE ? -1 : 0;
        if (level > 2) {
            pt->last_region = PTAB_NO_REGION;
        }
    }
}

static inline bool is_whole_pages(u64 bits)
{
    return (bits & PAGE_MASK) == 0;
}

static inline bool is_inside(const struct ptab *pt, u64 addr, u64 size)
{
    return size - 1 < pt->limit && addr <= pt->limit - size;
}

/*
 * Pages of 4 KiB in one table of level 1 take the shortest way: their table is found from the table of level 2 that
 * was used last. Whatever takes more than that is a tail call, so that no register has to be saved.
 */
static inline bool is_small(u64 addr, u64 count)
{
    return count < PTAB_ENTRIES && ptab_index(addr, 1) + count <= PTAB_ENTRIES;
}

static inline bool is_near(const struct ptab *pt, u64 addr)
{
    return pt->last_region == addr >> PTAB_REGION_SHIFT;
}

/* The entry that points to their table, 0 for none that both trees share. */
static inline u64 find_small(const struct ptab *pt, u64 addr, u64 count)
{
    u32 i = ptab_index(addr, 2);
    if (!is_small(addr, count) || !is_near(pt, addr)) {
        return 0;
    }
    u64 entry = pt->last_table[i];
    return entry == pt->last_twin[i] && ptab_is_table(pt->format, entry, 2) ? entry : 0;
}

static inline void set_small(const struct ptab *pt, u64 addr, u64 entry)
{
    u32 i = ptab_index(addr, 2);
    ptab_store(&pt->last_table[i], entry);
    ptab_store(&pt->last_twin[i], entry);
}

static u64 *table_of_level_2(const struct ptab *pt, u64 *table, u64 addr)
{
    for (u32 level = pt->levels; level > 2; level--) {
        u64 entry = table[ptab_index(addr, level)];
        if (!ptab_is_table(pt->format, entry, level)) {
            return NULL;
        }
        table = ptab_table(pt->format, entry);
    }
    return table;
}

/* The last table of level 2 was another one: true if it is this one now. */
static not_inlined bool came_near(struct ptab *pt, u64 addr, u64 count)
{
    if (!is_small(addr, count) || is_near(pt, addr)) {
        return false;
    }
    u64 *table = table_of_level_2(pt, pt->root_table, addr);
    u64 *twin = table;
    if (table != NULL && ptab_diverges(pt)) {
        twin = table_of_level_2(pt, ptab_table(pt->format, pt->second_root.v), addr);
    }
    if (table != NULL) {
        ptab_remember(pt, table, twin, addr);
    }
    return table != NULL;
}

/* Nothing else is left to do. */
static not_inlined enum result flush_last(const u64 *slot, u64 count)
{
    port_flush_lines(slot, count * sizeof(*slot));
    return OK;
}

/* --- map --- */

/* All in one table. */
static enum result map_leaves(const struct ptab *pt, const struct ptab_op *op, const struct path *path, u64 addr,
                              u32 count)
{
    u32 i = ptab_index(addr, path->level);
    if (!ptab_run_is_empty(&path->table[i], count)) {
        return ERR_EXISTS;
    }
    ptab_run_fill(&path->table[i], count, ptab_leaf(pt, op, path->level, addr), ptab_span(path->level));
    ptab_show(pt, &path->table[i], &path->second[i], count);
    return OK;
}

static enum result map_tables(struct ptab *pt, struct ptab_op *op, const struct path *path, u64 addr, u64 end,
                              int *more)
{
    enum result r = ptab_plan_map(pt, op, path->table, path->second, path->level, addr, end);
    r = r == OK ? ptab_take_spares(op) : r;
    if (r == OK) {
        /* It takes all of them: what is a hole in the plan is one still. */
        *more = ptab_apply_map(pt, op, path->table, path->second, path->level, addr, end);
    }
    return r;
}

static not_inlined enum result map_any(struct ptab *pt, u64 addr, hpa_t out, u64 size, u64 bits)
{
    if (came_near(pt, addr, size >> PAGE_SHIFT)) {
        return ptab_map(pt, addr, out, size, bits);
    }
    struct ptab_op op = {.offset = out.v - addr, .bits = bits,
                         .twins = ptab_diverges(pt) && (bits & pt->format->write) == 0};
    struct path path;
    descend(pt, addr, level_of(pt, addr, size), op.twins, &path);
    u32 count = ptab_leaves(pt, &op, path.level, addr, addr + size);
    int more = (int)count;
    enum result r = count * ptab_span(path.level) == size ? map_leaves(pt, &op, &path, addr, count)
                                                          : map_tables(pt, &op, &path, addr, addr + size, &more);
    if (r == OK && path.level < pt->levels) {
        ptab_store_used(path.slots[path.level + 1], path.twins[path.level + 1], more);
    }
    return r;
}

static not_inlined enum result map_run(const struct ptab *pt, u64 addr, u64 leaf, u64 count, u64 entry)
{
    u64 *slot = &ptab_table(pt->format, entry)[ptab_index(addr, 1)];
    if (!ptab_run_is_empty(slot, (u32)count)) {
        return ERR_EXISTS;
    }
    ptab_run_fill(slot, (u32)count, leaf, PAGE_SIZE);
    ptab_flush(pt, slot, (u32)count);
    set_small(pt, addr, ptab_use(entry, (int)count));
    return OK;
}

not_inlined enum result ptab_map(struct ptab *pt, u64 addr, hpa_t out, u64 size, u64 bits)
{
    u64 count = size >> PAGE_SHIFT;
    if (!is_whole_pages(addr | size | out.v) || !is_inside(pt, addr, size) ||
        ((out.v | (out.v + size - 1)) >> 52) != 0) {
        return ERR_INVALID;
    }
    u64 entry = (bits & pt->format->write) != 0 ? find_small(pt, addr, count) : 0;
    if (entry == 0) {
        return map_any(pt, addr, out, size, bits);
    }
    if (count != 1) {
        return map_run(pt, addr, out.v | bits, count, entry);
    }
    u64 *slot = &ptab_table(pt->format, entry)[ptab_index(addr, 1)];
    if (*slot != 0) {
        return ERR_EXISTS;
    }
    ptab_store(slot, out.v | bits);
    set_small(pt, addr, ptab_use(entry, 1));
    return pt->coherent ? OK : flush_last(slot, 1);
}

/* --- unmap and change --- */

static not_inlined enum result change_any(struct ptab *pt, struct ptab_op *op, u64 addr, u64 size,
                                                        struct path *path)
{
    ptab_plan_change(pt, op, path->table, path->second, path->level, addr, addr + size);
    enum result r = ptab_take_spares(op);
    if (r == OK) {
        int more = ptab_apply_change(pt, op, path->table, path->second, path->level, addr, addr + size);
        pt->last_region = PTAB_NO_REGION;
        ptab_give_spares(op);
        climb(pt, op->kind, path, more);
    }
    return r;
}

static not_inlined enum result unmap_any(struct ptab *pt, u64 addr, u64 size, u64 *unmapped)
{
    if (came_near(pt, addr, size >> PAGE_SHIFT)) {
        return ptab_unmap(pt, addr, size, unmapped);
    }
    struct path path;
    descend(pt, addr, level_of(pt, addr, size), false, &path);
    u32 i = ptab_index(addr, path.level);
    u64 *slot = &path.table[i];
    /* Most often it is one larger page. */
    if (size == ptab_span(path.level) && (addr & (size - 1)) == 0 && *slot != 0 &&
        !ptab_is_table(pt->format, *slot, path.level)) {
        ptab_store(slot, 0);
        ptab_show(pt, slot, &path.second[i], 1);
        *unmapped = size;
        climb(pt, PTAB_UNMAP, &path, -1);
        return OK;
    }
    struct ptab_op op = {.kind = PTAB_UNMAP};
    enum result r = change_any(pt, &op, addr, size, &path);
    *unmapped = op.bytes;
    return r;
}

/* In one table of level 1, which may have nothing left then. */
static not_inlined enum result unmap_run(struct ptab *pt, u64 addr, u64 count, u64 *unmapped, u64 entry)
{
    u64 *slot = &ptab_table(pt->format, entry)[ptab_index(addr, 1)];
    u32 found = ptab_run_clear(slot, (u32)count);
    ptab_flush(pt, slot, (u32)count);
    *unmapped = found * PAGE_SIZE;
    if (found != ptab_used(entry)) {
        set_small(pt, addr, ptab_use(entry, -(int)found));
        return OK;
    }
    struct path path;
    descend(pt, addr, 1, false, &path);
    climb(pt, PTAB_UNMAP, &path, -(int)found);
    return OK;
}

not_inlined enum result ptab_unmap(struct ptab *pt, u64 addr, u64 size, u64 *unmapped)
{
    u64 count = size >> PAGE_SHIFT;
    *unmapped = 0;
    if (!is_whole_pages(addr | size) || !is_inside(pt, addr, size)) {
        return ERR_INVALID;
    }
    u64 entry = find_small(pt, addr, count);
    if (entry == 0) {
        return unmap_any(pt, addr, size, unmapped);
    }
    if (count != 1 || ptab_used(entry) == 1) {
        return unmap_run(pt, addr, count, unmapped, entry);
    }
    u64 *slot = &ptab_table(pt->format, entry)[ptab_index(addr, 1)];
    if (*slot == 0) {
        return OK;
    }
    ptab_store(slot, 0);
    set_small(pt, addr, ptab_use(entry, -1));
    *unmapped = PAGE_SIZE;
    return pt->coherent ? OK : flush_last(slot, 1);
}

not_inlined enum result ptab_change(struct ptab *pt, u64 addr, u64 size, u64 mask, u64 bits)
{
    struct ptab_op op = {.kind = PTAB_CHANGE, .mask = mask, .bits = bits,
                         .twins = ptab_diverges(pt) && (mask & ~bits & pt->format->write) != 0};
    struct path path;
    if (!is_whole_pages(addr | size) || !is_inside(pt, addr, size)) {
        return ERR_INVALID;
    }
    descend(pt, addr, level_of(pt, addr, size), op.twins, &path);
    return change_any(pt, &op, addr, size, &path);
}
