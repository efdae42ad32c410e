/* SPDX-License-Identifier: BSD-2-Clause */
/* Small objects. See slab.h. */
#include "iommu/base/slab.h"

/* At the start of each page; then objects, each after a pointer to here. */
struct slab_page {
    struct slab_page *next;
    struct slab_page **link;   /* what points to this page; NULL while it is full */
    struct slab_slot *free;
    hpa_t at;
    u32 used;
};

struct slab_slot {
    struct slab_page *page;
    union {
        struct slab_slot *next_free;
        u64 object[1];
    };
};

static u32 slot_size(const struct slab *slab)
{
    return (u32)offsetof(struct slab_slot, object) + ((slab->size + 7) & ~7u);
}

static void list_add(struct slab *slab, struct slab_page *page)
{
    page->next = slab->partial;
    page->link = &slab->partial;
    if (page->next != NULL) {
        page->next->link = &page->next;
    }
    slab->partial = page;
}

static void list_remove(struct slab_page *page)
{
    *page->link = page->next;
    if (page->next != NULL) {
        page->next->link = page->link;
    }
    page->link = NULL;
}

static struct slab_page *new_page(struct slab *slab)
{
    u32 size = slot_size(slab);
    struct slab_page *page;
    hpa_t at;
    if (port_pages_alloc(1, &at) != OK) {
        return NULL;
    }
    page = port_hpa_to_ptr(at);
    page->at = at;
    for (u32 at_byte = sizeof(*page); at_byte + size <= PAGE_SIZE; at_byte += size) {
        struct slab_slot *slot = (struct slab_slot *)((u8 *)page + at_byte);
        slot->page = page;
        slot->next_free = page->free;
        page->free = slot;
    }
    list_add(slab, page);
    return page;
}

void *slab_alloc(struct slab *slab)
{
    struct slab_slot *slot = NULL;
    struct slab_page *page;
    spin_lock(&slab->lock);
    page = slab->partial != NULL ? slab->partial : new_page(slab);
    if (page != NULL) {
        slot = page->free;
        page->free = slot->next_free;
        page->used++;
        if (page->free == NULL) {
            list_remove(page);
        }
    }
    spin_unlock(&slab->lock);
    for (u32 i = 0; slot != NULL && i < (slab->size + 7) / 8; i++) {
        slot->object[i] = 0;
    }
    return slot == NULL ? NULL : slot->object;
}

void slab_free(struct slab *slab, void *object)
{
    struct slab_slot *slot =
        (struct slab_slot *)((u8 *)object - offsetof(struct slab_slot, object));
    struct slab_page *page = slot->page;
    spin_lock(&slab->lock);
    slot->next_free = page->free;
    page->free = slot;
    page->used--;
    if (page->link == NULL) {
        list_add(slab, page);
    }
    if (page->used == 0) {
        list_remove(page);
        port_pages_free(page->at, 1);
    }
    spin_unlock(&slab->lock);
}
