/* SPDX-License-Identifier: BSD-2-Clause */
/* Second-stage domains: tables, the read-only rule, and making changes visible. See domain.h. */
#include "iommu/domain/domain.h"

#include "iommu/base/slab.h"
#include "iommu/domain/state.h"

static struct slab domain_slab = {.size = sizeof(struct domain)};
static u32 last_serial;

static enum result pin(struct ptab *tables, const struct domain_config *config)
{
    bool possible = config->fewest_levels >= PTAB_MIN_LEVELS && config->fewest_levels <= config->levels;
    enum result r = possible ? ptab_pin(tables, config->fewest_levels) : ERR_INVALID;
    if (r != OK) {
        ptab_destroy(tables);
    }
    return r;
}

seldom enum result domain_create(const struct domain_config *config, struct domain **out)
{
    if (config->shadow && (config->parent || config->dma_root || config->cpu_flush != NULL)) {
        return ERR_INVALID;
    }
    struct domain *d = slab_alloc(&domain_slab);
    if (d == NULL) {
        return ERR_NO_MEMORY;
    }
    d->kind = KIND_DOMAIN;
    d->config = *config;
    d->dids.serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
    enum result r = ptab_create(&d->tables, &second_stage_format, config->levels, config->page_sizes,
                                config->coherent, config->dma_root);
    if (r == OK && config->fewest_levels != 0) {
        r = pin(&d->tables, config);
    }
    if (r != OK) {
        slab_free(&domain_slab, d);
        return r;
    }
    *out = d;
    return OK;
}

seldom enum result domain_destroy(struct domain *d)
{
    if (__atomic_load_n(&d->users, __ATOMIC_ACQUIRE) != 0) {
        return ERR_BUSY;
    }
    ptab_destroy(&d->tables);
    slab_free(&domain_slab, d);
    return OK;
}

void domain_add_user(struct domain *d)
{
    __atomic_fetch_add(&d->users, 1, __ATOMIC_RELAXED);
}

void domain_remove_user(struct domain *d)
{
    __atomic_fetch_sub(&d->users, 1, __ATOMIC_RELEASE);
}

hpa_t domain_cpu_root(const struct domain *d)
{
    return d->tables.root;
}

u32 domain_levels(const struct domain *d)
{
    return d->config.levels;
}

u32 domain_unit_levels(const struct domain *d, u32 ss_levels)
{
    u32 fewest = d->config.fewest_levels != 0 ? d->config.fewest_levels : d->config.levels;
    u32 levels = d->config.levels;
    while (levels >= fewest && (ss_levels >> levels & 1) == 0) {
        levels--;
    }
    return levels >= fewest ? levels : 0;
}

hpa_t domain_unit_root(const struct domain *d, u32 levels)
{
    return ptab_root(&d->tables, d->tables.second_root, levels);
}

u32 domain_table_pages(const struct domain *d)
{
    return d->tables.tables;
}

/*
 * The rule (Intel 772415): a unit may set accessed and dirty bits in a first-stage table that the
 * second stage maps read-only, so nothing under a nesting parent is read-only for DMA.
 */
static enum result check_rule(const struct domain *d, u64 gpa, u32 prot)
{
    if ((prot & PROT_WRITE) != 0 || !d->config.parent || d->config.dma_root ||
        d->config.rule_lifted) {
        return OK;
    }
    port_log(LOG_WARNING, "partition %u, guest address %llx: %s", d->config.partition, gpa,
             result_text(ERR_READ_ONLY_IN_PARENT));
    return ERR_READ_ONLY_IN_PARENT;
}

enum result domain_map(struct domain *d, gpa_t gpa, hpa_t hpa, u64 size, u32 prot,
                       enum mem_type type)
{
    u64 bits = second_stage_bits(prot, type);
    if (!second_stage_prot_is_valid(prot) || !second_stage_type_is_valid(type)) {
        return ERR_INVALID;
    }
    spin_lock(&d->tables_lock);
    enum result r = check_rule(d, gpa.v, (u32)bits);
    if (r == OK) {
        r = ptab_map(&d->tables, gpa.v, hpa, size, bits);
    }
    spin_unlock(&d->tables_lock);
    return r;
}

