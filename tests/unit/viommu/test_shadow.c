/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shadowed unit beside hardware in legacy mode with the same capabilities, which walks the guest's tables itself:
 * every access ends alike, and is recorded alike, on hardware of every kind that carries a shadow.
 */
#include "iommu/viommu/shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/domain/domain.h"
#include "tests/support/guest_kit_pair.h"
#include "tests/support/pick.h"
#include "tests/support/repeat.h"

/* No scalable mode; scalable mode without nesting; everything. With and without snoop control and caching mode. */
#define SMTS (1ull << 43)
#define NEST (1ull << 26)
#define FSTS (1ull << 47)
#define SC (1ull << 7)
#define CM (1ull << 7)
#define COHERENT 1ull
static const struct { const char *name; u64 cap, ecap; } hardware[] = {
    {"legacy", KIT_CAP, KIT_ECAP & ~(SMTS | NEST)},
    {"legacy, caching mode", KIT_CAP | CM, KIT_ECAP & ~(SMTS | NEST | SC | COHERENT)},
    {"scalable", KIT_CAP, KIT_ECAP & ~(NEST | FSTS)},
    {"nesting", KIT_CAP, KIT_ECAP & ~SC},
};

enum { SID = 0x0210, DID = 0x21, MEMORY = 256 };
#define IOVA 0x7f00345000ull

static struct shadow_memory memory;

static void start(struct pair *p, u32 which)
{
    memory = (struct shadow_memory){MEMORY, MEMORY};
    const struct viommu_config config = {.shadows = &memory};
    pair_start_unit(p, hardware[which].cap, hardware[which].ecap, &config);
}

static void finish(struct pair *p, const char *name)
{
    pair_finish(p, name);
    assert_int_equal(memory.left, MEMORY);
}

static void access(struct pair *p, u16 sid, u64 addr)
{
    static const enum model_op ops[] = {MODEL_READ, MODEL_WRITE, MODEL_ATOMIC};
    for (u32 i = 0; i < ARRAY_LEN(ops); i++) {
        const struct model_request request = {.sid = sid, .op = ops[i], .addr = addr, .len = 8};
        (void)pair_dma(p, &request);
    }
    pair_compare(p);
    pair_serve_faults(p);
}

/* A page is mapped and announced, changed and announced, taken away and announced. */
static void one_page(void **state)
{
    (void)state;
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        struct pair p;
        start(&p, which);
        u64 table = kit_page(&p.kit);
        u64 pages = kit_pages(&p.kit, 2);
        pair_boot_legacy(&p);
        access(&p, SID, IOVA);
        (void)kit_legacy_context(&p.kit, SID, DID, table, 4);
        pair_submit_legacy(&p, 0x31 | (u64)SID << 32, 0);
        pair_submit_legacy(&p, 0x22, 0);
        access(&p, SID, IOVA);
        u64 *leaf = kit_second_stage(&p.kit, table, 4, IOVA, 1);
        static const u64 bits[] = {3, 1, 2, 0, 3};
        for (u32 i = 0; i < ARRAY_LEN(bits); i++) {
            *leaf = bits[i] != 0 ? (pages + i % 2 * PAGE_SIZE) | bits[i] : 0;
            pair_submit_legacy(&p, 0x32 | (u64)DID << 16, IOVA);
            pair_submit_legacy(&p, 0x25 | 1ull << 32, p.status);
            access(&p, SID, IOVA);
            access(&p, SID, IOVA + PAGE_SIZE);
        }
        finish(&p, hardware[which].name);
    }
}

/* --- every bit of every structure --- */

enum { ROOT, CONTEXT, SS4, SS3, SS2, SS1, PLACES };

