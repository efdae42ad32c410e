/* SPDX-License-Identifier: BSD-2-Clause */
/* See bindings.h. Knows neither the guest's tables nor the hardware. */
#include "iommu/viommu/bindings.h"

#include "iommu/port.h"
#include "iommu/viommu/state.h"

_Static_assert(sizeof(struct viommu_binding) * VIOMMU_BINDINGS_PER_PAGE <= PAGE_SIZE, "one page");
_Static_assert(sizeof(struct viommu_device) * VIOMMU_DEVICES_PER_HALF <= PAGE_SIZE, "one page");

/*
 * What comes with a page of records: the context table of the host's that covers the same half bus; nested domains,
 * attachments, ids and first stages of so many bindings, as test_host.c measures.
 */
enum { PAGES_PER_HALF = 1, PAGES_PER_BINDINGS = 3 };

/* --- pages --- */

static bool take_shared(struct viommu_quota *shared, u32 pages)
{
    if (shared == NULL) {
        return false;
    }
    u32 left = __atomic_load_n(&shared->pages, __ATOMIC_RELAXED);
    do {
        if (left < pages) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&shared->pages, &left, left - pages, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

bool viommu_bindings_charge(struct viommu *v, u32 pages)
{
    struct viommu_bindings *all = &v->bindings;
    u32 own = v->config.max_table_pages - (all->table_pages - all->from_shared);
    u32 more = pages > own ? pages - own : 0;
    if (more != 0 && !take_shared(v->config.shared, more)) {
        return false;
    }
    all->from_shared += more;
    all->table_pages += pages;
    return true;
}

void viommu_bindings_refund(struct viommu *v, u32 pages)
{
    struct viommu_bindings *all = &v->bindings;
    u32 back = pages < all->from_shared ? pages : all->from_shared;
    if (back != 0) {
        __atomic_fetch_add(&v->config.shared->pages, back, __ATOMIC_RELAXED);
    }
    all->from_shared -= back;
    all->table_pages -= pages;
}

static bool page_take(struct viommu *v, struct viommu_page *page, u32 more)
{
    if (!viommu_bindings_charge(v, 1 + more)) {
        return false;
    }
    if (port_pages_alloc(1, &page->at) != OK) {
        viommu_bindings_refund(v, 1 + more);
        return false;
    }
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

/* --- devices --- */

struct viommu_device *viommu_bindings_find_device(struct viommu *v, u16 sid)
{
    struct viommu_device *half = v->bindings.half[sid / VIOMMU_DEVICES_PER_HALF].ptr;
    bool known = (v->bindings.known[sid / 64] >> sid % 64 & 1) != 0;
    return known ? &half[sid % VIOMMU_DEVICES_PER_HALF] : NULL;
}

struct viommu_device *viommu_bindings_add_device(struct viommu *v, u16 sid)
{
    u32 index = sid / VIOMMU_DEVICES_PER_HALF;
    struct viommu_page *half = &v->bindings.half[index];
    if (half->ptr == NULL && !page_take(v, half, PAGES_PER_HALF)) {
        return NULL;
    }
    v->bindings.known_halves[index / 64] |= 1ull << index % 64;
    v->bindings.known[sid / 64] |= 1ull << sid % 64;
    struct viommu_device *devices = half->ptr;
    return &devices[sid % VIOMMU_DEVICES_PER_HALF];
}

void viommu_bindings_forget_device(struct viommu *v, u16 sid)
{
    v->bindings.known[sid / 64] &= ~(1ull << sid % 64);
}

bool viommu_bindings_know_half(const struct viommu *v, u32 sid)
{
    return v->bindings.half[sid / VIOMMU_DEVICES_PER_HALF].ptr != NULL;
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

u32 viommu_bindings_next_device(const struct viommu *v, u32 sid)
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

/* --- bindings --- */

struct viommu_binding *viommu_bindings_at(struct viommu *v, u16 index_plus_1)
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
        struct viommu_binding *b = viommu_bindings_at(v, *link);
        if (b->sid == sid && b->pasid == pasid) {
            return link;
        }
        link = &b->hash_next;
    }
    return link;
}

u16 viommu_bindings_find(struct viommu *v, u16 sid, u32 pasid)
{
    return *find_link(v, sid, pasid);
}

static bool grow(struct viommu *v)
{
    struct viommu_bindings *all = &v->bindings;
    u32 first = (u32)all->pages * VIOMMU_BINDINGS_PER_PAGE;
    if (first >= VIOMMU_BINDINGS_MAX || !page_take(v, &all->page[all->pages], PAGES_PER_BINDINGS)) {
        return false;
    }
    all->pages++;
    for (u32 i = 0; i < VIOMMU_BINDINGS_PER_PAGE; i++) {
        u16 index_plus_1 = (u16)(first + i + 1);
        viommu_bindings_at(v, index_plus_1)->next = all->free;
        all->free = index_plus_1;
    }
    return true;
}

u16 viommu_bindings_spare(struct viommu *v)
{
    const struct viommu_bindings *all = &v->bindings;
    if (all->count >= v->config.max_bindings || (all->free == 0 && !grow(v))) {
        return 0;
    }
    return all->free;
}

void viommu_bindings_add(struct viommu *v, struct viommu_device *device, u16 index_plus_1)
{
    struct viommu_bindings *all = &v->bindings;
    struct viommu_binding *b = viommu_bindings_at(v, index_plus_1);
    all->free = b->next;
    u16 *head = hash_head(v, b->sid, b->pasid);
    b->hash_next = *head;
    *head = index_plus_1;
    b->next = device->first;
    device->first = index_plus_1;
    device->count++;
    all->count++;
}

void viommu_bindings_remove(struct viommu *v, struct viommu_device *device, u16 index_plus_1)
{
    struct viommu_bindings *all = &v->bindings;
    struct viommu_binding *b = viommu_bindings_at(v, index_plus_1);
    *find_link(v, b->sid, b->pasid) = b->hash_next;
    u16 *link = &device->first;
    while (*link != index_plus_1) {
        link = &viommu_bindings_at(v, *link)->next;
    }
    *link = b->next;
    b->next = all->free;
    all->free = index_plus_1;
    device->count--;
    all->count--;
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
    viommu_bindings_refund(v, all->table_pages);
    *all = (struct viommu_bindings){.count = 0};
}
