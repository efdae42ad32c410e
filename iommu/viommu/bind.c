/* Guest entries in, host entries out; and the records of what is bound. */
#include "iommu/viommu/bind.h"

#include "iommu/port.h"
#include "iommu/viommu/host.h"
#include "iommu/viommu/state.h"

_Static_assert(sizeof(struct viommu_binding) * VIOMMU_BINDINGS_PER_PAGE <= PAGE_SIZE, "one page");
_Static_assert(sizeof(struct viommu_device) * VIOMMU_DEVICES_PER_HALF <= PAGE_SIZE, "one page");

void viommu_bind_plan(const struct guest_entry *entry, struct bind_plan *out)
{
    *out = (struct bind_plan){.kind = BIND_BLOCKED};
    if (!entry->present) {
        return;
    }
    out->guest_did = entry->did;
    if (entry->pgtt == PGTT_PASS_THROUGH) {
        out->kind = BIND_SECOND_STAGE;
        return;
    }
    out->kind = BIND_NESTED;
    out->addr_width = entry->five_levels ? 57 : 48;
    out->fs_root = entry->fs_root;
    out->sre = entry->sre;
    out->wpe = entry->wpe;
    out->eafe = entry->eafe;
}

bool viommu_bind_same(const struct bind_plan *a, const struct bind_plan *b)
{
    return a->kind == b->kind && a->guest_did == b->guest_did && a->addr_width == b->addr_width &&
           a->fs_root.v == b->fs_root.v && a->sre == b->sre && a->wpe == b->wpe &&
           a->eafe == b->eafe;
}

static bool page_take(struct viommu *v, struct viommu_page *page)
{
    if (v->bindings.table_pages == v->config.max_table_pages ||
        port_pages_alloc(1, &page->at) != OK) {
        return false;
    }
    v->bindings.table_pages++;
    page->ptr = port_hpa_to_ptr(page->at);
    return true;
}

static void page_give(struct viommu_page *page)
{
    if (page->ptr != NULL) {
        port_pages_free(page->at, 1);
        page->ptr = NULL;
    }
}

struct viommu_device *viommu_device_find(struct viommu *v, u16 sid)
{
    struct viommu_device *half = v->bindings.half[sid / VIOMMU_DEVICES_PER_HALF].ptr;
    bool known = (v->bindings.known[sid / 64] >> sid % 64 & 1) != 0;
    return known ? &half[sid % VIOMMU_DEVICES_PER_HALF] : NULL;
}

struct viommu_device *viommu_device_add(struct viommu *v, u16 sid)
{
    u32 index = sid / VIOMMU_DEVICES_PER_HALF;
    struct viommu_page *half = &v->bindings.half[index];
    if (half->ptr == NULL && !page_take(v, half)) {
        return NULL;
    }
    v->bindings.known_halves[index / 64] |= 1ull << index % 64;
    v->bindings.known[sid / 64] |= 1ull << sid % 64;
    struct viommu_device *devices = half->ptr;
    return &devices[sid % VIOMMU_DEVICES_PER_HALF];
}

void viommu_device_forget(struct viommu *v, u16 sid)
{
    v->bindings.known[sid / 64] &= ~(1ull << sid % 64);
}

/* The first bit set at or after from; count when there is none. */
static u32 next_bit(const u64 *bits, u32 count, u32 from)
{
    while (from < count) {
        u64 word = bits[from / 64] >> from % 64;
        if (word != 0) {
            return from + (u32)__builtin_ctzll(word);
        }
        from = (from / 64 + 1) * 64;
    }
    return count;
}

u32 viommu_device_next(const struct viommu *v, u32 sid)
{
    const struct viommu_bindings *all = &v->bindings;
    u32 half = sid / VIOMMU_DEVICES_PER_HALF;
    for (;;) {
        half = next_bit(all->known_halves, VIOMMU_HALVES, half);
        u32 first = half * VIOMMU_DEVICES_PER_HALF;
        u32 end = first + VIOMMU_DEVICES_PER_HALF;
        if (half == VIOMMU_HALVES) {
            return VIOMMU_SIDS;
        }
        u32 found = next_bit(all->known, end, sid > first ? sid : first);
        if (found < end) {
            return found;
        }
        half++;
    }
}