/* A device on pages of a size, by its entry at that level; the place of each structure. */
static void build(struct pair *p, u32 leaf_level, u64 at[PLACES])
{
    struct kit *kit = &p->kit;
    u64 table = kit_page(kit);
    pair_boot_legacy(p);
    u64 *context = kit_legacy_context(kit, SID, DID, table, 4);
    for (u32 level = 4; level >= leaf_level; level--) {
        u64 *entry = kit_second_stage(kit, table, 4, IOVA, level);
        if (level == leaf_level) {
            *entry = level == 1 ? kit_page(kit) | 3 : 0x83 | (level == 2 ? 0x400000 : 0); /* 2 MiB of RAM; 1 GiB */
        } else {
            (void)kit_second_stage(kit, table, 4, IOVA, level - 1);
        }
        at[SS4 + 4 - level] = (u64)((u8 *)entry - hosted_memory());
    }
    at[ROOT] = kit->root + (SID >> 8) * 16;
    at[CONTEXT] = (u64)((u8 *)context - hosted_memory());
}

static void announce_all(struct pair *p)
{
    pair_submit_legacy(p, 0x11, 0);
    pair_submit_legacy(p, 0x12, 0);
    pair_submit_legacy(p, 0x25 | 7ull << 32, p->status);
}

static void each_bit(u32 place, u32 leaf_level, u32 which)
{
    u32 bits = place <= CONTEXT ? 128 : 64;
    for (u32 bit = 0; bit < bits; bit++) {
        struct pair p;
        u64 at[PLACES] = {0};
        char name[64];
        start(&p, which);
        build(&p, leaf_level, at);
        /* Outside of RAM the reference has an access that nothing answers, where the guest's unit has a hole. */
        bool moves = place == SS4 + 4 - leaf_level && bit >= 20 && bit < KIT_HAW;
        kit_at(at[place])[bit / 64] ^= 1ull << bit % 64;
        announce_all(&p);
        if (!moves) {
            access(&p, SID, IOVA);
            access(&p, SID, 1ull << 47 | IOVA);
            access(&p, SID, 1ull << 48 | IOVA);
        }
        (void)snprintf(name, sizeof(name), "%s: place %u, bit %u", hardware[which].name, place, bit);
        finish(&p, name);
    }
}

static void root_and_context_bits(void **state)
{
    (void)state;
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        each_bit(ROOT, 1, which);
        each_bit(CONTEXT, 1, which);
    }
}

static void table_bits(void **state)
{
    (void)state;
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        for (u32 level = 1; level <= 4; level++) {
            each_bit(SS4 + 4 - level, 1, which);
        }
    }
    each_bit(SS2, 2, 0);
    each_bit(SS2, 2, 2);
    each_bit(SS3, 3, 0);
}

/* --- random operations --- */

enum { DEVICES = 4, TABLES = 3, REGIONS = 3, ROUNDS = 60, OPS = 400 };

static const u16 sids[DEVICES] = {0x0008, 0x0010, 0x00f8, 0x0200};
/* Two neighbours that can be one large page, one far away. */
static const u64 regions[REGIONS] = {0x40800000, 0x40a00000, 0x3fc0800000}; /* in 1 GiB from 0: RAM, too */

struct world {
    struct pair p;
    u64 table[TABLES];
    u32 levels[TABLES];
    struct { u16 did; u32 table; bool bound; } device[DEVICES];
    u64 ram;           /* 4 MiB of the partition's */
};

static u64 random_iova(void)
{
    return regions[pick(REGIONS)] + (u64)pick(pick(2) != 0 ? 4 : 512) * PAGE_SIZE;
}

/* Whoever has that table under some id is told, by one of the ways there are. */
static void announce_table(struct world *w, u32 table, u64 from, u64 size)
{
    u32 am = 0;
    while (size > PAGE_SIZE << am) {
        am++;
    }
    bool all = pick(4) == 0;
    for (u32 i = 0; i < DEVICES && !all; i++) {
        u64 did = w->device[i].did;
        if (!w->device[i].bound || w->device[i].table != table) {
            continue;
        }
        if (pick(3) == 0) {
            pair_submit_legacy(&w->p, 0x22 | did << 16, 0);
        } else {
            u32 ih = size == PAGE_SIZE ? pick(2) << 6 : 0; /* only a leaf has changed */
            pair_submit_legacy(&w->p, 0x32 | did << 16, (from & ~((PAGE_SIZE << am) - 1)) | ih | am);
        }
    }
    if (all) {
        pair_submit_legacy(&w->p, pick(2) != 0 ? 0x12 : 0x22, 0);
        pair_submit_legacy(&w->p, 0x12, 0); /* hardware caches what is present under its own id */
    }
    pair_submit_legacy(&w->p, 0x25 | (u64)pick(1000) << 32, w->p.status);
}

