/*
 * Page tables: map, unmap and change of a range. A change is planned, gets its tables, and is
 * done, all from the smallest table that holds the whole range: nothing walks from the root again.
 */
#include "iommu/ptab_internal.h"

enum { REGION_SHIFT = PAGE_SHIFT + 9 }; /* what one table of level 1 maps */

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
    struct path path = {0};
    enum result r;
    pt->last_table = NULL;
    descend(pt, op, &path);
    r = ptab_plan(pt, op, path.table, path.second, path.level, op->start, op->end);
    if (r == OK && op->need != 0) {
        r = ptab_take_spares(op);
    }
    if (r != OK) {
        return r;
    }
    ptab_do(pt, op, path.table, path.second, path.level, op->start, op->end);
    ptab_give_spares(op);
    for (u32 level = path.level + 1; op->kind != PTAB_MAP && level <= pt->levels; level++) {
        if (!ptab_tidy(pt, path.slot[level], path.twin[level], level)) {
            break;
        }
    }
    return OK;
}

static inline bool range_is_valid(const struct ptab *pt, u64 addr, u64 size)
{
    return ((addr | size) & PAGE_MASK) == 0 && size - 1 < pt->limit && addr <= pt->limit - size;
}

/*
 * The common case apart, for speed: a run inside one table of level 1 that exists and that both
 * trees share. The last such table is remembered until anything but its leafs changes.
 */
static u64 *walk_to_run(const struct ptab *pt, u64 *table, u64 addr)
{
    const struct ptab_format *f = pt->format;
    u64 address = f->address;
    u64 none = f->table;
    u64 kind = none | f->large;
    u32 shift = 3 + 9 * pt->levels;
    do {
        u64 entry = table[(addr >> shift) % PTAB_ENTRIES];
        if ((entry & kind) != none) {
            return NULL;
        }
        table = port_hpa_to_ptr((hpa_t){entry & address});
        shift -= 9;
    } while (shift > PAGE_SHIFT);
    return table;
}

static __attribute__((noinline)) u64 *find_table(struct ptab *pt, u64 addr)
{
    u64 *table = walk_to_run(pt, pt->root_table, addr);
    if (table != NULL && ptab_diverges(pt) &&
        walk_to_run(pt, ptab_table(pt->format, pt->second_root.v), addr) != table) {
        return NULL;
    }
    pt->last_table = table;
    pt->last_region = addr >> REGION_SHIFT;
    return table;
}

/* A whole table is no run: a map meets something in it, an unmap takes it out. */
static inline u64 *find_run(struct ptab *pt, u64 addr, u64 size)
{
    u64 region = addr >> REGION_SHIFT;
    u64 *table = pt->last_table;
    if (((addr + size - 1) >> REGION_SHIFT) != region || size == ptab_span(2)) {
        return NULL;
    }
    if (table == NULL || pt->last_region != region) {
        table = find_table(pt, addr);
    }
    return table == NULL ? NULL : &table[(addr >> PAGE_SHIFT) % PTAB_ENTRIES];
}

static __attribute__((noinline)) enum result map_any(struct ptab *pt, u64 addr, hpa_t out,
                                                     u64 size, u64 bits)
{
    struct ptab_op op = {.kind = PTAB_MAP, .start = addr, .end = addr + size, .out = out.v,
                         .bits = bits};
    op.twins = ptab_diverges(pt) && (bits & pt->format->write) == 0;
    return run(pt, &op);
}

static __attribute__((noinline)) enum result map_run(struct ptab *pt, u64 *slot, u32 count,
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
    u64 *slot;
    if (!range_is_valid(pt, addr, size) || ((out.v | (out.v + size - 1)) >> 52) != 0 ||
        (out.v & PAGE_MASK) != 0) {
        return ERR_INVALID;
    }
    slot = find_run(pt, addr, size);
    if (slot == NULL || (bits & pt->format->write) == 0) {
        return map_any(pt, addr, out, size, bits);
    }
    if (size != PAGE_SIZE) {
        return map_run(pt, slot, (u32)(size >> PAGE_SHIFT), out.v | bits);
    }
    if (*slot != 0) {
        return ERR_EXISTS;
    }
    ptab_store(slot, out.v | bits);
    ptab_flush(pt, slot, 1);
    return OK;
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
    u64 *slot;
    *unmapped = 0;
    if (!range_is_valid(pt, addr, size)) {
        return ERR_INVALID;
    }
    slot = find_run(pt, addr, size);
    if (slot != NULL) {
        u32 count = (u32)(size >> PAGE_SHIFT);
        *unmapped = ptab_run_clear(slot, count) * PAGE_SIZE;
        ptab_flush(pt, slot, count);
        slot -= (addr >> PAGE_SHIFT) % PTAB_ENTRIES;
        if (!ptab_run_is_empty(slot, PTAB_ENTRIES)) {
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
    if (!range_is_valid(pt, addr, size)) {
        return ERR_INVALID;
    }
    op.twins = ptab_diverges(pt) && (mask & ~bits & pt->format->write) != 0;
    return run(pt, &op);
}
