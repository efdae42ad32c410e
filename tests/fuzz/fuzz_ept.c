/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the EPT maps, against a plain array of pages: ranges and memory types from the input, the types by the rules of
 * SDM 12.11.4.1 once more. Two blocks of 2 MiB are looked at page by page; ranges may reach beyond them.
 */
#include "hv/partition/ept_map.h"
#include "tests/fuzz/input.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define M2 (1ull << 21)
#define G1 (1ull << 30)
enum { PAGES = 1024, RANGES = 24, WRITES = 16, ALL = PROT_READ | PROT_WRITE | PROT_EXEC, WIDTH = 46 };

struct page {
    u32 prot;           /* 0: a hole */
    bool listed;
    enum mem_type type;
    u32 ranges;         /* a bit for each that it is in */
};

static struct page pages[PAGES];
static u64 base;

/* --- memory types --- */

static bool fixed_type(const struct mtrr *m, u64 addr, enum mem_type *type)
{
    u64 at = addr < 0x80000   ? addr / 0x10000
             : addr < 0xc0000 ? 8 + (addr - 0x80000) / 0x4000
                              : 24 + (addr - 0xc0000) / 0x1000;
    if (addr >= 0x100000 || (m->default_type & 0x400) == 0) {
        return false;
    }
    *type = (enum mem_type)(m->fixed[at / 8] >> at % 8 * 8 & 0xff);
    return true;
}

static enum mem_type plain_type(const struct mtrr *m, u64 addr)
{
    enum mem_type type;
    u32 types = 0;
    if ((m->default_type & 0x800) == 0) {
        return MEM_UC;
    }
    if (fixed_type(m, addr, &type)) {
        return type;
    }
    for (u32 i = 0; i < m->variable_count; i++) {
        u64 mask = m->mask[i] & ((1ull << WIDTH) - PAGE_SIZE);
        u64 low = mask & (0 - mask); /* a mask with holes stands for its first range (hv/guest/mtrr.c) */
        u64 first = mask == 0 ? 0 : m->base[i] & mask;
        if ((m->mask[i] & 0x800) != 0 && addr >= first && (mask == 0 || addr - first < low)) {
            types |= 1u << (m->base[i] & 0xff);
        }
    }
    switch (types) {
    case 0:
        return (enum mem_type)(m->default_type & 0xff);
    case 1 << MEM_WB | 1 << MEM_WT:
        return MEM_WT;
    case 1 << MEM_WC: case 1 << MEM_WT: case 1 << MEM_WP: case 1 << MEM_WB:
        return (enum mem_type)__builtin_ctz(types);
    default: /* with UC, or undefined: the type that harms nobody */
        return MEM_UC;
    }
}

/* The guest's writes; what hardware refuses changes nothing. */
static void take_types(struct input *in, struct mtrr *m)
{
    u32 count = input_byte(in) % WRITES;
    *m = (struct mtrr){.default_type = 0xc06, .variable_count = 4, .physical_width = WIDTH};
    while (count-- != 0) {
        u8 which = input_byte(in);
        u64 page = input_number(in, 2);
        u64 mask = (((1ull << WIDTH) - PAGE_SIZE) ^ page << PAGE_SHIFT) | 0x800;
        u64 value = which >= 8       ? input_number(in, 8)
                    : (which & 1) != 0 ? mask
                                       : (base + (page << PAGE_SHIFT)) | input_byte(in);
        u32 msr;
        if (mtrr_register(m, which % 20, &msr)) {
            (void)!mtrr_write(m, msr, value);
        }
    }
}

/* --- ranges --- */

static u32 take_ranges(struct input *in, struct ept_map_range *ranges)
{
    static const u32 prots[] = {
        ALL | EPT_MAP_LISTED, 0, PROT_READ | PROT_EXEC, PROT_READ, PROT_READ | PROT_WRITE | EPT_MAP_LISTED, ALL,
        PROT_WRITE, PROT_READ | EPT_MAP_LISTED};
    u32 count = input_byte(in) % RANGES;
    for (u32 i = 0; i < count; i++) {
        u8 what = input_byte(in);
        u64 first = input_number(in, 2) % (PAGES + 64);
        u64 pages_long = input_number(in, 2);
        ranges[i] = (struct ept_map_range){base + first * PAGE_SIZE, pages_long * PAGE_SIZE, prots[what & 7]};
        if ((what & 8) != 0) {
            ranges[i].base = 0;
            ranges[i].size += base;
        }
    }
    return count;
}

