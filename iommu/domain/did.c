/* SPDX-License-Identifier: BSD-2-Clause */
/* Domain ids of a unit. See did.h. */
#include "iommu/domain/did.h"

#include "iommu/base/slab.h"
#include "iommu/domain/domain.h"

static struct spinlock units_lock;
static struct did_unit *units[DID_UNITS]; /* by index */
static struct slab unit_slab = {.size = sizeof(struct did_unit)};
static struct slab did_slab = {.size = sizeof(struct did)};
static struct slab table_slab = {.size = sizeof(struct did_table)};

_Static_assert(DID_UNITS <= PAGE_SIZE, "the index of a unit fits below the address of a table");

static u32 bitmap_pages(const struct did_unit *u)
{
    return (u32)((u->info.domain_ids / 8 + PAGE_MASK) / PAGE_SIZE);
}

static enum result new_unit(struct vtd_unit *unit, const struct vtd_unit_info *info,
                            struct did_unit **out)
{
    struct did_unit *u = slab_alloc(&unit_slab);
    if (u == NULL) {
        return ERR_NO_MEMORY;
    }
    u->unit = unit;
    u->info = *info;
    enum result r = port_pages_alloc(bitmap_pages(u), &u->bitmap_at);
    if (r != OK) {
        slab_free(&unit_slab, u);
        return r;
    }
    u->bitmap = port_hpa_to_ptr(u->bitmap_at);
    u->bitmap[0] = 1; /* id 0 is never used (VT-d 6.2.2) */
    *out = u;
    return OK;
}

enum result did_unit_get(struct vtd_unit *unit, struct did_unit **out)
{
    struct vtd_unit_info info;
    enum result r = OK;
    vtd_unit_get_info(unit, &info);
    if (info.index >= DID_UNITS || info.domain_ids < 16 || info.domain_ids > 1u << 16) {
        port_log(LOG_ERROR, "unit %u: index or number of domain ids (%u) out of range", info.index,
                 info.domain_ids);
        return ERR_UNSUPPORTED;
    }
    spin_lock(&units_lock);
    if (units[info.index] == NULL) {
        r = new_unit(unit, &info, &units[info.index]);
    }
    struct did_unit *u = units[info.index];
    if (r == OK && u->unit != unit) {
        port_log(LOG_ERROR, "unit %u: another unit of that index is in use", info.index);
        r = ERR_BUSY;
    }
    if (r == OK) {
        u->pins++;
    }
    spin_unlock(&units_lock);
    if (r == OK) {
        spin_lock(&u->lock);
        *out = u;
    }
    return r;
}

void did_unit_put(struct did_unit *u)
{
    spin_unlock(&u->lock);
    spin_lock(&units_lock);
    u->pins--;
    if (u->pins == 0 && u->ids == 0) {
        units[u->info.index] = NULL;
        port_pages_free(u->bitmap_at, bitmap_pages(u));
        slab_free(&unit_slab, u);
    }
    spin_unlock(&units_lock);
}

/* Round and round, so that an id rests as long as possible before it means something else. */
static enum result take_id(struct did_unit *u, u16 *out)
{
    u32 count = u->info.domain_ids;
    for (u32 tried = 0; tried < count; tried++) {
        u32 id = (u->hint + 1 + tried) % count;
        if (id % 64 == 0 && u->bitmap[id / 64] == ~0ull) {
            tried += 63;
            continue;
        }
        if ((u->bitmap[id / 64] >> id % 64 & 1) == 0) {
            u->bitmap[id / 64] |= 1ull << id % 64;
            u->hint = id;
            u->ids++;
            *out = (u16)id;
            return OK;
        }
    }
    if (limit_due(&u->exhausted)) {
        port_log(LOG_ERROR, "unit %u: all %u domain ids are in use (refusal %llu)", u->info.index, count,
                 u->exhausted.count);
    }
    return ERR_NO_DOMAIN_ID;
}

/* What hardware has cached under the id must be gone before it can mean something else. */
static void give_id(struct did_unit *u, u16 id)
{
    enum result r = vtd_inval_second_stage(u->unit, id, 0, 0);
    if (r != OK) {
        port_log(LOG_ERROR, "unit %u: domain id %u is lost, not invalidated: %s", u->info.index,
                 id, result_text(r));
        return;
    }
    u->bitmap[id / 64] &= ~(1ull << id % 64);
    u->ids--;
}

static void link_user(struct did *did)
{
    struct did_users *users = did->users_of;
    spin_lock(&users->lock);
    did->next_user = users->first;
    did->link_to_user = &users->first;
    if (users->first != NULL) {
        users->first->link_to_user = &did->next_user;
    }
    users->first = did;
    spin_unlock(&users->lock);
}

static void unlink_user(struct did *did)
{
    struct did_users *users = did->users_of;
    spin_lock(&users->lock);
    *did->link_to_user = did->next_user;
    if (did->next_user != NULL) {
        did->next_user->link_to_user = did->link_to_user;
    }
    spin_unlock(&users->lock);
}

static enum result new_did(struct did_unit *u, u64 key, struct did_users *users, struct did **out)
{
    struct did *did = slab_alloc(&did_slab);
    if (did == NULL) {
        return ERR_NO_MEMORY;
    }
    enum result r = take_id(u, &did->id);
    if (r != OK) {
        slab_free(&did_slab, did);
        return r;
    }
    did->node.key = key;
    did->unit = u;
    did->users_of = users;
    link_user(did);
    *out = did;
    return OK;
}

/* Keys of heads. A guest's domain: partition 47:16, guest's id 15:0. */
static u64 second_stage_key(const struct did_users *users)
{
    return 1ull << 63 | users->serial;
}

