/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables: their life, and reading them. See ptab.h. */
#include "iommu/ptab/ptab.h"

#include "iommu/ptab/state.h"

static const u64 SIZES_4K = 1ull << 12;
static const u64 SIZES_2M = 1ull << 12 | 1ull << 21;
static const u64 SIZES_1G = 1ull << 12 | 1ull << 21 | 1ull << 30;

static u32 highest_leaf_level(u64 page_sizes)
{
    if (page_sizes == SIZES_4K) {
        return 1;
    }
    if (page_sizes == SIZES_2M) {
        return 2;
    }
    return page_sizes == SIZES_1G ? 3 : 0;
}

seldom enum result ptab_create(struct ptab *pt, const struct ptab_format *format, u32 levels, u64 page_sizes,
                               bool coherent, bool diverge)
{
    u32 leaf_level = highest_leaf_level(page_sizes);
    if (levels < PTAB_MIN_LEVELS || levels > PTAB_MAX_LEVELS || leaf_level == 0) {
        port_log(LOG_ERROR, "page tables: %u levels with page sizes %llx are not possible", levels, page_sizes);
        return ERR_INVALID;
    }
    *pt = (struct ptab){.format = format, .levels = levels, .leaf_level = leaf_level,
                        .coherent = coherent, .tables = diverge ? 2 : 1,
                        .last_region = PTAB_NO_REGION};
    enum result r = port_pages_alloc(1, &pt->root);
    if (r != OK) {
        return r;
    }
    pt->root_table = port_hpa_to_ptr(pt->root);
    pt->limit = ptab_span(levels + 1);
    pt->second_root = pt->root;
    r = diverge ? port_pages_alloc(1, &pt->second_root) : OK;
    if (r != OK) {
        port_pages_free(pt->root, 1);
    }
    return r;
}

/* An empty table behind an entry; its use counts one more than its entries, so that it never ends. */
static enum result pin(struct ptab *pt, u64 *entry)
{
    hpa_t page;
    enum result r = port_pages_alloc(1, &page);
    if (r == OK) {
        *entry = page.v | pt->format->table;
        ptab_flush(pt, entry, 1);
        pt->tables++;
    }
    return r;
}

seldom enum result ptab_pin(struct ptab *pt, u32 levels)
{
    u64 *first = pt->root_table;
    u64 *second = ptab_table(pt->format, pt->second_root.v);
    for (u32 i = 0; i < pt->levels - levels; i++) {
        enum result r = pin(pt, first);
        if (r == OK && second != first) {
            r = pin(pt, second);
        }
        if (r != OK) {
            return r;
        }
        pt->pinned[i] = first;
        second = ptab_table(pt->format, *second);
        first = ptab_table(pt->format, *first);
    }
    return OK;
}

hpa_t ptab_root(const struct ptab *pt, hpa_t root, u32 levels)
{
    for (u32 level = pt->levels; level > levels; level--) {
        root.v = *ptab_table(pt->format, root.v) & pt->format->address;
    }
    return root;
}

/* Frees a table and its twin with all below. */
static void free_tree(const struct ptab *pt, u64 first, u64 second, u32 level)
{
    const struct ptab_format *f = pt->format;
    const u64 *table = ptab_table(f, first);
    const u64 *twin = ptab_table(f, second);
    for (u32 i = 0; level > 1 && i < PTAB_ENTRIES; i++) {
        if (ptab_is_table(f, table[i], level)) {
            free_tree(pt, table[i], twin[i] != 0 ? twin[i] : table[i], level - 1);
        }
    }
    if (table != twin) {
        port_pages_free((hpa_t){second & f->address}, 1);
    }
    port_pages_free((hpa_t){first & f->address}, 1);
}

seldom void ptab_destroy(struct ptab *pt)
{
    ptab_free_retired(ptab_take_retired(pt));
    free_tree(pt, pt->root.v, pt->second_root.v, pt->levels);
    *pt = (struct ptab){.format = pt->format};
}

/* What a walk has found so far: permissions hold only if every level gives them. */
static void fill_leaf(const struct ptab_format *f, u64 entry, u64 above, u64 addr, u32 level, struct ptab_leaf *out)
{
    u64 size = ptab_span(level);
    out->addr = addr & ~(size - 1);
    out->size = size;
    out->entry = entry & (above | ~f->permission);
    out->out.v = entry & f->address & ~(size - 1);
}

not_inlined bool ptab_walk(const struct ptab *pt, hpa_t root, u64 addr, struct ptab_leaf *out)
{
    const struct ptab_format *f = pt->format;
    u64 entry = root.v;
    u64 above = f->permission;
    if (addr >= pt->limit) {
        return false;
    }
    for (u32 level = pt->levels;; level--) {
        entry = ptab_table(f, entry)[ptab_index(addr, level)];
        if (entry == 0) {
            return false;
        }
        if (!ptab_is_table(f, entry, level)) {
            fill_leaf(f, entry, above, addr, level, out);
            return true;
        }
        above &= entry;
    }
}