/* The level of the entry that changes when one at `level` is written: a larger page may be in the way. */
static u32 replaced_level(const struct world *w, u32 t, u64 iova, u32 level)
{
    u64 table = w->table[t];
    for (u32 n = w->levels[t]; n > level; n--) {
        u64 entry = kit_at(table)[iova >> (3 + 9 * n) & 511];
        if ((entry & 3) == 0 || (entry & 0x80) != 0) {
            return (entry & 3) == 0 ? level : n;
        }
        table = entry & ~PAGE_MASK;
    }
    return level;
}

static void change_table(struct world *w)
{
    u32 t = pick(TABLES);
    u64 iova = random_iova();
    u32 level = pick(20) == 0 ? 3 : pick(4) == 0 ? 2 : 1;
    u64 span = 1ull << (3 + 9 * replaced_level(w, t, iova, level));
    u64 *entry = kit_second_stage(&w->p.kit, w->table[t], w->levels[t], iova, level);
    u64 page = w->ram + (level == 1 ? pick(1024) * PAGE_SIZE : level == 2 ? pick(2) << 21 : 0);
    u64 bits = pick(4);
    *entry = bits == 0 ? 0 : (level == 3 ? 0 : page) | bits | (level > 1 ? 0x80 : 0);
    announce_table(w, t, iova & ~(span - 1), span);
}

static void change_device(struct world *w)
{
    u32 i = pick(DEVICES);
    u64 old = w->device[i].did;
    w->device[i].bound = pick(5) != 0;
    w->device[i].table = pick(TABLES + 1);
    w->device[i].did = (u16)(1 + 2 * w->device[i].table + pick(2)); /* hardware would mix the tables of one id */
    u64 *entry = kit_legacy_context(&w->p.kit, sids[i], w->device[i].did, 0, 0);
    if (w->device[i].table < TABLES) {
        (void)kit_legacy_context(&w->p.kit, sids[i], w->device[i].did, w->table[w->device[i].table],
                                 w->levels[w->device[i].table]);
    }
    entry[0] ^= w->device[i].bound ? 0 : 1;
    pair_submit_legacy(&w->p, 0x31 | old << 16 | (u64)sids[i] << 32, 0);
    pair_submit_legacy(&w->p, 0x31 | (u64)sids[i] << 32, 0);
    pair_submit_legacy(&w->p, 0x12, 0);
    pair_submit_legacy(&w->p, 0x25, w->p.status);
}

static void access_some(struct world *w)
{
    for (u32 i = 0; i < 4; i++) {
        const struct model_request request = {.sid = sids[pick(DEVICES)], .op = pick(2) != 0 ? MODEL_READ : MODEL_WRITE,
                                              .addr = pick(8) == 0 ? w->ram + pick(1024) * PAGE_SIZE : random_iova(),
                                              .len = 8};
        (void)pair_dma(&w->p, &request);
        pair_compare(&w->p);
        pair_serve_faults(&w->p);
        host_forgive_storms();
    }
}

static void random_run(u32 which, u64 start_seed)
{
    static struct world w;
    char name[64];
    w = (struct world){.ram = 0x800000};
    seed = start_seed;
    start(&w.p, which);
    for (u32 t = 0; t < TABLES; t++) {
        w.table[t] = kit_page(&w.p.kit);
        w.levels[t] = 3 + t % 3;
    }
    for (u32 i = 0; i < DEVICES; i++) { /* a reason that is cached may be another's by now */
        kit_legacy_context(&w.p.kit, sids[i], 0, 0, 0)[0] = 0;
    }
    pair_boot_legacy(&w.p);
    for (u32 op = 0; op < OPS && w.p.kit.next_page < w.ram - 16 * PAGE_SIZE && w.p.differences == 0; op++) {
        (pick(6) == 0 ? change_device : change_table)(&w);
        access_some(&w);
    }
    (void)snprintf(name, sizeof(name), "%s, seed %llu", hardware[which].name, start_seed);
    finish(&w.p, name);
}

