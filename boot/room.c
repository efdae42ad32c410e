/* SPDX-License-Identifier: BSD-2-Clause */
/* See room.h. */
#include "boot/room.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define FOUR_LEVELS (1ull << 48)

/* Interrupt messages of devices, which no table translates (VT-d 3.14), and the local APIC. */
#define MESSAGES_BASE 0xfee00000ull
#define MESSAGES_END 0xfef00000ull

enum {
    POOL_BYTES = 8 << 20,
    POOL_BYTES_PER_UNIT = 256 << 10,
    /*
     * PASID directory, PASID table, context table and what they are known by, alone on its half bus: 4.2 pages; of the
     * pool guests may use three quarters (hv/partition/dma.c).
     */
    POOL_BYTES_PER_FUNCTION = 24 << 10,
    /* 1 MiB at a multiple of it: taken together with what is around, which is given back. */
    POOL_BYTES_PER_INTERRUPT_TABLE = 2 << 20,
    /* Bitmaps, console, records, and tables where its memory cuts a large page of the root's. */
    POOL_BYTES_PER_PARTITION = 256 << 10,
    SHADOW_BYTES_MIN = 8 << 20,
    SHADOW_PART = 256,                  /* of the RAM: twice what mapping all of it once in pages of 4 KiB takes */
    CUTS_PER_AREA = 4,                  /* tables for an MSI-X table, and for pending bits elsewhere */
    CUTS_OF_THE_ROOT = 4,               /* tables, where the root's large pages get a hole: two at each end */
    SPLITS = 64,                        /* tables for memory types and holes that cut a large page; roots of units */
    ALIGNMENT = 2 << 20,
};

static enum result add(struct ranges *out, u64 base, u64 size, u64 limit, enum range_kind kind)
{
    if (base >= limit) {
        return OK;
    }
    return ranges_add(out, base, size < limit - base ? size : limit - base, kind);
}

static enum result add_windows(struct ranges *out, const struct areas *windows, u64 limit)
{
    enum result r = OK;
    for (u32 i = 0; r == OK && i < windows->count; i++) {
        const struct area *w = &windows->list[i];
        u64 end = w->base + w->size;
        u64 below = end < MESSAGES_BASE ? end : MESSAGES_BASE;
        u64 above = w->base > MESSAGES_END ? w->base : MESSAGES_END;
        if (w->base < below) {
            r = add(out, w->base, below - w->base, limit, RANGE_MMIO);
        }
        if (r == OK && above < end) {
            r = add(out, above, end - above, limit, RANGE_MMIO);
        }
    }
    return r;
}

enum result room_list(const struct ranges *map, const struct room_extras *extras, struct ranges *out)
{
    enum result r = OK;
    *out = *map;
    for (u32 i = 0; extras->dmar != NULL && r == OK && i < extras->dmar->region_count; i++) {
        const struct vtd_dmar_region *region = &extras->dmar->regions[i];
        r = add(out, region->base, region->limit + 1 - region->base, extras->limit, RANGE_MMIO);
    }
    for (u32 i = 0; r == OK && i < extras->pluggable->count; i++) {
        r = add(out, extras->pluggable->list[i].base, extras->pluggable->list[i].size, extras->limit, RANGE_RAM);
    }
    return r == OK ? add_windows(out, extras->windows, extras->limit) : r;
}

/* A part of the list without gaps. */
struct run {
    u64 base, end;
};

static bool next_run(const struct ranges *list, u32 *at, struct run *run)
{
    if (*at == list->count) {
        return false;
    }
    *run = (struct run){list->list[*at].base, list->list[*at].base + list->list[*at].size};
    while (++*at < list->count && list->list[*at].base == run->end) {
        run->end += list->list[*at].size;
    }
    return true;
}

/* Tables that span `span` bytes each and that the list needs: for parts of a page of that size, or all without one. */
static u64 tables_of(const struct ranges *list, u64 span, bool page_of_that_size)
{
    struct run run;
    u64 counted = 0;            /* the first span that no table was counted for */
    u64 tables = 0;
    for (u32 at = 0; next_run(list, &at, &run);) {
        u64 first = run.base / span;
        u64 last = (run.end - 1) / span;
        u64 whole_first = (run.base + span - 1) / span;
        u64 whole_end = run.end / span;
        u64 whole = page_of_that_size && whole_end > whole_first ? whole_end - whole_first : 0;
        u64 from = first > counted ? first : counted;
        if (last + 1 > from) {
            tables += last + 1 - from - whole;   /* a span that an earlier run touched is no whole one */
        }
        counted = last + 1 > counted ? last + 1 : counted;
    }
    return tables;
}

