/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is attached where: every (root, source-id, PASID) of a unit that was given to a domain
 * or to a nested domain. Everything that can fail for want of memory or ids comes before the
 * entry is written; an entry that cannot be written leaves all as it was.
 */
#include "iommu/base/slab.h"
#include "iommu/domain/state.h"
#include "iommu/spec/caps.h"

/* What may be attached: a domain, or a nested one (then domain is its parent). */
struct attach_target {
    struct domain *domain;
    struct nested *nested;
};
enum attach_how { ATTACH_NEW, ATTACH_REPLACE };

struct attachment {
    struct keymap_node node;
    struct did *did;
    struct domain *domain;
    struct nested *nested;   /* NULL: second-stage-only */
    struct did_table *table; /* of a nested one */
    bool lost;               /* not known what is there: all it may name stays counted until it can be cleared, */
    struct attachment *before; /* what it was attached to before included */
};

static struct slab attachment_slab = {.size = sizeof(struct attachment)};

/* Root 37, source-id 36:21, PASID 20:0; requests without PASID are all ones there. */
enum { KEY_PASID_BITS = 21, KEY_SID_BITS = 16, PASID_LIMIT = 1 << 20 };
static const u64 KEY_UNIT = 1ull << 63; /* the unit's default entry */

static u64 attachment_key(enum vtd_root root, u16 sid, u32 pasid)
{
    return (u64)root << (KEY_PASID_BITS + KEY_SID_BITS) | (u64)sid << KEY_PASID_BITS |
           (pasid & ((1u << KEY_PASID_BITS) - 1));
}

static void nested_add_user(struct nested *n)
{
    __atomic_fetch_add(&n->users, 1, __ATOMIC_RELAXED);
}

static void nested_remove_user(struct nested *n)
{
    __atomic_fetch_sub(&n->users, 1, __ATOMIC_RELEASE);
}

static struct attachment *find(const struct did_unit *u, u64 key)
{
    return (struct attachment *)keymap_find(&u->attachments, key);
}

/* What hardware can walk the domain's tables as they are. */
static enum result check_second_stage(const struct did_unit *u, const struct domain *d)
{
    const struct vtd_unit_info *info = &u->info;
    if (domain_unit_levels(d, info->ss_levels) == 0) {
        port_log(LOG_ERROR, "unit %u: no second stage of %u levels", info->index,
                 d->config.levels);
        return ERR_UNSUPPORTED;
    }
    if ((d->config.page_sizes & ~(info->ss_page_sizes | PAGE_SIZE)) != 0) {
        port_log(LOG_ERROR, "unit %u: second-stage page sizes %llx, the domain has %llx", info->index,
                 info->ss_page_sizes, d->config.page_sizes);
        return ERR_UNSUPPORTED;
    }
    if (d->config.coherent && !info->coherent) {
        port_log(LOG_ERROR, "unit %u: its walks do not snoop, the domain counts on that",
                 info->index);
        return ERR_UNSUPPORTED;
    }
    return OK;
}

/* Guest addresses that the unit translates: MGAW (VT-d 11.4.2) and the levels of its walks. */
static enum result check_first_stage(const struct did_unit *u, const struct nested *n)
{
    u32 bits = vtd_cap_ss_width(u->info.cap, domain_unit_levels(n->parent, u->info.ss_levels));
    if (!u->info.nesting) {
        port_log(LOG_WARNING, "unit %u: no nested translation", u->info.index);
        return ERR_UNSUPPORTED;
    }
    if (n->config.pgtbl_addr >> bits != 0) {
        port_log(LOG_WARNING, "unit %u: first-stage table at %llx is beyond %u bits", u->info.index,
                 n->config.pgtbl_addr, bits);
        return ERR_INVALID;
    }
    return OK;
}

/* Requests without PASID are cached under RID_PASID (VT-d 6.2.3). */
static enum result cached_pasid(const struct did_unit *u, enum vtd_root root, u16 sid, u32 pasid,
                                u32 *out)
{
    struct vtd_context context;
    *out = pasid;
    if (pasid != VTD_NO_PASID) {
        return pasid < PASID_LIMIT ? OK : ERR_INVALID;
    }
    enum result r = vtd_device_get(u->unit, root, sid, &context);
    *out = context.rid_pasid;
    return r;
}