static void random_changes(void **state)
{
    (void)state;
    for (u32 i = 0; i < repeat(ROUNDS); i++) {
        random_run(i % ARRAY_LEN(hardware), i);
    }
}

/* --- what goes wrong --- */

/* A table of `count` pages that each need a table of the shadow's, 2 MiB apart. */
static u64 sparse_table(struct kit *kit, u32 count, u64 page)
{
    u64 table = kit_page(kit);
    for (u32 i = 0; i < count; i++) {
        *kit_second_stage(kit, table, 4, (u64)i << 21, 1) = page | 3;
    }
    return table;
}

static u32 lines_about_room(void)
{
    u32 count = 0;
    for (const char *at = hosted_log(); (at = strstr(at, "has no room")) != NULL; at++) {
        count++;
    }
    return count;
}

static u32 reachable(struct kit *kit, u16 sid, u32 count)
{
    u32 found = 0;
    for (u32 i = 0; i < count; i++) {
        u64 value;
        found += kit_dma(kit, sid, false, (u64)i << 21, &value) == 0;
    }
    return found;
}

/*
 * A table has half of shadow-memory at most: what does not fit is not present, one line says so, the fault is that of a
 * page without access; the same range is tried again when it is announced.
 */
static void memory_ends(void **state)
{
    (void)state;
    enum { PAGES = 200, FITS = MEMORY / 2 - 3 };
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        struct pair p;
        struct kit *kit = &p.kit;
        struct kit_fault fault;
        start(&p, which);
        kit_boot_legacy(kit);
        u64 page = kit_page(kit);
        u64 table = sparse_table(kit, PAGES, page);
        (void)kit_legacy_context(kit, SID, DID, table, 4);
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
        assert_true(kit_submit_legacy(kit, 0x22, 0));
        assert_int_equal(lines_about_room(), 1);
        assert_non_null(strstr(hosted_log(), "has no room in shadow-memory: 128 of 256 pages, needs 75 more"));
        assert_int_equal(reachable(kit, SID, FITS), FITS);
        u64 value = 0;
        assert_int_not_equal(kit_dma(kit, SID, true, (u64)FITS << 21, &value), 0);
        assert_true(kit_take_fault(kit, &fault));
        assert_int_equal(fault.reason, 5);
        assert_int_not_equal(kit_dma(kit, SID, false, (u64)(PAGES - 1) << 21, &value), 0);
        assert_true(kit_take_fault(kit, &fault));
        assert_int_equal(fault.reason, 6);
        host_forgive_storms();
        for (u32 i = 0; i < 100; i++) { /* the guest takes some away, and announces those that had no room */
            *kit_second_stage(kit, table, 4, (u64)i << 21, 1) = 0;
        }
        assert_true(kit_submit_legacy(kit, 0x22 | DID << 16, 0));
        assert_true(kit_submit_legacy(kit, 0x22 | DID << 16, 0));
        assert_int_equal(reachable(kit, SID, PAGES), PAGES - 100);
        assert_int_equal(lines_about_room(), 1);
        p.differences = 0;
        finish(&p, hardware[which].name);
    }
}

/* The guest's commands are on the ring and are announced; nothing is done but by this write and by kit_run(). */
static bool ring_doorbell(struct kit *kit, const u64 words[][2], u32 count)
{
    u64 tail = kit_read(kit, R_IQT, 8);
    memcpy(kit_at(kit->ring + tail), words, count * sizeof(words[0]));
    return viommu_mmio_write(kit->v, R_IQT, 8, (tail + count * sizeof(words[0])) % PAGE_SIZE);
}

/*
 * A device is let through once the whole of its table has been read, and what it had is gone as soon as that begins.
 * Meanwhile every exit is short: registers answer, and another doorbell is taken and done in its turn.
 */