enum result domain_unmap(struct domain *d, gpa_t gpa, u64 size, u64 *unmapped)
{
    spin_lock(&d->tables_lock);
    enum result r = ptab_unmap(&d->tables, gpa.v, size, unmapped);
    d->changes++;
    spin_unlock(&d->tables_lock);
    return r;
}

seldom enum result domain_protect(struct domain *d, gpa_t gpa, u64 size, u32 prot)
{
    if (!second_stage_prot_is_valid(prot)) {
        return ERR_INVALID;
    }
    spin_lock(&d->tables_lock);
    enum result r = check_rule(d, gpa.v, prot);
    if (r == OK) {
        r = ptab_change(&d->tables, gpa.v, size, SECOND_STAGE_PERMISSION,
                        second_stage_bits(prot, 0));
        d->changes++;
    }
    spin_unlock(&d->tables_lock);
    return r;
}

enum result domain_set_type(struct domain *d, gpa_t gpa, u64 size, enum mem_type type)
{
    if (!second_stage_type_is_valid(type)) {
        return ERR_INVALID;
    }
    spin_lock(&d->tables_lock);
    enum result r = ptab_change(&d->tables, gpa.v, size, SECOND_STAGE_TYPE, second_stage_bits(0, type));
    spin_unlock(&d->tables_lock);
    return r;
}

enum result domain_assign(struct domain *d, gpa_t gpa, u32 level, const u64 *leaves, u32 count, u32 *room,
                        u32 *changed)
{
    if (!d->config.shadow) {
        return ERR_INVALID;
    }
    spin_lock(&d->tables_lock);
    enum result r = ptab_assign(&d->tables, gpa.v, level, leaves, count, room, changed);
    spin_unlock(&d->tables_lock);
    return r;
}

bool domain_has_retired(const struct domain *d)
{
    return d->tables.retired.v != 0;
}

static void fill_mapping(const struct ptab_leaf *leaf, struct domain_mapping *out)
{
    out->gpa.v = leaf->addr;
    out->hpa = leaf->out;
    out->size = leaf->size;
    out->prot = second_stage_prot(leaf->entry);
    out->type = (enum mem_type)second_stage_type(leaf->entry);
}

enum result domain_walk(const struct domain *d, gpa_t gpa, struct domain_mapping *out)
{
    struct spinlock *lock = (struct spinlock *)&d->tables_lock;
    struct ptab_leaf leaf;
    spin_lock(lock);
    bool found = ptab_walk(&d->tables, d->tables.root, gpa.v, &leaf);
    spin_unlock(lock);
    if (!found) {
        return ERR_NOT_FOUND;
    }
    fill_mapping(&leaf, out);
    return OK;
}

seldom u32 domain_trace(const struct domain *d, hpa_t root, u32 levels, u64 gpa,
                        struct ptab_step steps[PTAB_MAX_LEVELS])
{
    struct spinlock *lock = (struct spinlock *)&d->tables_lock;
    if (levels > d->tables.levels || domain_unit_root(d, levels).v != root.v) {
        return 0;
    }
    spin_lock(lock);
    u32 count = ptab_trace(&d->tables, root, levels, gpa, steps);
    spin_unlock(lock);
    return count;
}

static bool next_under(const struct domain *d, hpa_t root, gpa_t gpa, struct domain_mapping *out)
{
    struct spinlock *lock = (struct spinlock *)&d->tables_lock;
    struct ptab_leaf leaf;
    spin_lock(lock);
    bool found = ptab_next(&d->tables, root, gpa.v, &leaf);
    spin_unlock(lock);
    if (found) {
        fill_mapping(&leaf, out);
    }
    return found;
}

bool domain_next(const struct domain *d, gpa_t gpa, struct domain_mapping *out)
{
    return next_under(d, d->tables.root, gpa, out);
}