static not_inlined struct did_request request_of(const struct nested *n, u32 pasid)
{
    return (struct did_request){
        .users = &n->parent->dids,
        .partition = n->parent->config.partition,
        .pasid = pasid,
        .guest_did = n->config.guest_did,
        .first_stage = {.root = n->config.pgtbl_addr, .width = (u16)n->config.addr_width,
                        .eafe = (n->config.flags & NESTED_EAFE) != 0},
    };
}

static enum result take_nested(struct did_unit *u, enum vtd_root root, u16 sid, u32 pasid,
                               struct attachment *a)
{
    struct did_request request;
    u32 tag;
    enum result r = check_first_stage(u, a->nested);
    if (r == OK) {
        r = cached_pasid(u, root, sid, pasid, &tag);
    }
    if (r != OK) {
        return r;
    }
    request = request_of(a->nested, tag);
    r = did_take_table(u, &request, &a->table);
    if (r != OK) {
        return r;
    }
    a->did = a->table->did;
    nested_add_user(a->nested);
    return OK;
}

/* All that an attachment holds: an id, a table under it, a place in the counts. */
static enum result take(struct did_unit *u, const struct attach_target *target,
                        enum vtd_root root, u16 sid, u32 pasid, struct attachment *a)
{
    enum result r = check_second_stage(u, target->domain);
    a->domain = target->domain;
    a->nested = target->nested;
    if (r == OK) {
        r = a->nested == NULL ? did_take(u, &a->domain->dids, &a->did)
                              : take_nested(u, root, sid, pasid, a);
    }
    if (r == OK) {
        domain_add_user(target->domain);
    }
    return r;
}

static void give(const struct attachment *a)
{
    if (a->nested != NULL) {
        nested_remove_user(a->nested);
        did_give_table(a->table);
    } else {
        did_give(a->did);
    }
    domain_remove_user(a->domain);
}

/* Hardware uses nothing of it any more. */
static void forget(struct did_unit *u, struct attachment *a)
{
    keymap_remove(&u->attachments, &a->node);
    while (a != NULL) {
        struct attachment *before = a->before;
        give(a);
        slab_free(&attachment_slab, a);
        a = before;
    }
}

/* Without memory for it, what is kept stays counted for good. */
static void keep(struct attachment *a)
{
    struct attachment *kept = slab_alloc(&attachment_slab);
    if (kept != NULL) {
        *kept = *a;
        a->before = kept;
    }
}

static enum result set_entry(const struct did_unit *u, const struct attachment *a,
                             enum vtd_root root, u16 sid, u32 pasid)
{
    u32 levels = domain_unit_levels(a->domain, u->info.ss_levels);
    struct vtd_entry entry = {
        .pgtt = a->nested != NULL ? PGTT_NESTED : PGTT_SECOND_STAGE,
        .did = a->did->id,
        .ss_root = domain_unit_root(a->domain, levels),
        .ss_levels = levels,
    };
    if (a->nested != NULL) {
        const struct nested_config *config = &a->nested->config;
        entry.fs_root = config->pgtbl_addr;
        entry.fs_width = config->addr_width;
        entry.sre = (config->flags & NESTED_SRE) != 0;
        entry.wpe = (config->flags & NESTED_WPE) != 0;
        entry.eafe = (config->flags & NESTED_EAFE) != 0;
    }
    return vtd_device_set_entry(u->unit, root, sid, pasid, &entry);
}

/* What the driver says before it touches an entry; after anything else it may be half there. */
static bool is_untouched(enum result r)
{
    return r == ERR_UNSUPPORTED || r == ERR_INVALID || r == ERR_NOT_FOUND || r == ERR_NO_MEMORY;
}

/* After a failed write: true once hardware surely uses nothing of what the entry named. */
static bool is_gone(const struct did_unit *u, enum vtd_root root, u16 sid, u32 pasid)
{
    enum result r = vtd_device_clear_entry(u->unit, root, sid, pasid);
    if (r != OK && r != ERR_NOT_FOUND) {
        port_log(LOG_ERROR, "unit %u: the entry of %#x cannot be taken back, what it names is kept: %s",
                 u->info.index, sid, result_text(r));
        return false;
    }
    return true;
}