static void blocked_until_all_is_read(void **state)
{
    (void)state;
    enum { PAGES = 100 };
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        struct pair p;
        struct kit *kit = &p.kit;
        u64 value = 0;
        start(&p, which);
        kit_boot_legacy(kit);
        u64 page = kit_page(kit), status = kit_page(kit);
        u64 table = sparse_table(kit, PAGES, page), before = sparse_table(kit, 1, page);
        (void)kit_legacy_context(kit, SID, DID, before, 4);
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
        assert_int_equal(kit_dma(kit, SID, false, 0, &value), 0);
        (void)kit_legacy_context(kit, SID, DID + 1, table, 4);
        const u64 announced[][2] = {{0x31 | (u64)SID << 32, 0}, {0x25 | 1ull << 32, status}};
        const u64 more[][2] = {{0x22 | (DID + 1) << 16, 0}, {0x25 | 2ull << 32, status}};
        bool left = ring_doorbell(kit, announced, 2);
        assert_true(left);
        bool rang = false;
        for (u32 exits = 0; left; exits++) {
            assert_true(exits < 1000);
            bool first = (u32)*kit_at(status) == 0;
            assert_true(!first || kit_dma(kit, SID, false, 0, &value) != 0);
            host_forgive_storms();
            if (exits == 3) {
                assert_true(first);
                left = ring_doorbell(kit, more, 2);
                rang = true;
                assert_int_not_equal(viommu_mmio_read(kit->v, R_IQH, 8, &value), VIOMMU_BUSY);
            } else {
                left = kit_run(kit, VIOMMU_BUDGET);
            }
        }
        assert_true(rang);
        assert_int_equal((u32)*kit_at(status), 2);
        assert_int_equal(reachable(kit, SID, PAGES), PAGES);
        p.differences = 0;
        finish(&p, hardware[which].name);
    }
}

/* By the queue with IH and without, and by registers. */
static void announce_reach(struct kit *kit, u32 way, u64 from, u32 am)
{
    u32 iva = (u32)(kit_read(kit, R_ECAP, 8) >> 8 & 0x3ff) * 16;
    if (way < 2) {
        assert_true(kit_submit_legacy(kit, 0x32 | DID << 16, from | way << 6 | am));
        return;
    }
    kit_write(kit, iva, 8, from | am);
    kit_write(kit, iva + 8, 8, 1ull << 63 | 3ull << 60 | (u64)DID << 32);
    assert_int_equal(kit_read(kit, iva + 8, 8) >> 57, 3 << 3 | 3); /* IVT is 0, IIRG as written, IAIG the same */
}

/* AM says how many pages: the first and the last of them are read again, and none beyond. */
static void reach_of_an_announcement(void **state)
{
    (void)state;
    static const u32 reaches[] = {0, 1, 5, 9, 12, 18};
    for (u32 i = 0; i < 3 * ARRAY_LEN(reaches); i++) {
        struct pair p;
        struct kit *kit = &p.kit;
        u32 am = reaches[i / 3];
        u64 size = (u64)PAGE_SIZE << am, from = 4 * size, value = 0;
        const u64 places[] = {from - PAGE_SIZE, from, from + size - PAGE_SIZE, from + size};
        start(&p, i % ARRAY_LEN(hardware));
        kit_boot_legacy(kit);
        u64 page = kit_page(kit), table = kit_page(kit);
        (void)kit_legacy_context(kit, SID, DID, table, 4);
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
        for (u32 k = 0; k < ARRAY_LEN(places); k++) {
            *kit_second_stage(kit, table, 4, places[k], 1) = page | 3;
        }
        announce_reach(kit, i % 3, from, am);
        for (u32 k = 0; k < ARRAY_LEN(places); k++) {
            bool announced = places[k] >= from && places[k] < from + size;
            assert_int_equal(kit_dma(kit, SID, false, places[k], &value) == 0, announced);
        }
        host_forgive_storms();
        p.differences = 0;
        finish(&p, "reach");
    }
}

