/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See page_tables.h.
 *
 *   virtual address   63..57 sign | 56..48 PML5 | 47..39 PML4 | 38..30 PDPT | 29..21 PD | 20..12 PT
 */
#include "boot/page_tables.h"

#define ENTRY_PRESENT 1ull
#define ENTRY_WRITE (1ull << 1)
#define ENTRY_LARGE (1ull << 7)
#define ENTRY_NO_EXECUTE (1ull << 63)
#define ENTRY_ADDRESS 0x000ffffffffff000ull

enum { ENTRIES = 512, TABLES_ASIDE = 24 };

static u64 *table_at(const struct page_tables *t, u64 physical)
{
    return (u64 *)(void *)(t->memory + (physical - t->physical));
}

static enum result take_table(struct page_tables *t, u64 *physical)
{
    if (t->used == t->pages) {
        return ERR_NO_MEMORY;
    }
    *physical = t->physical + t->used++ * PAGE_SIZE;
    return OK;
}

enum result page_tables_create(struct page_tables *t)
{
    u64 root;
    t->used = 0;
    return take_table(t, &root);
}

/* How many bytes one entry of a level (1 = PT) spans. */
static u64 span_of(u32 level)
{
    return PAGE_SIZE << (9 * (level - 1));
}

/* The level of the largest page that the beginning of a range allows. */
static u32 leaf_level(const struct page_tables *t, u64 virtual, u64 physical, u64 size)
{
    for (u32 level = t->huge ? 3 : 2; level > 1; level--) {
        if (((virtual | physical) & (span_of(level) - 1)) == 0 && size >= span_of(level)) {
            return level;
        }
    }
    return 1;
}

/* The entry for `virtual` at that level. Tables above it allow everything; the leaves decide. */
static enum result find_entry(struct page_tables *t, u64 virtual, u32 leaf, u64 **entry)
{
    u64 *table = table_at(t, t->physical);
    for (u32 level = t->levels;; level--) {
        *entry = &table[virtual / span_of(level) % ENTRIES];
        if (level == leaf) {
            return (**entry & ENTRY_PRESENT) != 0 ? ERR_EXISTS : OK;
        }
        if ((**entry & ENTRY_PRESENT) == 0) {
            u64 physical;
            enum result r = take_table(t, &physical);
            if (r != OK) {
                return r;
            }
            **entry = physical | ENTRY_PRESENT | ENTRY_WRITE;
        } else if ((**entry & ENTRY_LARGE) != 0) {
            return ERR_EXISTS;
        }
        table = table_at(t, **entry & ENTRY_ADDRESS);
    }
}

enum result page_tables_map(struct page_tables *t, u64 virtual, u64 physical, u64 size, u32 rights)
{
    u64 flags = ENTRY_PRESENT | ((rights & PAGE_WRITE) != 0 ? ENTRY_WRITE : 0) |
                ((rights & PAGE_EXECUTE) != 0 ? 0 : ENTRY_NO_EXECUTE);
    if (((virtual | physical | size) & PAGE_MASK) != 0) {
        return ERR_INVALID;
    }
    while (size != 0) {
        u64 *entry;
        u32 level = leaf_level(t, virtual, physical, size);
        enum result r = find_entry(t, virtual, level, &entry);
        if (r != OK) {
            return r;
        }
        *entry = physical | flags | (level > 1 ? ENTRY_LARGE : 0);
        virtual += span_of(level);
        physical += span_of(level);
        size -= span_of(level);
    }
    return OK;
}

u32 page_tables_needed(u64 end, bool huge)
{
    u64 tables = TABLES_ASIDE + (end >> 39) + 1;
    if (!huge) {
        tables += (end >> 30) + 1;
    }
    return (u32)tables;
}
