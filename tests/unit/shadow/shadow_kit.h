/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest with a table in its memory, a partition, and shadows made of both, on the recording driver. */
#ifndef NESTOR_SHADOW_KIT_H
#define NESTOR_SHADOW_KIT_H

#include "iommu/shadow/state.h"
#include "unit/domain/domain_kit.h"

/* The guest has this much memory for tables, from address 0; the partition much more, at the host's address + 1 GiB. */
enum { GUEST_PAGES = 64, RW = PROT_READ | PROT_WRITE };
#define RAM (8 * M2)

static u64 guest[GUEST_PAGES][SS_ENTRIES];
static u32 guest_used;
static u64 scratch[SS_ENTRIES];
static struct shadow_memory memory;
static struct shadow_set set;
static struct domain *parent;

static inline bool guest_read(void *ctx, gpa_t gpa, void *buf, size_t len)
{
    (void)ctx;
    if (gpa.v >= sizeof(guest) || len > sizeof(guest) - gpa.v) {
        return false;
    }
    memcpy(buf, (const u8 *)guest + gpa.v, len);
    return true;
}

static inline gpa_t guest_table(void)
{
    gpa_t at = {guest_used * PAGE_SIZE};
    assert_true(guest_used < GUEST_PAGES);
    memset(guest[guest_used++], 0, PAGE_SIZE);
    return at;
}

/* The guest's entry of that level for an input address, under a root of 4 levels. */
static inline u64 *guest_entry(gpa_t root, u64 iova, u32 level)
{
    u64 *table = guest[root.v / PAGE_SIZE];
    for (u32 n = 4; n > level; n--) {
        u64 *entry = &table[shadow_index(iova, n)];
        if ((*entry & SHADOW_ACCESS) == 0) {
            *entry = guest_table().v | SHADOW_ACCESS;
        }
        table = guest[(*entry & FIELD_MASK(SS_ADDR)) / PAGE_SIZE];
    }
    return &table[shadow_index(iova, level)];
}

static inline void kit_begin(u32 pages)
{
    guest_used = 0;
    memory = (struct shadow_memory){pages, pages};
    parent = plain();
    assert_int_equal(domain_map(parent, (gpa_t){0}, (hpa_t){G1}, RAM, RW, MEM_WB), OK);
    const struct shadow_config config = {.unit = &unit0, .parent = parent, .memory = &memory, .read = guest_read,
                                         .scratch = scratch, .partition = 3, .haw = 46, .mgaw = 48,
                                         .page_sizes = K4 | M2 | G1, .snoop = true};
    shadow_init(&set, &config);
}

/* All that was taken is back. */
static inline void kit_end(void)
{
    u64 bytes;
    shadow_end(&set);
    assert_int_equal(memory.left, memory.pages);
    assert_int_equal(domain_unmap(parent, (gpa_t){0}, G1, &bytes), OK);
    end(parent);
}

static inline struct shadow *kit_shadow(gpa_t root, u16 guest_did)
{
    struct shadow *s;
    assert_int_equal(shadow_get(&set, root, 4, &s), OK);
    assert_int_equal(shadow_take(&set, s, guest_did), OK);
    return s;
}

/* The whole table in one go, and what is forgotten is forgotten. */
static inline void kit_sync(struct shadow *s)
{
    u64 at = 0;
    u32 plenty = ~0u;
    assert_true(shadow_sync(&set, s, &at, 0, &plenty));
    assert_int_equal(shadow_flush(&set, s), OK);
}

/* What the shadow has for an input address: the host's address and the access, 0: nothing. */
static inline u64 kit_at(const struct shadow *s, u64 iova)
{
    struct domain_mapping m;
    return domain_walk(shadow_domain(s), (gpa_t){iova}, &m) == OK ? (m.hpa.v + (iova - m.gpa.v)) | m.prot : 0;
}

#endif