/* Two tables share what there is, half each; nothing of theirs goes for a third, whose faults are those of a hole. */
static void nothing_is_evicted(void **state)
{
    (void)state;
    enum { PAGES = 200, FITS = MEMORY / 2 - 3 };
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        struct pair p;
        struct kit *kit = &p.kit;
        struct kit_fault fault;
        u64 value = 0;
        start(&p, which);
        kit_boot_legacy(kit);
        u64 page = kit_page(kit);
        for (u16 i = 0; i < 3; i++) {
            (void)kit_legacy_context(kit, SID + i, DID + i, sparse_table(kit, PAGES, page), 4);
            assert_true(kit_submit_legacy(kit, 0x31 | (u64)(SID + i) << 32, 0));
        }
        assert_int_equal(memory.left, 0);
        assert_int_equal(lines_about_room(), 2);
        assert_non_null(strstr(hosted_log(), "quota"));
        for (u16 i = 0; i < 3; i++) {
            assert_int_equal(reachable(kit, SID + i, FITS), i < 2 ? FITS : 0);
            host_forgive_storms();
        }
        while (kit_take_fault(kit, &fault)) {
        }
        for (u32 write = 0; write < 2; write++) {
            assert_int_not_equal(kit_dma(kit, SID + 2, write != 0, 0, &value), 0);
            assert_true(kit_take_fault(kit, &fault));
            assert_int_equal(fault.reason, write != 0 ? 5 : 6);
        }
        kit_legacy_context(kit, SID, DID, 0, 4)[0] = 0; /* the first goes: the third is tried again when announced */
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)(SID + 2) << 32, 0));
        assert_int_equal(reachable(kit, SID + 2, FITS), FITS);
        p.differences = 0;
        finish(&p, hardware[which].name);
    }
}

/* Whatever allocation fails: nothing stale is left, and the same works once there is memory. */
static void allocations_fail(void **state)
{
    (void)state;
    for (u32 n = 0; n < 24; n++) {
        struct pair p;
        struct kit *kit = &p.kit;
        start(&p, n % ARRAY_LEN(hardware));
        kit_boot_legacy(kit);
        u64 page = kit_pages(kit, 2);
        u64 table = sparse_table(kit, 8, page), value;
        (void)kit_legacy_context(kit, SID, DID, table, 4);
        hosted_fail_after(n);
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
        *kit_second_stage(kit, table, 4, 0, 1) = 0;
        *kit_second_stage(kit, table, 4, 8ull << 21, 1) = (page + PAGE_SIZE) | 1;
        assert_true(kit_submit_legacy(kit, 0x12, 0));
        assert_int_not_equal(kit_dma(kit, SID, false, 0, &value), 0);
        hosted_fail_after(UINT32_MAX);
        host_forgive_storms();
        kit_legacy_context(kit, SID, DID, table, 4)[0] ^= 1;
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
        kit_legacy_context(kit, SID, DID, table, 4);
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
        assert_int_equal(reachable(kit, SID, 9), 8);
        p.differences = 0;
        finish(&p, "allocations");
    }
}

/*
 * The partition loses a page, or keeps it for reading only, while it is mapped: the shadow follows before that returns.
 */
static void second_stage_changes(void **state)
{
    (void)state;
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        for (u32 large = 0; large < 2; large++) {
            struct pair p;
            struct kit *kit = &p.kit;
            u64 value = 0;
            start(&p, which);
            kit_boot_legacy(kit);
            u64 table = kit_page(kit);
            *kit_second_stage(kit, table, 4, 0x400000, large != 0 ? 2 : 1) = 0x800000 | (large != 0 ? 0x83 : 3);
            *kit_second_stage(kit, table, 4, 0xc00000, 1) = 0xa00000 | 3;
            (void)kit_legacy_context(kit, SID, DID, table, 4);
            assert_true(kit_submit_legacy(kit, 0x31 | (u64)SID << 32, 0));
            assert_int_equal(kit_dma(kit, SID, true, 0x400000, &value), 0);
            assert_int_equal(kit_dma(kit, SID, true, 0xc00000, &value), 0);
            assert_true(host_unmap(0x800000, PAGE_SIZE));
            assert_int_not_equal(kit_dma(kit, SID, false, 0x400000, &value), 0);
            if (large != 0) {
                assert_int_equal(kit_dma(kit, SID, true, 0x401000, &value), 0);
            }
            assert_int_equal(kit_dma(kit, SID, true, 0xc00000, &value), 0);
            host_map(0x800000, 0x800000, PAGE_SIZE);
            assert_true(kit_submit_legacy(kit, 0x32 | DID << 16, 0x400000));
            assert_int_equal(kit_dma(kit, SID, true, 0x400000, &value), 0);
            p.differences = 0;
            finish(&p, hardware[which].name);
        }
    }
}