static void fill(const struct ept_map *map)
{
    for (u32 i = 0; i < PAGES; i++) {
        u64 addr = base + i * PAGE_SIZE;
        struct page p = {ALL, false, plain_type(map->mtrr, addr), 0};
        for (u32 k = 0; k < map->count; k++) {
            const struct ept_map_range *r = &map->ranges[k];
            if (addr >= r->base && addr - r->base < r->size) {
                p.prot &= r->prot;
                p.listed |= (r->prot & EPT_MAP_LISTED) != 0;
                p.ranges |= 1u << k;
            }
        }
        p.prot = (p.prot & PROT_READ) != 0 ? p.prot : 0;
        p.listed &= p.prot != 0;
        pages[i] = p;
    }
}

/* --- the checks --- */

static bool is_same(const struct page *p, u32 prot, enum mem_type type)
{
    return p->prot == prot && p->type == type;
}

static void check_runs(const struct ept_map *map)
{
    struct ept_map_run run;
    u64 end = base + PAGES * PAGE_SIZE;
    u64 at = base;
    for (u64 from = base; from < end && ept_map_next(map, from, &run); from = run.gpa + run.size) {
        must(run.gpa >= from && run.size != 0);
        for (; at < run.gpa && at < end; at += PAGE_SIZE) {
            must(!pages[(at - base) / PAGE_SIZE].listed);
        }
        for (; at < run.gpa + run.size && at < end; at += PAGE_SIZE) {
            const struct page *p = &pages[(at - base) / PAGE_SIZE];
            must(p->listed && is_same(p, run.prot, run.type));
        }
    }
    for (; at < end; at += PAGE_SIZE) {
        must(!pages[(at - base) / PAGE_SIZE].listed);
    }
}

/* Are pages [first, first + count) alike, and if so, are they in the same ranges? */
static bool are_one(u64 first, u64 count, bool *in_same)
{
    *in_same = true;
    for (u64 i = first; i < first + count; i++) {
        *in_same &= pages[i].ranges == pages[first].ranges;
        if (pages[i].listed || pages[i].prot == 0 || !is_same(&pages[i], pages[first].prot, pages[first].type)) {
            return false;
        }
    }
    return true;
}

static void check_around(const struct ept_map *map, u32 at, u64 sizes)
{
    struct ept_map_run run;
    bool in_same;
    u64 gpa = base + at * PAGE_SIZE + 8;
    u64 block = at & ~511u;
    must(ept_map_rights(map, gpa) == pages[at].prot);
    must(ept_map_around(map, gpa, sizes, &run) == (pages[at].prot != 0));
    if (pages[at].prot == 0 || pages[at].listed) {
        return;
    }
    must((run.size & (sizes | PAGE_SIZE)) == run.size && run.gpa == (gpa & ~(run.size - 1)));
    must(is_same(&pages[at], run.prot, run.type));
    must(run.size != G1 || are_one(0, PAGES, &in_same));
    bool could = are_one(block, 512, &in_same);
    must(run.size != M2 || could);
    must(run.size != PAGE_SIZE || (sizes & M2) == 0 || !could || !in_same);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const u64 bases[] = {0, G1, 0xfec00000, 1ull << 40};
    static struct ept_map_range ranges[RANGES];
    struct input in = {data, size};
    struct mtrr mtrr;
    u8 shape = input_byte(&in);
    base = bases[shape & 3];
    u64 sizes = PAGE_SIZE | ((shape & 4) != 0 ? M2 : 0) | ((shape & 12) == 12 ? G1 : 0);
    take_types(&in, &mtrr);
    const struct ept_map map = {ranges, take_ranges(&in, ranges), &mtrr, 1ull << WIDTH};
    fill(&map);
    check_runs(&map);
    for (u32 i = 0; i < 16; i++) {
        check_around(&map, (u32)input_number(&in, 2) % PAGES, sizes);
    }
    return 0;
}