static struct viommu_binding *binding_at(struct viommu *v, u16 index_plus_1)
{
    u32 index = index_plus_1 - 1u;
    struct viommu_binding *page = v->bindings.page[index / VIOMMU_BINDINGS_PER_PAGE].ptr;
    return &page[index % VIOMMU_BINDINGS_PER_PAGE];
}

static u16 *hash_head(struct viommu *v, u16 sid, u32 pasid)
{
    u32 h = (u32)sid * 0x9e3779b1u ^ pasid * 0x85ebca6bu;
    return &v->bindings.hash[(h >> 16) % VIOMMU_HASH];
}

/* The link that leads to the binding, or to the end of its chain. */
static u16 *find_link(struct viommu *v, u16 sid, u32 pasid)
{
    u16 *link = hash_head(v, sid, pasid);
    while (*link != 0) {
        struct viommu_binding *b = binding_at(v, *link);
        if (b->sid == sid && b->pasid == pasid) {
            return link;
        }
        link = &b->hash_next;
    }
    return link;
}

static bool grow(struct viommu *v)
{
    struct viommu_bindings *all = &v->bindings;
    u32 first = (u32)all->pages * VIOMMU_BINDINGS_PER_PAGE;
    if (first >= VIOMMU_BINDINGS_MAX || !page_take(v, &all->page[all->pages])) {
        return false;
    }
    all->pages++;
    for (u32 i = 0; i < VIOMMU_BINDINGS_PER_PAGE; i++) {
        u16 index_plus_1 = (u16)(first + i + 1);
        binding_at(v, index_plus_1)->next = all->free;
        all->free = index_plus_1;
    }
    return true;
}

static struct viommu_did *did_slot(struct viommu *v, u16 did, bool may_add)
{
    struct viommu_did *empty = NULL;
    for (u32 i = 0; i < v->config.max_domains; i++) {
        struct viommu_did *slot = &v->bindings.dids[i];
        if (slot->uses != 0 && slot->did == did) {
            return slot;
        }
        if (slot->uses == 0 && empty == NULL) {
            empty = slot;
        }
    }
    if (may_add && empty != NULL) {
        empty->did = did;
        return empty;
    }
    return NULL;
}

void viommu_bind_tell_quota(struct viommu *v, u16 sid)
{
    v->stats.quota_refusals++;
    if (!v->bindings.told_quota) {
        v->bindings.told_quota = true;
        port_log(LOG_WARNING, "viommu: partition %u is over its quota, device %04x stays blocked",
                 v->config.partition, sid);
    }
}

/*
 * Blocked, and said: over quota by one line a guest, anything else where it failed. Entries that
 * cannot stand beside each other (VT-d 6.2.3.1) are the guest's mistake.
 */
static void refuse(struct viommu *v, u16 sid, enum result r)
{
    if (r == ERR_QUOTA || r == ERR_NO_MEMORY || r == ERR_NO_DOMAIN_ID) {
        viommu_bind_tell_quota(v, sid);
    } else if (r == ERR_FIRST_STAGE_CONFLICT || r == ERR_DID_CONFLICT) {
        v->stats.entry_refusals++;
    } else {
        v->stats.host_errors++;
    }
}

/* Records first: a host entry that could not be recorded could not be removed either. */
static void install(struct viommu *v, struct viommu_device *device, u16 sid, u32 pasid,
                    const struct bind_plan *plan)
{
    struct viommu_bindings *all = &v->bindings;
    struct viommu_did *did = did_slot(v, plan->guest_did, true);
    if (did == NULL || all->count >= v->config.max_bindings || (all->free == 0 && !grow(v))) {
        refuse(v, sid, ERR_QUOTA);
        return;
    }
    u16 index_plus_1 = all->free;
    struct viommu_binding *b = binding_at(v, index_plus_1);
    u16 next_free = b->next;
    *b = (struct viommu_binding){.sid = sid, .pasid = pasid, .plan = *plan, .next = next_free,
                                 .seen = all->tour};
    enum result r = viommu_host_attach(v, device, b, plan);
    if (r != OK) { /* b is still on the free list */
        refuse(v, sid, r);
        return;
    }
    all->free = next_free;
    u16 *head = hash_head(v, sid, pasid);
    b->hash_next = *head;
    *head = index_plus_1;
    b->next = device->first;
    device->first = index_plus_1;
    device->count++;
    all->count++;
    did->uses++;
    v->stats.binds++;
}