u64 room_tables(const struct ranges *list, u64 page_sizes)
{
    const struct memory_range *last = list->count != 0 ? &list->list[list->count - 1] : NULL;
    bool deep = last != NULL && last->base + last->size > FOUR_LEVELS; /* hv/partition/ept.c decides alike */
    return 1 + (deep ? tables_of(list, FOUR_LEVELS, false) : 0) + tables_of(list, 512 * GIB, false) +
           tables_of(list, GIB, (page_sizes & GIB) != 0) + tables_of(list, 2 * MIB, (page_sizes & 2 * MIB) != 0);
}

u64 room_shadows(const struct ranges *map)
{
    u64 ram = 0;
    for (u32 i = 0; i < map->count; i++) {
        ram += map->list[i].kind == RANGE_RAM ? map->list[i].size : 0;
    }
    u64 part = ram / SHADOW_PART & ~PAGE_MASK;
    return part > SHADOW_BYTES_MIN ? part : SHADOW_BYTES_MIN;
}

u64 room_partition(const struct handover_partition *partition, const struct areas *devices, u32 attached,
                   u64 page_sizes)
{
    static struct ranges mapped;
    u64 cut = 0;
    mapped.count = partition->span_count;
    for (u32 i = 0; i < partition->span_count; i++) {
        const struct partition_span *s = &partition->spans[i];
        mapped.list[i] = (struct memory_range){s->gpa, s->size, RANGE_RAM};
    }
    for (u32 i = 0; i < devices->count; i++) {
        enum result r = ranges_add(&mapped, devices->list[i].base, devices->list[i].size, RANGE_MMIO);
        cut += r == OK ? CUTS_PER_AREA + CUTS_OF_THE_ROOT : 0;
    }
    u64 tables = room_tables(&mapped, page_sizes) << (attached != 0 ? 1 : 0);   /* for devices, too */
    return POOL_BYTES_PER_PARTITION + 2ull * POOL_BYTES_PER_FUNCTION * attached + (tables + cut) * PAGE_SIZE;
}

u64 room_pool(const struct room_need *need)
{
    u64 tables = room_tables(need->list, need->page_sizes) + SPLITS;
    return POOL_BYTES + (u64)need->cpus * HANDOVER_CPU_BYTES + (u64)need->units * POOL_BYTES_PER_UNIT +
           (u64)need->interrupt_tables * POOL_BYTES_PER_INTERRUPT_TABLE + need->shadow_bytes + need->partition_bytes +
           (u64)need->functions * POOL_BYTES_PER_FUNCTION + (tables << (need->two_roots ? 1 : 0)) * PAGE_SIZE;
}

u64 room_physical_end(const struct ranges *list, const struct area *touched, u32 count)
{
    u64 end = 4 * GIB;
    for (u32 i = 0; i < list->count; i++) {
        u64 last = list->list[i].base + list->list[i].size;
        end = list->list[i].kind != RANGE_MMIO && last > end ? last : end;
    }
    for (u32 i = 0; i < count; i++) {
        u64 last = touched[i].base + touched[i].size;
        end = touched[i].size != 0 && last > end ? last : end;
    }
    return end;
}

bool room_is_for_device(const struct ranges *map, u32 physical_bits, u64 base, u64 size)
{
    return (base + size - 1) >> physical_bits == 0 && !ranges_meet_memory(map, base, size);
}

static u64 round_up(u64 value)
{
    return (value + ALIGNMENT - 1) & ~(u64)(ALIGNMENT - 1);
}

/* The end of the first thing to be avoided that lies in [base, base + size); 0: there is none. */
static u64 in_the_way(const struct areas *avoid, u64 base, u64 size)
{
    for (u32 i = 0; i < avoid->count; i++) {
        const struct area *a = &avoid->list[i];
        if (a->base < base + size && base < a->base + a->size) {
            return a->base + a->size;
        }
    }
    return 0;
}

static bool find_above(const struct ranges *free_memory, const struct areas *avoid, u64 mark, u64 size, u64 *base)
{
    for (u32 i = 0; i < free_memory->count; i++) {
        const struct memory_range *r = &free_memory->list[i];
        u64 end = r->base + r->size;
        u64 at = round_up(r->base > mark ? r->base : mark);
        while (at < end && size <= end - at) {
            u64 past = in_the_way(avoid, at, size);
            if (past == 0) {
                *base = at;
                return true;
            }
            at = round_up(past);
        }
    }
    return false;
}

bool room_find(const struct ranges *free_memory, const struct areas *avoid, u64 size, u64 *base)
{
    static const u64 marks[] = {4 * GIB, GIB, 256 * MIB, 128 * MIB, 32 * MIB, MIB};
    for (u32 i = 0; i < ARRAY_LEN(marks); i++) {
        if (find_above(free_memory, avoid, marks[i], size, base)) {
            return true;
        }
    }
    return false;
}