bool domain_next_dma(const struct domain *d, gpa_t gpa, struct domain_mapping *out)
{
    return next_under(d, d->tables.second_root, gpa, out);
}

void domain_follow(struct domain *d, struct domain_follower *f)
{
    spin_lock(&d->followers_lock);
    f->next = d->followers;
    d->followers = f;
    spin_unlock(&d->followers_lock);
}

seldom void domain_unfollow(struct domain *d, struct domain_follower *f)
{
    spin_lock(&d->followers_lock);
    for (struct domain_follower **link = &d->followers; *link != NULL; link = &(*link)->next) {
        if (*link == f) {
            *link = f->next;
            break;
        }
    }
    spin_unlock(&d->followers_lock);
}

/* Each is told of a change even when nothing is left for it to go on with. */
static bool followers_are_done(struct domain *d, u64 changes)
{
    u32 budget = DOMAIN_FOLLOW_STEPS;
    bool done = true;
    spin_lock(&d->followers_lock);
    bool again = d->told < changes; /* another flush may have told them of later ones */
    d->told = again ? changes : d->told;
    for (struct domain_follower *f = d->followers; f != NULL; f = f->next) {
        done &= f->changed(f, again, &budget);
    }
    spin_unlock(&d->followers_lock);
    return done;
}

bool domain_id(const struct domain *d, const struct vtd_unit *unit, u16 *out)
{
    struct spinlock *lock = (struct spinlock *)&d->dids.lock;
    bool found = false;
    spin_lock(lock);
    for (const struct did *did = d->dids.first; did != NULL && !found; did = did->next_user) {
        found = did->unit->unit == unit;
        *out = did->id;
    }
    spin_unlock(lock);
    return found;
}

static enum result flush_units(struct domain *d, u64 gpa, u64 size)
{
    enum result first = OK;
    spin_lock(&d->dids.lock);
    for (const struct did *did = d->dids.first; did != NULL; did = did->next_user) {
        enum result r = vtd_inval_second_stage(did->unit->unit, did->id, gpa, size);
        if (first == OK) {
            first = r;
        }
    }
    spin_unlock(&d->dids.lock);
    return first;
}

enum result domain_flush(struct domain *d, gpa_t gpa, u64 size)
{
    spin_lock(&d->tables_lock);
    hpa_t retired = ptab_take_retired(&d->tables);
    u64 changes = d->changes;
    bool follow = d->followed < changes;
    spin_unlock(&d->tables_lock);
    /* Before a table is given back, nothing may walk it, whatever range the caller has in mind. */
    if (retired.v != 0) {
        size = 0;
    }
    /* No lock meanwhile: other CPUs may be waiting for it when they are asked to take part. */
    if (d->config.cpu_flush != NULL) {
        d->config.cpu_flush(d->config.ctx);
    }
    enum result r = flush_units(d, gpa.v, size);
    bool done = !follow || followers_are_done(d, changes);
    spin_lock(&d->tables_lock);
    if (done && d->followed < changes) {
        d->followed = changes;
    }
    r = r == OK && !done ? ERR_BUSY : r;
    if (r != OK) {
        ptab_put_retired(&d->tables, retired);
    }
    spin_unlock(&d->tables_lock);
    if (r == OK) {
        ptab_free_retired(retired);
    }
    return r;
}

seldom enum result domain_make_parent(struct domain *d)
{
    enum result r = OK;
    spin_lock(&d->tables_lock);
    if (d->config.shadow) {
        r = ERR_NOT_A_PARENT;
    } else if (!d->config.rule_lifted &&
               ptab_lacks(&d->tables, d->tables.second_root, SECOND_STAGE_WRITE)) {
        r = ERR_PARENT_HAS_READ_ONLY;
    } else {
        d->config.parent = true;
    }
    spin_unlock(&d->tables_lock);
    if (r != OK) {
        port_log(LOG_WARNING, "partition %u: %s", d->config.partition, result_text(r));
    }
    return r;
}