static void release_did(struct viommu *v, u16 guest_did)
{
    struct viommu_did *did = did_slot(v, guest_did, false);
    if (did != NULL) {
        did->uses--;
    }
}

/* The host entry goes first: a record without an entry is harmless, the reverse is not. */
static void remove_binding(struct viommu *v, struct viommu_device *device, u16 index_plus_1)
{
    struct viommu_bindings *all = &v->bindings;
    struct viommu_binding *b = binding_at(v, index_plus_1);
    if (viommu_host_detach(v, device, b, device->count == 1) != OK) {
        v->stats.host_errors++;
    }
    release_did(v, b->plan.guest_did);
    *find_link(v, b->sid, b->pasid) = b->hash_next;
    u16 *link = &device->first;
    while (*link != index_plus_1) {
        link = &binding_at(v, *link)->next;
    }
    *link = b->next;
    b->next = all->free;
    all->free = index_plus_1;
    device->count--;
    all->count--;
    v->stats.unbinds++;
}

/* The same first-stage table with another FSPM or EAFE, which are the table's own (VT-d 6.2.3.1). */
static bool changes_first_stage(const struct bind_plan *from, const struct bind_plan *to)
{
    return from->kind == BIND_NESTED && to->kind == BIND_NESTED && from->fs_root.v == to->fs_root.v &&
           (from->addr_width != to->addr_width || from->eafe != to->eafe);
}

/* From one valid entry to another; what cannot be changed is blocked instead. */
static void change(struct viommu *v, struct viommu_device *device, u16 index_plus_1,
                   const struct bind_plan *plan)
{
    struct viommu_binding *b = binding_at(v, index_plus_1);
    u16 sid = b->sid;
    u32 pasid = b->pasid;
    if (changes_first_stage(&b->plan, plan)) { /* first nobody may walk it as it was */
        remove_binding(v, device, index_plus_1);
        install(v, device, sid, pasid, plan);
        return;
    }
    struct viommu_did *did = did_slot(v, plan->guest_did, true);
    enum result r = did == NULL ? ERR_QUOTA : viommu_host_replace(v, b, plan);
    if (r != OK) {
        refuse(v, sid, r);
        remove_binding(v, device, index_plus_1);
        return;
    }
    did->uses++;
    release_did(v, b->plan.guest_did);
    b->plan = *plan;
    b->seen = v->bindings.tour;
    v->stats.rebinds++;
}

bool viommu_bind_sync(struct viommu *v, struct viommu_device *device, u16 sid, u32 pasid,
                      const struct guest_entry *entry)
{
    struct bind_plan plan;
    viommu_bind_plan(entry, &plan);
    u16 bound = device->count != 0 ? *find_link(v, sid, pasid) : 0;
    if (bound == 0 && plan.kind == BIND_BLOCKED) {
        return false;
    }
    if (bound != 0 && viommu_bind_same(&binding_at(v, bound)->plan, &plan)) {
        binding_at(v, bound)->seen = v->bindings.tour;
        return false;
    }
    if (bound == 0) {
        install(v, device, sid, pasid, &plan);
    } else if (plan.kind == BIND_BLOCKED) {
        remove_binding(v, device, bound);
    } else {
        change(v, device, bound, &plan);
    }
    return true;
}

bool viommu_bind_drop_one(struct viommu *v, struct viommu_device *device)
{
    if (device->first == 0) {
        return false;
    }
    remove_binding(v, device, device->first);
    return true;
}

void viommu_bind_tour(struct viommu *v)
{
    v->bindings.tour++;
}

bool viommu_bind_sweep(struct viommu *v, struct viommu_device *device, u16 *at, bool *changed)
{
    u16 index_plus_1 = *at != 0 ? *at : device->first;
    *changed = false;
    if (index_plus_1 == 0) {
        return false;
    }
    const struct viommu_binding *b = binding_at(v, index_plus_1);
    u16 next = b->next;
    if (b->seen != v->bindings.tour) {
        remove_binding(v, device, index_plus_1);
        *changed = true;
    }
    *at = next;
    return next != 0;
}

void viommu_bindings_free(struct viommu *v)
{
    struct viommu_bindings *all = &v->bindings;
    for (u32 i = 0; i < VIOMMU_HALVES; i++) {
        page_give(&all->half[i]);
    }
    for (u32 i = 0; i < all->pages; i++) {
        page_give(&all->page[i]);
    }
    *all = (struct viommu_bindings){.count = 0};
}
