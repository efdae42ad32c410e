/*
 * Page tables: map, unmap and change of a range. A change is planned, gets its tables, and is
 * done, all from the smallest table that holds the whole range: nothing walks from the root again.
 */
#include "iommu/ptab/state.h"

/* The way down to the smallest table that holds all of a range, by the entries passed. */
struct path {
    u64 *slot[PTAB_MAX_LEVELS + 1];
    u64 *twin[PTAB_MAX_LEVELS + 1];
    u64 *table, *second;
    u32 level;
};

static void descend(const struct ptab *pt, const struct ptab_op *op, struct path *path)
{
    const struct ptab_format *f = pt->format;
    u64 *table = ptab_table(f, pt->root.v);
    u64 *second = ptab_diverges(pt) ? ptab_table(f, pt->second_root.v) : table;
    u64 differ = op->start ^ (op->end - 1);
    u32 level = pt->levels;
    for (; level > 1 && differ < ptab_span(level); level--) {
        u32 i = ptab_index(op->start, level);
        u64 entry = table[i];
        u64 other = second[i];
        if (!ptab_is_table(f, entry, level) || (op->twins && entry == other) ||
            op->end - op->start == ptab_span(level)) {
            break;
        }
        path->slot[level] = &table[i];
        path->twin[level] = &second[i];
        table = ptab_table(f, entry);
        second = other == entry ? table : ptab_table(f, other);
    }
    path->table = table;
    path->second = second;
    path->level = level;
}

static enum result run(struct ptab *pt, struct ptab_op *op)
{
    struct path path;
    enum result r;
    descend(pt, op, &path);
    r = ptab_plan(pt, op, path.table, path.second, path.level, op->start, op->end);
    if (r == OK && op->need != 0) {
        r = ptab_take_spares(op);
    }
    if (r != OK) {
        return r;
    }
    ptab_apply(pt, op, path.table, path.second, path.level, op->start, op->end);
    ptab_give_spares(op);
    if (op->kind != PTAB_MAP) {
        pt->last_region = PTAB_NO_REGION;
    }
    for (u32 level = path.level + 1; op->kind != PTAB_MAP && level <= pt->levels; level++) {
        if (!ptab_tidy(pt, path.slot[level], path.twin[level], level)) {
            break;
        }
    }
    return OK;
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
 * The common case apart, for speed: a run inside one table of level 1 that exists and that both
 * trees share. It is found from the table of level 2 that was used last, so that the first visit
 * to a table of level 1 costs what the next one does.
 */
static u64 *walk_to_last(const struct ptab *pt, u64 *table, u64 addr)
{
    const struct ptab_format *f = pt->format;
    u32 level = pt->levels;
    do {
        u64 entry = table[ptab_index(addr, level)];
        if (!ptab_is_table(f, entry, level)) {
            return NULL;
        }
        table = ptab_table(f, entry);
    } while (--level > 2);
    return table;
}

static __attribute__((noinline)) bool find_last(struct ptab *pt, u64 addr)
{
    u64 *table = walk_to_last(pt, pt->root_table, addr);
    u64 *twin = table;
    if (table == NULL) {
        return false;
    }
    if (ptab_diverges(pt)) {
        twin = walk_to_last(pt, ptab_table(pt->format, pt->second_root.v), addr);
    }
    ptab_remember(pt, table, twin, addr);
    return true;
}

static inline bool find_run(struct ptab *pt, u64 addr, u32 first, u64 count, u64 **table)
{
    const struct ptab_format *f = pt->format;
    u32 i = ptab_index(addr, 2);
    u64 entry;
    if (first + count > PTAB_ENTRIES ||
        (pt->last_region != addr >> PTAB_REGION_SHIFT && !find_last(pt, addr))) {
        return false;
    }
    entry = pt->last_table[i];
    if (entry != pt->last_twin[i] || !ptab_is_table(f, entry, 2)) {
        return false;
    }
    *table = ptab_table(f, entry);
    return true;
}

static __attribute__((noinline)) enum result map_any(struct ptab *pt, u64 addr, hpa_t out,
                                                     u64 size, u64 bits)
{
    struct ptab_op op = {.kind = PTAB_MAP, .start = addr, .end = addr + size, .out = out.v,
                         .bits = bits};
    op.twins = ptab_diverges(pt) && (bits & pt->format->write) == 0;
    return run(pt, &op);
}

static inline enum result map_page(const struct ptab *pt, u64 *slot, u64 leaf)
{
    if (*slot != 0) {
        return ERR_EXISTS;
    }
    ptab_store(slot, leaf);
    ptab_flush(pt, slot, 1);
    return OK;
}

static __attribute__((noinline)) enum result map_run(const struct ptab *pt, u64 *slot, u32 count,
                                                     u64 leaf)
{
    if (!ptab_run_is_empty(slot, count)) {
        return ERR_EXISTS;
    }
    ptab_run_fill(slot, count, leaf, PAGE_SIZE);
    ptab_flush(pt, slot, count);
    return OK;
}

enum result ptab_map(struct ptab *pt, u64 addr, hpa_t out, u64 size, u64 bits)
{
    u64 *table;
    u64 count = size >> PAGE_SHIFT;
    u32 first = ptab_index(addr, 1);
    if (!is_whole_pages(addr | size | out.v) || !is_inside(pt, addr, size) ||
        ((out.v | (out.v + size - 1)) >> 52) != 0) {
        return ERR_INVALID;
    }
    if ((bits & pt->format->write) == 0 || !find_run(pt, addr, first, count, &table)) {
        return map_any(pt, addr, out, size, bits);
    }
    if (count != 1) {
        return map_run(pt, &table[first], (u32)count, out.v | bits);
    }
    return map_page(pt, &table[first], out.v | bits);
}

static __attribute__((noinline)) enum result unmap_any(struct ptab *pt, u64 addr, u64 size,
                                                       u64 *unmapped)
{
    struct ptab_op op = {.kind = PTAB_UNMAP, .start = addr, .end = addr + size};
    enum result r = run(pt, &op);
    *unmapped += op.bytes;
    return r;
}

enum result ptab_unmap(struct ptab *pt, u64 addr, u64 size, u64 *unmapped)
{
    u64 *table;
    u64 count = size >> PAGE_SHIFT;
    u32 first = ptab_index(addr, 1);
    *unmapped = 0;
    if (!is_whole_pages(addr | size) || !is_inside(pt, addr, size)) {
        return ERR_INVALID;
    }
    /* A whole table is taken out as it is. */
    if (count != PTAB_ENTRIES && find_run(pt, addr, first, count, &table)) {
        *unmapped = ptab_run_clear(&table[first], (u32)count) * PAGE_SIZE;
        ptab_flush(pt, &table[first], (u32)count);
        if (!ptab_run_is_empty(table, PTAB_ENTRIES)) {
            return OK;
        }
        /* The table that is empty now goes the long way, which takes no memory. */
    }
    return unmap_any(pt, addr, size, unmapped);
}

enum result ptab_change(struct ptab *pt, u64 addr, u64 size, u64 mask, u64 bits)
{
    struct ptab_op op = {.kind = PTAB_CHANGE, .start = addr, .end = addr + size, .mask = mask,
                         .bits = bits};
    if (!is_whole_pages(addr | size) || !is_inside(pt, addr, size)) {
        return ERR_INVALID;
    }
    op.twins = ptab_diverges(pt) && (mask & ~bits & pt->format->write) != 0;
    return run(pt, &op);
}