/* An entry that is absent by now may still be in the unit's caches: only after all of them it is gone. */
static enum result clear_lost(const struct did_unit *u, enum vtd_root root, u16 sid, u32 pasid)
{
    enum result r = vtd_device_clear_entry(u->unit, root, sid, pasid);
    return r == OK || r == ERR_NOT_FOUND ? vtd_inval_global(u->unit) : r;
}

static enum result attach_new(struct did_unit *u, const struct attach_target *target,
                              enum vtd_root root, u16 sid, u32 pasid)
{
    struct attachment *a = slab_alloc(&attachment_slab);
    if (a == NULL) {
        return ERR_NO_MEMORY;
    }
    *a = (struct attachment){.node.key = attachment_key(root, sid, pasid)};
    enum result r = take(u, target, root, sid, pasid, a);
    if (r != OK) {
        slab_free(&attachment_slab, a);
        return r;
    }
    r = set_entry(u, a, root, sid, pasid);
    if (r != OK && (is_untouched(r) || is_gone(u, root, sid, pasid))) {
        give(a);
        slab_free(&attachment_slab, a);
        return r;
    }
    a->lost = r != OK;
    keymap_add(&u->attachments, &a->node);
    return r;
}

/*
 * The same guest domain goes on with another table, and nobody else has that PASID under its
 * id: the id stays, so only the first-stage word of the entry changes, which is one store.
 */
static bool can_keep_id(const struct attachment *a, const struct attach_target *target)
{
    return a->nested != NULL && target->nested != NULL && a->domain == target->domain &&
           a->nested->config.guest_did == target->nested->config.guest_did &&
           a->table->users == 1;
}

static enum result change_table(struct did_unit *u, struct attachment *a, struct nested *n,
                                enum vtd_root root, u16 sid, u32 pasid)
{
    struct nested *old = a->nested;
    struct first_stage *first_stage, *old_first_stage = a->table->first_stage;
    struct did_request request = request_of(n, (u32)a->table->node.key & (PASID_LIMIT - 1));
    enum result r = check_first_stage(u, n);
    r = r == OK ? first_stage_take(&n->parent->dids.first_stages, u->info.index, &request.first_stage, &first_stage)
                : r;
    if (r != OK) {
        return r;
    }
    a->nested = n;
    r = set_entry(u, a, root, sid, pasid);
    if (is_untouched(r)) {
        a->nested = old;
        first_stage_give(first_stage);
        return r;
    }
    a->table->first_stage = first_stage;
    nested_add_user(n);
    nested_remove_user(old);
    first_stage_give(old_first_stage);
    if (r != OK && is_gone(u, root, sid, pasid)) {
        forget(u, a);
        return r;
    }
    a->lost = r != OK;
    return r;
}

static enum result change_target(struct did_unit *u, struct attachment *a,
                                 const struct attach_target *target, enum vtd_root root, u16 sid,
                                 u32 pasid)
{
    struct attachment other = {.node = a->node};
    enum result r = take(u, target, root, sid, pasid, &other);
    if (r != OK) {
        return r;
    }
    r = set_entry(u, &other, root, sid, pasid);
    if (is_untouched(r)) {
        give(&other);
        return r;
    }
    if (r != OK && is_gone(u, root, sid, pasid)) {
        give(&other);
        forget(u, a);
        return r;
    }
    if (r == OK) {
        give(a);
    } else {
        keep(a);
    }
    a->lost = r != OK;
    a->did = other.did;
    a->domain = other.domain;
    a->nested = other.nested;
    a->table = other.table;
    return r;
}

static enum result attach_other(struct did_unit *u, struct attachment *a,
                                const struct attach_target *target, enum vtd_root root, u16 sid,
                                u32 pasid)
{
    if (can_keep_id(a, target)) {
        return change_table(u, a, target->nested, root, sid, pasid);
    }
    return change_target(u, a, target, root, sid, pasid);
}

