/* SPDX-License-Identifier: BSD-2-Clause */
/* Shadows: their life, who uses which, and what has to be invalidated. See shadow.h. */
#include "iommu/shadow/shadow.h"

#include "iommu/base/slab.h"
#include "iommu/shadow/state.h"
#include "iommu/spec/caps.h"
#include "iommu/vtd/vtd.h"

/* A guest domain id under which a shadow is used. */
struct use {
    struct keymap_node node;  /* only the first of an id */
    struct use *next;         /* by serial */
    struct shadow *shadow;
    u32 users;
};

static struct slab shadow_slab = {.size = sizeof(struct shadow)};
static struct slab use_slab = {.size = sizeof(struct use)};

void shadow_init(struct shadow_set *set, const struct shadow_config *config)
{
    struct vtd_unit_info info;
    vtd_unit_get_info(config->unit, &info);
    *set = (struct shadow_set){.config = *config, .write_buffer = vtd_cap_get(info.cap, VTD_CAP_RWBF) != 0};
    shadow_entry_init(set);
}

static enum result make(struct shadow_set *set, gpa_t root, u32 levels, struct shadow **out)
{
    const struct shadow_config *c = &set->config;
    struct vtd_unit_info info;
    vtd_unit_get_info(c->unit, &info);
    struct shadow *s = slab_alloc(&shadow_slab);
    if (s == NULL) {
        return ERR_NO_MEMORY;
    }
    *s = (struct shadow){.root = root, .levels = levels, .serial = ++set->serial,
                         .limit = 1ull << shadow_width(set, levels)};
    const struct domain_config config = {.levels = levels, .page_sizes = info.ss_page_sizes, .coherent = info.coherent,
                                         .shadow = true, .partition = c->partition};
    enum result r = shadow_memory_take(set, s, 1) == 1 ? domain_create(&config, &s->domain) : ERR_QUOTA;
    if (r != OK) {
        shadow_memory_give(set, s, s->charged);
        slab_free(&shadow_slab, s);
        return r;
    }
    struct shadow **link = &set->first;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = s;
    *out = s;
    return OK;
}

/* Nobody walks it any more: its tables go as time allows. */
static void drop(struct shadow_set *set, struct shadow *s)
{
    struct shadow **link = &set->first;
    while (*link != s) {
        link = &(*link)->next;
    }
    *link = s->next;
    s->next = set->dropped;
    set->dropped = s;
}

static void keep(struct shadow_set *set, struct shadow *s)
{
    struct shadow *before = set->kept;
    set->kept = s;
    if (before != NULL && before != s && before->users == 0) {
        drop(set, before);
    }
}

enum result shadow_get(struct shadow_set *set, gpa_t root, u32 levels, struct shadow **out)
{
    struct shadow *s = set->first;
    while (s != NULL && (s->root.v != root.v || s->levels != levels)) {
        s = s->next;
    }
    enum result r = s == NULL ? make(set, root, levels, &s) : OK;
    if (r == OK) {
        keep(set, s);
        *out = s;
    }
    return r;
}

struct domain *shadow_domain(const struct shadow *s)
{
    return s->domain;
}

u32 shadow_serial(const struct shadow *s)
{
    return s->serial;
}

/* --- users --- */

static struct use *first_use(const struct shadow_set *set, u16 guest_did)
{
    return (struct use *)keymap_find(&set->ids, guest_did);
}

static void add_use(struct shadow_set *set, struct use *use, u16 guest_did)
{
    struct use *first = first_use(set, guest_did);
    use->node.key = guest_did;
    if (first == NULL || first->shadow->serial > use->shadow->serial) {
        if (first != NULL) {
            keymap_remove(&set->ids, &first->node);
        }
        use->next = first;
        keymap_add(&set->ids, &use->node);
        return;
    }
    while (first->next != NULL && first->next->shadow->serial < use->shadow->serial) {
        first = first->next;
    }
    use->next = first->next;
    first->next = use;
}

static void remove_use(struct shadow_set *set, struct use *use)
{
    struct use *first = first_use(set, (u16)use->node.key);
    if (first == use) {
        keymap_remove(&set->ids, &use->node);
        if (use->next != NULL) {
            keymap_add(&set->ids, &use->next->node);
        }
        return;
    }
    while (first->next != use) {
        first = first->next;
    }
    first->next = use->next;
}

static struct use *find_use(const struct shadow_set *set, const struct shadow *s, u16 guest_did)
{
    struct use *use = first_use(set, guest_did);
    while (use != NULL && use->shadow != s) {
        use = use->next;
    }
    return use;
}

enum result shadow_take(struct shadow_set *set, struct shadow *s, u16 guest_did)
{
    struct use *use = find_use(set, s, guest_did);
    if (use == NULL) {
        use = slab_alloc(&use_slab);
        if (use == NULL) {
            return ERR_NO_MEMORY;
        }
        *use = (struct use){.shadow = s};
        add_use(set, use, guest_did);
    }
    use->users++;
    s->users++;
    return OK;
}

void shadow_give(struct shadow_set *set, struct shadow *s, u16 guest_did)
{
    struct use *use = find_use(set, s, guest_did);
    use->users--;
    if (use->users == 0) {
        remove_use(set, use);
        slab_free(&use_slab, use);
    }
    s->users--;
    if (s->users == 0 && s != set->kept) {
        drop(set, s);
    }
}

