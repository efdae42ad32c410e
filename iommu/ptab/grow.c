/* Page tables: a level more on top of a tree, or of two that diverge. See ptab.h. */
#include "iommu/ptab/state.h"

static enum result new_roots(const struct ptab *pt, hpa_t *root, hpa_t *second)
{
    enum result r = port_pages_alloc(1, root);
    *second = *root;
    if (r == OK && ptab_diverges(pt)) {
        r = port_pages_alloc(1, second);
        if (r != OK) {
            port_pages_free(*root, 1);
        }
    }
    return r;
}

/* Hardware starts at the old roots yet: nothing that it finds there changes. */
static u64 *put_below(const struct ptab *pt, hpa_t root, hpa_t below)
{
    u64 *slot = port_hpa_to_ptr(root);
    ptab_store(slot, below.v | pt->format->table);
    ptab_flush(pt, slot, 1);
    return slot;
}

enum result ptab_grow(struct ptab *pt)
{
    hpa_t root, second;
    u64 *slot, *twin;
    enum result r = pt->levels < PTAB_MAX_LEVELS ? new_roots(pt, &root, &second) : ERR_INVALID;
    if (r != OK) {
        return r;
    }
    slot = put_below(pt, root, pt->root);
    twin = put_below(pt, second, pt->second_root);
    pt->tables += ptab_diverges(pt) ? 2 : 1;
    pt->root = root;
    pt->second_root = second;
    pt->root_table = slot;
    pt->levels++;
    pt->limit = ptab_span(pt->levels + 1);
    pt->last_region = PTAB_NO_REGION;
    /* An empty root, or two that are alike, have no place in a tree. */
    (void)ptab_tidy(pt, slot, twin, pt->levels);
    return OK;
}