static enum result attach(const struct attach_target *target, enum attach_how how, struct vtd_unit *unit,
                   enum vtd_root root, u16 sid, u32 pasid)
{
    struct did_unit *u;
    if (pasid != VTD_NO_PASID && pasid >= PASID_LIMIT) {
        return ERR_INVALID;
    }
    enum result r = did_unit_get(unit, &u);
    if (r != OK) {
        return r;
    }
    struct attachment *a = find(u, attachment_key(root, sid, pasid));
    if (a != NULL && a->lost && clear_lost(u, root, sid, pasid) == OK) {
        forget(u, a);
        a = NULL;
    }
    if (how == ATTACH_NEW) {
        r = a != NULL ? ERR_EXISTS : attach_new(u, target, root, sid, pasid);
    } else {
        r = a == NULL ? ERR_NOT_FOUND : attach_other(u, a, target, root, sid, pasid);
    }
    did_unit_put(u);
    return r;
}

static enum result attach_remove(const struct attach_target *target, struct vtd_unit *unit,
                          enum vtd_root root, u16 sid, u32 pasid)
{
    struct did_unit *u;
    enum result r = did_unit_get(unit, &u);
    if (r != OK) {
        return r;
    }
    struct attachment *a = find(u, attachment_key(root, sid, pasid));
    if (a == NULL || (!a->lost && (a->domain != target->domain || a->nested != target->nested))) {
        r = ERR_NOT_FOUND;
    } else {
        /* Not cleared, the entry may still be walked: then it stays counted, too. */
        r = a->lost ? clear_lost(u, root, sid, pasid) : vtd_device_clear_entry(unit, root, sid, pasid);
        r = r == ERR_NOT_FOUND ? OK : r;
    }
    if (r == OK) {
        forget(u, a);
    } else if (a != NULL) {
        a->lost = true;
    }
    did_unit_put(u);
    return r;
}

enum result domain_attach(struct domain *d, struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    return attach(&(struct attach_target){.domain = d}, ATTACH_NEW, unit, root, sid, pasid);
}

enum result domain_detach(struct domain *d, struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    return attach_remove(&(struct attach_target){.domain = d}, unit, root, sid, pasid);
}

enum result domain_replace(struct domain *d, struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    return attach(&(struct attach_target){.domain = d}, ATTACH_REPLACE, unit, root, sid, pasid);
}

enum result nested_attach(struct nested *n, struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    return attach(&(struct attach_target){n->parent, n}, ATTACH_NEW, unit, root, sid, pasid);
}

enum result nested_detach(struct nested *n, struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    return attach_remove(&(struct attach_target){n->parent, n}, unit, root, sid, pasid);
}

enum result nested_replace(struct nested *n, struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    return attach(&(struct attach_target){n->parent, n}, ATTACH_REPLACE, unit, root, sid, pasid);
}

enum result domain_unit_add(struct domain *d, struct vtd_unit *unit, struct vtd_default *out)
{
    const struct attach_target target = {.domain = d};
    struct did_unit *u;
    enum result r = did_unit_get(unit, &u);
    if (r != OK) {
        return r;
    }
    struct attachment *a = find(u, KEY_UNIT) != NULL ? NULL : slab_alloc(&attachment_slab);
    if (a == NULL) {
        r = find(u, KEY_UNIT) != NULL ? ERR_EXISTS : ERR_NO_MEMORY;
    } else {
        a->node.key = KEY_UNIT;
        r = take(u, &target, VTD_ROOT_OFF, 0, 0, a);
    }
    if (r == OK) {
        keymap_add(&u->attachments, &a->node);
        u32 levels = domain_unit_levels(d, u->info.ss_levels);
        *out = (struct vtd_default){.ss_root = domain_unit_root(d, levels), .did = a->did->id, .ss_levels = levels};
    } else if (a != NULL) {
        slab_free(&attachment_slab, a);
    }
    did_unit_put(u);
    return r;
}

void domain_unit_remove(struct domain *d, struct vtd_unit *unit)
{
    struct did_unit *u;
    if (did_unit_get(unit, &u) != OK) {
        return;
    }
    struct attachment *a = find(u, KEY_UNIT);
    if (a != NULL && a->domain == d) {
        keymap_remove(&u->attachments, &a->node);
        give(a);
        slab_free(&attachment_slab, a);
    }
    did_unit_put(u);
}
