/*
 * A level more on top of a domain in use. What can fail comes first: levels that a unit has not,
 * domain ids, memory. Then the tables grow, and each unit's entries go over (iommu/vtd/move.c) from an
 * id that stands for the old root to one that stands for the new one.
 */
#include "iommu/domain/state.h"

static enum result check(const struct domain *d)
{
    u32 levels = d->config.levels + 1;
    if (levels > PTAB_MAX_LEVELS) {
        port_log(LOG_WARNING, "partition %u: no second stage has %u levels", d->config.partition,
                 levels);
        return ERR_UNSUPPORTED;
    }
    for (const struct did *did = d->dids; did != NULL; did = did->next_of_domain) {
        if ((did->unit->info.ss_levels >> levels & 1) == 0) {
            port_log(LOG_WARNING, "unit %u: no second stage of %u levels",
                     did->unit->info.index, levels);
            return ERR_UNSUPPORTED;
        }
    }
    return OK;
}

static void drop_ids(struct domain *d)
{
    for (struct did *did = d->dids; did != NULL; did = did->next_of_domain) {
        did_drop_next(did);
    }
}

/* Ids for all entries, and a map of 16-bit ids for the unit that has most. */
static enum result take_ids(struct domain *d, u32 *map_pages)
{
    *map_pages = 1;
    for (struct did *did = d->dids; did != NULL; did = did->next_of_domain) {
        u32 pages = (u32)((did->unit->info.domain_ids * sizeof(u16) + PAGE_MASK) / PAGE_SIZE);
        enum result r = did_take_next(did);
        if (r != OK) {
            drop_ids(d);
            return r;
        }
        *map_pages = pages > *map_pages ? pages : *map_pages;
    }
    return OK;
}

static enum result move_unit(struct domain *d, struct did_unit *u, u16 *map)
{
    const struct vtd_move move = {.dids = map, .ss_root = domain_dma_root(d),
                                  .ss_levels = d->config.levels};
    enum result r;
    for (const struct did *did = d->dids; did != NULL; did = did->next_of_domain) {
        if (did->unit == u) {
            map[did->id] = did->next_id;
        }
    }
    spin_lock(&u->lock);
    r = vtd_second_stage_move(u->unit, &move);
    for (struct did *did = d->dids; did != NULL; did = did->next_of_domain) {
        if (did->unit == u) {
            map[did->id] = 0;
            did_use_next(did, r == OK);
        }
    }
    spin_unlock(&u->lock);
    return r;
}

static enum result move_units(struct domain *d, u16 *map)
{
    enum result first = OK;
    for (struct did *did = d->dids; did != NULL; did = did->next_of_domain) {
        if (did->next_id != 0) {
            enum result r = move_unit(d, did->unit, map);
            first = first == OK ? r : first;
        }
    }
    return first;
}

static enum result grow_tables(struct domain *d)
{
    enum result r;
    spin_lock(&d->tables_lock);
    r = ptab_grow(&d->tables);
    if (r == OK) {
        d->config.levels++;
    }
    spin_unlock(&d->tables_lock);
    return r;
}

/* A unit that did not say that it forgot the old roots may walk them: they stay lost. */
static void lose_retired(struct domain *d)
{
    spin_lock(&d->tables_lock);
    (void)ptab_take_retired(&d->tables);
    spin_unlock(&d->tables_lock);
}

enum result domain_grow(struct domain *d)
{
    u32 map_pages;
    hpa_t map;
    enum result r = check(d);
    if (r == OK) {
        r = take_ids(d, &map_pages);
    }
    if (r != OK) {
        return r;
    }
    r = port_pages_alloc(map_pages, &map);
    if (r != OK) {
        drop_ids(d);
        return r;
    }
    r = grow_tables(d);
    if (r != OK) {
        drop_ids(d);
    } else {
        r = move_units(d, port_hpa_to_ptr(map));
        if (r != OK) {
            lose_retired(d);
        }
    }
    port_pages_free(map, map_pages);
    return r;
}