enum { PASSED_A_STEP = 32 };

struct shadow *shadow_next(const struct shadow_set *set, u32 guest_did, u32 after, u32 *budget)
{
    const struct use *use = guest_did == SHADOW_ALL ? NULL : first_use(set, (u16)guest_did);
    struct shadow *s = guest_did == SHADOW_ALL ? set->first : use != NULL ? use->shadow : NULL;
    u32 passed = 0;
    for (; s != NULL && s->serial <= after; passed++) {
        use = use != NULL ? use->next : NULL;
        s = guest_did == SHADOW_ALL ? s->next : use != NULL ? use->shadow : NULL;
    }
    shadow_spend(budget, passed / PASSED_A_STEP);
    return s;
}

/* --- invalidation --- */

enum result shadow_invalidate(struct shadow_set *set, struct shadow *s, struct vtd_desc *out, bool *any)
{
    u16 did;
    *any = s->changed_from != s->changed_end && domain_id(s->domain, set->config.unit, &did);
    if (domain_has_retired(s->domain) || set->write_buffer) {
        return ERR_BUSY;
    }
    if (*any) {
        *out = vtd_inval_second_stage_desc(set->config.unit, did, s->changed_from, s->changed_end - s->changed_from);
    }
    s->changed_from = s->changed_end = 0;
    return OK;
}

enum result shadow_flush(struct shadow_set *set, struct shadow *s)
{
    enum result r = OK;
    if (s->changed_from != s->changed_end || domain_has_retired(s->domain)) {
        r = domain_flush(s->domain, (gpa_t){s->changed_from}, s->changed_end - s->changed_from);
    }
    if (r == OK) {
        s->changed_from = s->changed_end = 0;
        shadow_memory_settle(set, s);
    }
    return r;
}

/* --- the parent changed --- */

/* Where the shadow has something, by the guest's tables: there alone its address of a leaf is found. */
static bool follow(struct shadow_set *set, struct shadow *s, u32 *budget)
{
    const u64 region = shadow_span(SS_LARGEST_LEAF - 1);
    struct domain_mapping m;
    while (set->follow_at >= set->follow_end || shadow_sync(set, s, &set->follow_at, set->follow_end, budget)) {
        if (!domain_next(s->domain, (gpa_t){set->follow_end}, &m)) {
            return true;
        }
        u64 end = (m.gpa.v | (region - 1)) + 1;
        set->follow_at = m.gpa.v;
        set->follow_end = end > m.gpa.v + m.size ? end : m.gpa.v + m.size;
    }
    return false;
}

enum { STEPS_LOOK = 2 }; /* for the next thing that a shadow has */

bool shadow_follow(struct shadow_set *set, bool again, u32 *budget)
{
    struct shadow *s;
    if (again) {
        set->window = (struct shadow_window){.size = 0};
        set->followed = 0;
        set->follow_at = set->follow_end = 0;
    }
    for (s = shadow_next(set, SHADOW_ALL, set->followed, budget); s != NULL && *budget != 0; s = s->next) {
        shadow_spend(budget, STEPS_LOOK);
        bool done = follow(set, s, budget);
        if (shadow_flush(set, s) != OK) {
            port_log(LOG_ERROR, "partition %u: a unit has not invalidated the shadow of a guest's table",
                     set->config.partition);
        }
        if (!done) {
            return false;
        }
        set->followed = s->serial;
        set->follow_at = set->follow_end = 0;
    }
    return s == NULL;
}

/* --- the end --- */

static void destroy(struct shadow_set *set, struct shadow *s)
{
    if (domain_destroy(s->domain) != OK) {
        port_log(LOG_ERROR, "partition %u: the shadow of a guest's table is still in use", set->config.partition);
        return;
    }
    shadow_memory_give(set, s, s->charged);
    slab_free(&shadow_slab, s);
}

enum { STEPS_PIECE = 6 }; /* what a piece takes besides its entries and tables */

/* What is taken out of tables without devices is given back at once. False: the budget ended. */
static bool clear(struct shadow_set *set, struct shadow *s, u32 *budget)
{
    for (u64 at = 0; at < s->limit;) {
        if (*budget == 0) {
            return false;
        }
        shadow_spend(budget, STEPS_PIECE);
        at = shadow_empty(set, s, at, budget);
        if (shadow_flush(set, s) != OK) {
            break;
        }
    }
    return true;
}

bool shadow_tidy(struct shadow_set *set, u32 *budget)
{
    if (set->kept != NULL && set->kept->users == 0) {
        drop(set, set->kept);
    }
    set->kept = NULL;
    while (set->dropped != NULL) {
        struct shadow *s = set->dropped;
        if (!clear(set, s, budget)) {
            return false;
        }
        set->dropped = s->next;
        destroy(set, s);
    }
    return true;
}

void shadow_end(struct shadow_set *set)
{
    u32 plenty;
    set->kept = NULL;
    while (set->first != NULL) {
        drop(set, set->first);
    }
    do {
        plenty = ~0u;
    } while (!shadow_tidy(set, &plenty));
}
