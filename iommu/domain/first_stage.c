/*
 * First-stage tables that some entry of a unit walks, under whatever PASIDs and ids: FSPM
 * and EAFE are properties of the table, so all entries that lead to it over one second stage
 * have the same (VT-d 6.2.3.1).
 */
#include "iommu/domain/did.h"

#include "iommu/domain/state.h"
#include "iommu/base/slab.h"

static struct slab first_stage_slab = {.size = sizeof(struct did_first_stage)};

_Static_assert(DID_UNITS <= PAGE_SIZE, "the index of a unit fits below the address of a table");

static u64 first_stage_key(const struct did_unit *u, const struct did_request *request)
{
    return request->fs_root | u->info.index;
}

static enum result new_first_stage(const struct did_unit *u, const struct did_request *request,
                                   struct did_first_stage **out)
{
    struct did_first_stage *fs = slab_alloc(&first_stage_slab);
    if (fs == NULL) {
        return ERR_NO_MEMORY;
    }
    fs->node.key = first_stage_key(u, request);
    fs->domain = request->parent;
    fs->width = request->fs_width;
    fs->eafe = request->eafe;
    keymap_add(&request->parent->first_stages, &fs->node);
    *out = fs;
    return OK;
}

enum result did_first_stage_take(struct did_unit *u, const struct did_request *request,
                                 struct did_first_stage **out)
{
    struct domain *d = request->parent;
    enum result r = OK;
    spin_lock(&d->users_lock);
    struct did_first_stage *fs =
        (struct did_first_stage *)keymap_find(&d->first_stages, first_stage_key(u, request));
    if (fs == NULL) {
        r = new_first_stage(u, request, &fs);
    } else if (fs->width != request->fs_width || fs->eafe != request->eafe) {
        port_log(LOG_WARNING, "unit %u: first-stage table at %llx is in use with another FSPM or EAFE",
                 u->info.index, (unsigned long long)request->fs_root);
        r = ERR_FIRST_STAGE_CONFLICT;
    }
    if (r == OK) {
        fs->users++;
        *out = fs;
    }
    spin_unlock(&d->users_lock);
    return r;
}

void did_first_stage_give(struct did_first_stage *fs)
{
    struct domain *d = fs->domain;
    spin_lock(&d->users_lock);
    fs->users--;
    if (fs->users == 0) {
        keymap_remove(&d->first_stages, &fs->node);
        slab_free(&first_stage_slab, fs);
    }
    spin_unlock(&d->users_lock);
}