/* One id with two tables, one table under two ids, an id that goes to a new table, id 0 for all. */
static void ids_and_tables(void **state)
{
    (void)state;
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        struct pair p;
        struct kit *kit = &p.kit;
        u64 value = 0;
        start(&p, which);
        kit_boot_legacy(kit);
        u64 pages = kit_pages(kit, 2);
        u64 table[2] = {kit_page(kit), kit_page(kit)};
        u64 *leaf[2];
        for (u32 i = 0; i < 2; i++) {
            leaf[i] = kit_second_stage(kit, table[i], 4, IOVA, 1);
            *leaf[i] = (pages + i * PAGE_SIZE) | 3;
            (void)kit_legacy_context(kit, (u16)(SID + i), DID, table[i], 4);
        }
        (void)kit_legacy_context(kit, SID + 2, DID + 1, table[0], 4);
        assert_true(kit_submit_legacy(kit, 0x11, 0));
        for (u64 did = DID; did <= DID + 1; did++) {
            *leaf[0] ^= 2;
            *leaf[1] ^= 2;
            assert_true(kit_submit_legacy(kit, 0x32 | did << 16, IOVA));
            bool writable = did != DID; /* the first announcement takes W from both, the second gives it to one */
            for (u16 i = 0; i < 3; i++) {
                u8 why = kit_dma(kit, (u16)(SID + i), true, IOVA, &value);
                assert_int_equal(why == 0, writable && i != 1);
            }
        }
        host_forgive_storms();
        leaf[1][1] = pages | 3;
        assert_true(kit_submit_legacy(kit, which % 2 != 0 ? 0x22 : 0x32, IOVA + PAGE_SIZE)); /* what was not present */
        assert_int_equal(kit_dma(kit, SID + 1, true, IOVA + PAGE_SIZE, &value), 0);
        (void)kit_legacy_context(kit, SID + 1, DID, table[0], 4);
        assert_true(kit_submit_legacy(kit, 0x31 | (u64)(SID + 1) << 32, 0));
        assert_int_equal(kit_dma(kit, SID + 1, true, IOVA, &value), 0);
        p.differences = 0;
        finish(&p, hardware[which].name);
    }
}

/* The shadow of a guest's table can be no nesting parent. */
static void never_a_parent(void **state)
{
    (void)state;
    struct pair p;
    struct domain *d;
    start(&p, 3);
    const struct domain_config config = {.levels = 4, .page_sizes = PAGE_SIZE, .coherent = true, .shadow = true};
    assert_int_equal(domain_create(&config, &d), OK);
    assert_int_equal(domain_make_parent(d), ERR_NOT_A_PARENT);
    assert_int_equal(domain_destroy(d), OK);
    finish(&p, "parent");
}

/* --- registers --- */

