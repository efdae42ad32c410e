/*
 * What devices wrote to (VT-d 3.7.2, SSADE = 1): read from the leafs, and cleared so that hardware sets it
 * again. A cached translation that says dirty would keep it from doing so: cleared leafs are invalidated.
 */
#include "iommu/domain/state.h"
#include "iommu/ptab/second_stage.h"

struct span { u64 base, end; };

/* A large page is dirty as a whole, and only cleared as a whole: nobody was told of the rest of it. */
static bool is_inside(const struct span *range, const struct ptab_leaf *leaf)
{
    return leaf->addr >= range->base && leaf->addr + leaf->size <= range->end;
}

static void mark(u64 *bitmap, const struct span *range, const struct ptab_leaf *leaf)
{
    u64 from = leaf->addr > range->base ? leaf->addr : range->base;
    u64 end = leaf->addr + leaf->size < range->end ? leaf->addr + leaf->size : range->end;
    for (u64 page = (from - range->base) / PAGE_SIZE; page < (end - range->base) / PAGE_SIZE; page++) {
        bitmap[page / 64] |= 1ull << page % 64;
    }
}

/* True if a leaf was cleared. */
static bool collect(struct ptab *tables, const struct span *range, bool clear, u64 *bitmap)
{
    struct ptab_leaf leaf;
    bool cleared = false;
    u64 at = range->base;
    while (at < range->end && ptab_next(tables, tables->root, at, &leaf) && leaf.addr < range->end) {
        if ((leaf.entry & SECOND_STAGE_DIRTY) != 0) {
            mark(bitmap, range, &leaf);
            if (clear && is_inside(range, &leaf)) {
                ptab_clear(tables, leaf.addr, SECOND_STAGE_DIRTY);
                cleared = true;
            }
        }
        at = leaf.addr + leaf.size;
    }
    return cleared;
}

enum result domain_read_dirty(struct domain *d, gpa_t gpa, u64 size, bool clear, u64 *bitmap)
{
    const struct span range = {.base = gpa.v, .end = gpa.v + size};
    bool cleared;
    if (!d->config.dirty_tracking) {
        port_log(LOG_WARNING, "partition %u: a domain without dirty tracking was asked what is dirty",
                 d->config.partition);
        return ERR_UNSUPPORTED;
    }
    if (((gpa.v | size) & PAGE_MASK) != 0 || range.end < range.base) {
        return ERR_INVALID;
    }
    spin_lock(&d->tables_lock);
    cleared = collect(&d->tables, &range, clear, bitmap);
    spin_unlock(&d->tables_lock);
    return cleared ? domain_flush(d, gpa, size) : OK;
}