static u64 guest_key(u32 partition, u16 guest_did)
{
    return (u64)partition << 16 | guest_did;
}

static struct did *find_head(const struct did_unit *u, u64 key)
{
    return (struct did *)keymap_find(&u->heads, key);
}

enum result did_take(struct did_unit *u, struct did_users *users, struct did **out)
{
    struct did *did = find_head(u, second_stage_key(users));
    if (did == NULL) {
        enum result r = new_did(u, second_stage_key(users), users, &did);
        if (r != OK) {
            return r;
        }
        keymap_add(&u->heads, &did->node);
    }
    did->users++;
    *out = did;
    return OK;
}

/* Out of its guest domain's chain; the second becomes the head. */
static void unlink_split(struct did_unit *u, struct did *did)
{
    struct did *head = find_head(u, did->node.key);
    struct did **link = &head->next_split;
    if (head == did) {
        keymap_remove(&u->heads, &did->node);
        if (did->next_split != NULL) {
            keymap_add(&u->heads, &did->next_split->node);
        }
        return;
    }
    while (*link != did) {
        link = &(*link)->next_split;
    }
    *link = did->next_split;
}

void did_give(struct did *did)
{
    struct did_unit *u = did->unit;
    did->users--;
    if (did->users != 0) {
        return;
    }
    unlink_split(u, did);
    give_id(u, did->id);
    unlink_user(did);
    slab_free(&did_slab, did);
}

static u64 table_key(u16 id, u32 pasid)
{
    return (u64)id << 20 | pasid;
}

static enum result new_table(struct did *did, u32 pasid, struct first_stage *fs,
                             struct did_table **out)
{
    struct did_table *t = slab_alloc(&table_slab);
    if (t == NULL) {
        return ERR_NO_MEMORY;
    }
    t->node.key = table_key(did->id, pasid);
    t->did = did;
    t->first_stage = fs;
    t->users = 1;
    keymap_add(&did->unit->tables, &t->node);
    did->users++;
    *out = t;
    return OK;
}

/* The first id of the guest's domain under which the PASID has no other table, or NULL. */
static struct did *find_split(const struct did_unit *u, const struct did_request *request,
                              const struct first_stage *fs, u32 *splits,
                              struct did_table **table)
{
    struct did *did = find_head(u, guest_key(request->partition, request->guest_did));
    for (*splits = 0; did != NULL; did = did->next_split, ++*splits) {
        *table = (struct did_table *)keymap_find(&u->tables, table_key(did->id, request->pasid));
        if (did->users_of == request->users && (*table == NULL || (*table)->first_stage == fs)) {
            return did;
        }
    }
    return NULL;
}

static enum result new_split(struct did_unit *u, const struct did_request *request,
                             struct first_stage *fs, struct did_table **out)
{
    u64 key = guest_key(request->partition, request->guest_did);
    struct did *head = find_head(u, key);
    struct did *did;
    enum result r = new_did(u, key, request->users, &did);
    if (r != OK) {
        return r;
    }
    if (head == NULL) {
        keymap_add(&u->heads, &did->node);
    } else {
        did->next_split = head->next_split;
        head->next_split = did;
    }
    r = new_table(did, request->pasid, fs, out);
    if (r != OK) {
        did->users = 1;
        did_give(did);
    }
    return r;
}

static enum result take_table(struct did_unit *u, const struct did_request *request,
                              struct first_stage *fs, struct did_table **out)
{
    u32 splits;
    struct did_table *table = NULL;
    struct did *did = find_split(u, request, fs, &splits, &table);
    if (did == NULL && splits >= DID_SPLITS) {
        if (limit_due(&u->too_many_tables)) {
            port_log(LOG_WARNING, "unit %u: PASID %u under guest domain %u has %u tables already (refusal %llu)",
                     u->info.index, request->pasid, request->guest_did, splits, u->too_many_tables.count);
        }
        return ERR_DID_CONFLICT;
    }
    if (did == NULL) {
        return new_split(u, request, fs, out);
    }
    if (table == NULL) {
        return new_table(did, request->pasid, fs, out);
    }
    first_stage_give(fs); /* the table has counted it */
    table->users++;
    *out = table;
    return OK;
}

enum result did_take_table(struct did_unit *u, const struct did_request *request,
                           struct did_table **out)
{
    struct first_stage *fs;
    enum result r = first_stage_take(&request->users->first_stages, u->info.index, &request->first_stage, &fs);
    if (r != OK) {
        return r;
    }
    r = take_table(u, request, fs, out);
    if (r != OK) {
        first_stage_give(fs);
    }
    return r;
}

void did_give_table(struct did_table *table)
{
    struct did *did = table->did;
    table->users--;
    if (table->users != 0) {
        return;
    }
    keymap_remove(&did->unit->tables, &table->node);
    first_stage_give(table->first_stage);
    slab_free(&table_slab, table);
    did_give(did);
}

u32 did_of_guest(const struct vtd_unit *unit, u32 partition, u16 guest_did, u16 *out, u32 max)
{
    struct vtd_unit_info info;
    u32 count = 0;
    vtd_unit_get_info(unit, &info);
    spin_lock(&units_lock);
    struct did_unit *u = info.index < DID_UNITS ? units[info.index] : NULL;
    if (u != NULL) {
        u->pins++;
    }
    spin_unlock(&units_lock);
    if (u == NULL) {
        return 0;
    }
    spin_lock(&u->lock);
    for (struct did *did = find_head(u, guest_key(partition, guest_did));
         did != NULL && count < max; did = did->next_split) {
        out[count++] = did->id;
    }
    did_unit_put(u);
    return count;
}