seldom u32 ptab_trace(const struct ptab *pt, hpa_t root, u32 levels, u64 addr, struct ptab_step steps[PTAB_MAX_LEVELS])
{
    const struct ptab_format *f = pt->format;
    u32 count = 0;
    u64 entry = root.v;
    for (u32 level = addr < ptab_span(levels + 1) ? levels : 0; level != 0; level--) {
        u64 *table = ptab_table(f, entry);
        u32 i = ptab_index(addr, level);
        hpa_t at = {(entry & f->address) + i * sizeof(u64)};
        entry = table[i];
        steps[count++] = (struct ptab_step){at, entry, level};
        if (entry == 0 || !ptab_is_table(f, entry, level)) {
            break;
        }
    }
    return count;
}

static bool next_in_table(const struct ptab_format *f, const u64 *table, u64 above, u64 addr,
                          u32 level, struct ptab_leaf *out)
{
    u64 span = ptab_span(level);
    for (u32 i = ptab_index(addr, level); i < PTAB_ENTRIES; i++) {
        u64 entry = table[i];
        if (ptab_is_table(f, entry, level)) {
            if (next_in_table(f, ptab_table(f, entry), above & entry, addr, level - 1, out)) {
                return true;
            }
        } else if (entry != 0) {
            fill_leaf(f, entry, above, addr, level, out);
            return true;
        }
        addr = (addr & ~(span - 1)) + span;
    }
    return false;
}

bool ptab_next(const struct ptab *pt, hpa_t root, u64 addr, struct ptab_leaf *out)
{
    const struct ptab_format *f = pt->format;
    if (addr >= pt->limit) {
        return false;
    }
    return next_in_table(f, ptab_table(f, root.v), f->permission, addr, pt->levels, out);
}

static bool table_lacks(const struct ptab_format *f, const u64 *table, u64 bits, u32 level)
{
    for (u32 i = 0; i < PTAB_ENTRIES; i++) {
        u64 entry = table[i];
        if (entry != 0 && (entry & bits) != bits) {
            return true;
        }
        if (ptab_is_table(f, entry, level) && table_lacks(f, ptab_table(f, entry), bits, level - 1)) {
            return true;
        }
    }
    return false;
}

seldom bool ptab_lacks(const struct ptab *pt, hpa_t root, u64 bits)
{
    return table_lacks(pt->format, ptab_table(pt->format, root.v), bits, pt->levels);
}

/*
 * Retired tables are a list whose links must not change what hardware reads there: the number of the next page is
 * spread over the bits that it ignores. What they counted is of no use any more.
 */
enum { LINK_PIECES = 5 };
_Static_assert(LINK_PIECES * PTAB_IGNORED_BITS >= PTAB_IGNORED_SHIFT - PAGE_SHIFT, "room for any page's number");

static void link_set(hpa_t table, u64 next)
{
    u64 *entries = port_hpa_to_ptr(table);
    next >>= PAGE_SHIFT;
    for (u32 i = 0; i < LINK_PIECES; i++) {
        u64 piece = next << PTAB_IGNORED_SHIFT & PTAB_IGNORED;
        ptab_store(&entries[i], (entries[i] & ~PTAB_IGNORED) | piece);
        next >>= PTAB_IGNORED_BITS;
    }
}

static hpa_t link_get(hpa_t table)
{
    const u64 *entries = port_hpa_to_ptr(table);
    u64 next = 0;
    for (u32 i = 0; i < LINK_PIECES; i++) {
        next |= (entries[i] & PTAB_IGNORED) >> PTAB_IGNORED_SHIFT << PTAB_IGNORED_BITS * i;
    }
    return (hpa_t){next << PAGE_SHIFT};
}

void ptab_retire(struct ptab *pt, u64 entry)
{
    hpa_t table = {entry & pt->format->address};
    link_set(table, pt->retired.v);
    pt->retired = table;
    pt->tables--;
}

hpa_t ptab_take_retired(struct ptab *pt)
{
    hpa_t list = pt->retired;
    pt->retired.v = 0;
    return list;
}

void ptab_put_retired(struct ptab *pt, hpa_t list)
{
    while (list.v != 0) {
        hpa_t next = link_get(list);
        link_set(list, pt->retired.v);
        pt->retired = list;
        list = next;
    }
}

void ptab_free_retired(hpa_t list)
{
    while (list.v != 0) {
        hpa_t next = link_get(list);
        port_pages_free(list, 1);
        list = next;
    }
}
