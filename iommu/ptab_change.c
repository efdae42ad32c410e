/*
 * Page tables: changing them. A change is planned (ptab_plan.c counts the tables it takes),
 * then done with tables already at hand, so that it cannot fail half way.
 *
 * A new table is filled before the one store that links it. A large leaf is split, and a
 * full table of equal neighbours becomes a leaf again, by one store as well: the walk gives the
 * same result before and after it, so DMA in flight never faults.
 */
#include "iommu/ptab_internal.h"

enum { REGION_SHIFT = PAGE_SHIFT + 9 }; /* what one table of level 1 maps */

static void give_spares(struct ptab_op *op)
{
    while (op->spare.v != 0) {
        hpa_t page = op->spare;
        op->spare.v = *(u64 *)port_hpa_to_ptr(page);
        port_pages_free(page, 1);
    }
}

static enum result take_spares(struct ptab_op *op)
{
    for (u32 i = 0; i < op->need; i++) {
        hpa_t page;
        enum result r = port_pages_alloc(1, &page);
        if (r != OK) {
            give_spares(op);
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
static bool tidy(struct ptab *pt, u64 *slot, u64 *twin, u32 level)
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
    if (second != entry &&
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

static void do_table(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level,
                     u64 addr, u64 end);

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
    do_table(pt, op, table, other, level - 1, addr, stop);
    ptab_flush(pt, table, PTAB_ENTRIES);
    if (other != table) {
        ptab_flush(pt, other, PTAB_ENTRIES);
    }
    put_tables(pt, slot, twin, entry, second);
}

/* From here on the second tree has a table of its own, until tidy() finds it equal. */
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
    do_table(pt, op, ptab_table(pt->format, entry), ptab_table(pt->format, *twin), level - 1, addr,
             stop);
    if (op->kind != PTAB_MAP) {
        (void)tidy(pt, slot, twin, level);
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

static void do_table(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level,
                     u64 addr, u64 end)
{
    u64 stop;
    u32 i = ptab_index(addr, level);
    if (level == 1) {
        do_leafs(pt, op, &table[i], &twin[i], (u32)((end - addr) >> PAGE_SHIFT), addr);
        return;
    }
    for (; addr < end; addr = stop, i++) {
        stop = ptab_stop(addr, end, level);
        do_entry(pt, op, &table[i], &twin[i], level, addr, stop);
    }
}

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
    pt->last_table = NULL;
    descend(pt, op, &path);
    r = ptab_plan(pt, op, path.table, path.second, path.level, op->start, op->end);
    if (r == OK && op->need != 0) {
        r = take_spares(op);
    }
    if (r != OK) {
        return r;
    }
    do_table(pt, op, path.table, path.second, path.level, op->start, op->end);
    give_spares(op);
    for (u32 level = path.level + 1; op->kind != PTAB_MAP && level <= pt->levels; level++) {
        if (!tidy(pt, path.slot[level], path.twin[level], level)) {
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