/* Invalidation by registers, the queue off. */
static void invalidation_registers(void **state)
{
    (void)state;
    for (u32 which = 0; which < ARRAY_LEN(hardware); which++) {
        struct pair p;
        start(&p, which);
        u64 table = kit_page(&p.kit), page = kit_page(&p.kit);
        u32 iva = (u32)(kit_read(&p.kit, R_ECAP, 8) >> 8 & 0x3ff) * 16;
        u64 *context = kit_legacy_context(&p.kit, SID, DID, table, 4);
        pair_write(&p, R_RTADDR, 8, p.kit.root);
        pair_write(&p, R_GCMD, 4, G_SRTP);
        pair_write(&p, R_GCMD, 4, G_TE);
        u64 *leaf = kit_second_stage(&p.kit, table, 4, IOVA, 1);
        for (u64 granularity = 1; granularity <= 3; granularity++) {
            *leaf = (*leaf & 1) == 0 ? page | 3 : 0;
            pair_write(&p, iva, 8, IOVA);
            pair_write(&p, iva + 8, 8, 1ull << 63 | granularity << 60 | (u64)DID << 32);
            (void)pair_read(&p, iva + 8, 8);
            access(&p, SID, IOVA);
            context[0] ^= 1;
            pair_write(&p, R_CCMD, 8, 1ull << 63 | granularity << 61 | (u64)SID << 16 | DID);
            pair_write(&p, iva + 8, 8, 1ull << 63 | 1ull << 60);
            (void)pair_read(&p, R_CCMD, 8);
            access(&p, SID, IOVA);
            context[0] ^= 1;
            pair_write(&p, R_CCMD, 8, 1ull << 63 | 1ull << 61);
            pair_write(&p, iva + 8, 8, 1ull << 63 | 1ull << 60);
            access(&p, SID, IOVA);
        }
        finish(&p, hardware[which].name);
    }
}

/* Each kind of descriptor and of root, register by register. */
static void descriptors_and_roots(void **state)
{
    (void)state;
    static const u64 words[][2] = {{0x11}, {0x21}, {0x31}, {0x01}, {0x12}, {0x22}, {0x32, IOVA}, {0x32, IOVA | 18},
                                   {0x32, IOVA | 19}, {0x02}, {0x13}, {0x03}, {0x26}, {0x07}, {0x37}, {0x08}, {0x09},
                                   {0x0a}, {0x00}, {0x0f}, {0x05}, {0x45}, {0x85}, {0x51}, {0x12, 1}, {0x211}};
    for (u32 i = 0; i < ARRAY_LEN(words); i++) {
        struct pair p;
        char name[32];
        start(&p, i % ARRAY_LEN(hardware));
        pair_boot_legacy(&p);
        pair_submit_legacy(&p, words[i][0], words[i][1]);
        pair_compare(&p);
        pair_serve_faults(&p);
        pair_compare(&p);
        (void)snprintf(name, sizeof(name), "descriptor %llx", words[i][0]);
        finish(&p, name);
    }
    for (u32 i = 0; i < 8; i++) { /* TTM, and descriptors of 256 bits, which the unit lacks */
        struct pair p;
        start(&p, i % ARRAY_LEN(hardware));
        pair_write(&p, R_IQA, 8, p.kit.ring | (i / 4) << 11);
        pair_write(&p, R_RTADDR, 8, p.kit.root | (i % 4) << 10);
        pair_write(&p, R_GCMD, 4, G_QIE | G_SRTP);
        pair_write(&p, R_GCMD, 4, G_QIE | G_TE);
        pair_write(&p, R_GCMD, 4, G_QIE | G_TE | 1u << 27); /* WBF: at once */
        kit_at(p.kit.ring)[0] = 0x11;
        pair_write(&p, R_IQT, 8, 0x20);
        pair_compare(&p);
        access(&p, SID, IOVA);
        finish(&p, "root");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_page),
        cmocka_unit_test(root_and_context_bits),
        cmocka_unit_test(table_bits),
        cmocka_unit_test(random_changes),
        cmocka_unit_test(memory_ends),
        cmocka_unit_test(blocked_until_all_is_read),
        cmocka_unit_test(reach_of_an_announcement),
        cmocka_unit_test(nothing_is_evicted),
        cmocka_unit_test(allocations_fail),
        cmocka_unit_test(second_stage_changes),
        cmocka_unit_test(ids_and_tables),
        cmocka_unit_test(never_a_parent),
        cmocka_unit_test(invalidation_registers),
        cmocka_unit_test(descriptors_and_roots),
    };
    return cmocka_run_group_tests_name("viommu_shadow", tests, NULL, NULL);
}
