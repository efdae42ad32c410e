/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each invalidation removes, and that it removes nothing else: VT-d 6.5.2.1 to
 * 6.5.2.4, Tables 17, 23, 24.
 *
 * Everything is cached first, then all tables in memory are destroyed: an access works
 * after that only if its cache entry is still there.
 */
#include "tests/model/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define X 0x40000000ull         /* two pages of one page table ... */
#define Y 0x40001000ull
#define Z 0x40002000ull         /* ... a third, never accessed while caches fill ... */
#define FAR 0x8000000000ull     /* ... and one under another top-level entry */
#define FAR_Z 0x8000002000ull

enum { FIRST = 1, SECOND = 2, NESTED = 3, PASS = 4 };

struct world {
    struct rig *rig;
    uint64_t root;
    uint64_t fs_top, ss_top;
    uint64_t pasid_tables[16], contexts;
    unsigned pasid_table_count;
};

/* sid, PASID (0 without), kind, DID */
struct who {
    uint16_t sid;
    uint32_t pasid;
    unsigned kind;
    uint16_t did;
};

static const struct who users[] = {
    {0x0108, 0, FIRST, 10}, {0x0108, 3, FIRST, 10}, {0x0110, 0, FIRST, 10},
    {0x0118, 0, FIRST, 11}, {0x0120, 0, SECOND, 20}, {0x0120, 3, SECOND, 20},
    {0x0128, 0, SECOND, 21}, {0x0130, 0, NESTED, 22}, {0x0130, 3, NESTED, 22},
    {0x0138, 0, PASS, 30}, {0x0138, 3, PASS, 30},
};
enum { USERS = sizeof(users) / sizeof(users[0]) };

/* An identity map of X, Y, Z, FAR, FAR_Z by 4 KiB pages; flags are the format's. */
static uint64_t build_tables(struct world *w, uint64_t flags)
{
    static const uint64_t pages[] = {X, Y, Z, FAR, FAR_Z};
    uint64_t top = rig_page(w->rig);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t table = top;
        for (unsigned level = 4; level > 1; level--) {
            uint64_t entry = table + (pages[i] >> (12 + 9 * (level - 1)) & 0x1ff) * 8;
            if (rig_get(w->rig, entry) == 0) {
                rig_put(w->rig, entry, rig_page(w->rig) | flags);
            }
            table = rig_get(w->rig, entry) & ~0xfffull;
        }
        rig_put(w->rig, table + (pages[i] >> 12 & 0x1ff) * 8, pages[i] | flags);
    }
    return top;
}

/* Maps the pages of the first-stage tables for nesting: one SS-PDPE of 1 GiB at 0. */
static void map_low(struct world *w)
{
    uint64_t pml4e = rig_get(w->rig, w->ss_top);
    rig_put(w->rig, pml4e & ~0xfffull, 0x83);
}

static void put_pasid_entry(struct world *w, const struct who *u, uint64_t table)
{
    uint64_t e = table + u->pasid * 64;
    bool second = u->kind == SECOND || u->kind == NESTED;
    bool first = u->kind == FIRST || u->kind == NESTED;
    rig_put(w->rig, e, (second ? w->ss_top | 2 << 2 : 0) | u->kind << 6 | 1);
    rig_put(w->rig, e + 8, u->did | 1 << 23);
    rig_put(w->rig, e + 16, first ? w->fs_top : 0);
}

static struct world world_create(void)
{
    struct world w = {.rig = rig_create(NULL)};
    w.root = rig_page(w.rig);
    w.contexts = rig_page(w.rig);
    w.ss_top = build_tables(&w, 3);
    w.fs_top = build_tables(&w, 0x67); /* A and D already set */
    map_low(&w);
    rig_put(w.rig, w.root + 16, w.contexts | 1);
    for (unsigned i = 0; i < USERS; i++) {
        uint64_t context = w.contexts + (users[i].sid & 0x7f) * 32;
        uint64_t directory = rig_get(w.rig, context) & ~0xfffull;
        if (directory == 0) {
            directory = rig_page(w.rig);
            w.pasid_tables[w.pasid_table_count] = rig_page(w.rig);
            rig_put(w.rig, directory, w.pasid_tables[w.pasid_table_count++] | 1);
            rig_put(w.rig, context, directory | 9); /* P, PASIDE */
        }
        put_pasid_entry(&w, &users[i], rig_get(w.rig, directory) & ~0xfffull);
    }
    /* RID_PASID 0: a request with PASID 0 does not occur here. */
    rig_enable(w.rig, w.root | 1 << 10);
    return w;
}

static unsigned touch(struct world *w, const struct who *u, uint64_t addr, enum model_op op)
{
    struct model_request r = {.sid = u->sid, .has_pasid = u->pasid != 0, .pasid = u->pasid,
                              .addr = addr};
    return op == MODEL_READ ? rig_read(w->rig, &r, NULL) : rig_write(w->rig, &r, 1);
}

static void warm(struct world *w, const uint64_t *addresses, unsigned count)
{
    for (unsigned i = 0; i < USERS; i++) {
        for (unsigned a = 0; a < count; a++) {
            assert_int_equal(touch(w, &users[i], addresses[a], MODEL_READ), 0);
        }
    }
}

static void wipe_page(struct world *w, uint64_t page)
{
    for (unsigned i = 0; i < 512; i++) {
        rig_put(w->rig, page + i * 8, 0);
    }
}

/* Zeroes the table and everything below it, down to the tables of that level. */
static void wipe_tables(struct world *w, uint64_t table, unsigned level, unsigned down_to)
{
    for (unsigned i = 0; i < 512 && level > 1; i++) {
        uint64_t entry = rig_get(w->rig, table + i * 8);
        if (entry != 0 && (entry & 0x80) == 0 && level > down_to) {
            wipe_tables(w, entry & ~0xfffull, level - 1, down_to);
        }
    }
    wipe_page(w, table);
}

static void wipe_contexts(struct world *w)
{
    wipe_page(w, w->contexts);
}

static void wipe_pasids(struct world *w)
{
    for (unsigned i = 0; i < w->pasid_table_count; i++) {
        wipe_page(w, w->pasid_tables[i]);
    }
}

/* --- descriptors, as VT-d 6.5.2 draws them --- */

#define CC(g, did, sid, fm) \
    (1 | (g) << 4 | (uint64_t)(did) << 16 | (uint64_t)(sid) << 32 | (uint64_t)(fm) << 48), 0
#define IOTLB(g, did, addr, am, ih) (2 | (g) << 4 | (uint64_t)(did) << 16), \
    ((addr) | (am) | (uint64_t)(ih) << 6)
#define PIOTLB(g, did, pasid, addr, am, ih) \
    (6 | (g) << 4 | (uint64_t)(did) << 16 | (uint64_t)(pasid) << 32), \
    ((addr) | (am) | (uint64_t)(ih) << 6)
#define PC(g, did, pasid) (7 | (g) << 4 | (uint64_t)(did) << 16 | (uint64_t)(pasid) << 32), 0

struct line {
    const char *name;
    uint64_t w0, w1;
    unsigned dead;              /* bit i: users[i] lost what the command should remove */
    unsigned dead_at_y;         /* the same at Y (IOTLB) or FAR (structure caches) */
};

#define ALL 0x7ffu
#define F10_0 (1u << 0 | 1u << 2)
#define F10_3 (1u << 1)
#define F10 (F10_0 | F10_3)
#define F11 (1u << 3)
#define S20 (1u << 4 | 1u << 5)
#define S21 (1u << 6)
#define N22_0 (1u << 7)
#define N22_3 (1u << 8)
#define N22 (N22_0 | N22_3)
#define P30_0 (1u << 9)
#define P30_3 (1u << 10)
#define P30 (P30_0 | P30_3)

/* IOTLB, Tables 23 and 24. Pass-through entries are kept by 1 GiB: X and Y are one. */
static const struct line iotlb_lines[] = {
    {"iotlb global, 6.5.2.3", IOTLB(1, 0, 0, 0, 0), ALL, ALL},
    {"iotlb domain 10, 6.5.2.3", IOTLB(2, 10, 0, 0, 0), F10, F10},
    {"iotlb domain 20, 6.5.2.3", IOTLB(2, 20, 0, 0, 0), S20, S20},
    {"iotlb domain 22, 6.5.2.3", IOTLB(2, 22, 0, 0, 0), N22, N22},
    {"iotlb domain 30, 6.5.2.3", IOTLB(2, 30, 0, 0, 0), P30, P30},
    {"iotlb domain of nobody, 6.5.2.3", IOTLB(2, 99, 0, 0, 0), 0, 0},
    {"iotlb page, second stage: that page, Table 23", IOTLB(3, 20, X, 0, 0), S20, 0},
    {"iotlb page, IH=1: that page as well, Table 23", IOTLB(3, 20, Y, 0, 1), 0, S20},
    {"iotlb page, AM=1 covers both, Table 22", IOTLB(3, 20, X, 1, 0), S20, S20},
    {"iotlb page, AM=1 is aligned down, Table 22", IOTLB(3, 20, Y, 1, 0), S20, S20},
    {"iotlb page beside, Table 23", IOTLB(3, 20, Z, 0, 0), 0, 0},
    {"iotlb page, first stage: all of the domain, Table 23", IOTLB(3, 10, Z, 0, 0), F10, F10},
    {"iotlb page, nested: all of the domain, Table 23", IOTLB(3, 22, Z, 0, 1), N22, N22},
    {"iotlb page, pass-through, Table 23", IOTLB(3, 30, X, 0, 0), P30, P30},
    {"iotlb page, pass-through elsewhere, Table 23", IOTLB(3, 30, FAR, 0, 0), 0, 0},
    {"p_iotlb PASID 0 of 10, Table 24", PIOTLB(2, 10, 0, 0, 0, 0), F10_0, F10_0},
    {"p_iotlb PASID 3 of 10, Table 24", PIOTLB(2, 10, 3, 0, 0, 0), F10_3, F10_3},
    {"p_iotlb PASID 3 of 22, Table 24", PIOTLB(2, 22, 3, 0, 0, 0), N22_3, N22_3},
    {"p_iotlb PASID 3, second stage: too, Table 24", PIOTLB(2, 20, 3, 0, 0, 0), 1u << 5,
     1u << 5},
    {"p_iotlb PASID 0, pass-through: too, Table 24", PIOTLB(2, 30, 0, 0, 0, 0), P30_0, P30_0},
    {"p_iotlb page X of PASID 0, Table 24", PIOTLB(3, 10, 0, X, 0, 0), F10_0, 0},
    {"p_iotlb page Y of PASID 0, IH=1, Table 24", PIOTLB(3, 10, 0, Y, 0, 1), 0, F10_0},
    {"p_iotlb page, AM=1, Table 24", PIOTLB(3, 10, 3, X, 1, 0), F10_3, F10_3},
    {"p_iotlb page, AM=9, Table 24", PIOTLB(3, 22, 0, X, 9, 0), N22_0, N22_0},
    {"p_iotlb page, AM above MAMV is no error, VT-d 6.5.2.4", PIOTLB(3, 22, 0, 0, 40, 0), N22_0,
     N22_0},
    {"p_iotlb page, AM=52, everything", PIOTLB(3, 22, 3, 0, 52, 0), N22_3, N22_3},
    {"p_iotlb page leaves second stage alone, Table 24", PIOTLB(3, 20, 0, X, 0, 0), 0, 0},
    {"p_iotlb page leaves pass-through alone, Table 24", PIOTLB(3, 30, 0, X, 0, 0), 0, 0},
    {"p_iotlb of another domain, Table 24", PIOTLB(2, 11, 3, 0, 0, 0), 0, 0},
    {"context-cache global leaves the IOTLB, 6.5.2.1", CC(1, 0, 0, 0), 0, 0},
    {"PASID-cache global leaves the IOTLB, 6.5.2.2", PC(3, 0, 0), 0, 0},
};

/* Paging-structure caches at X and at FAR. Pass-through has none. */
static const struct line structure_lines[] = {
    {"iotlb global, structures", IOTLB(1, 0, 0, 0, 0), ALL & ~P30, ALL & ~P30},
    {"iotlb domain 10, structures", IOTLB(2, 10, 0, 0, 0), F10, F10},
    {"iotlb domain 20, structures", IOTLB(2, 20, 0, 0, 0), S20, S20},
    {"iotlb page of 20, IH=0: in the range, Table 23", IOTLB(3, 20, X, 0, 0), S20, 0},
    {"iotlb page of 20, IH=0, far: in the range, Table 23", IOTLB(3, 20, FAR, 0, 0), 0, S20},
    {"iotlb page of 20, IH=1: kept, Table 23", IOTLB(3, 20, X, 0, 1), 0, 0},
    {"iotlb page of 10, IH=1: all first-stage ones, Table 23", IOTLB(3, 10, X, 0, 1), F10, F10},
    {"iotlb page of 22: all first-stage ones, Table 23", IOTLB(3, 22, FAR, 0, 1), N22, N22},
    {"p_iotlb PASID 3 of 10, structures, Table 24", PIOTLB(2, 10, 3, 0, 0, 0), F10_3, F10_3},
    {"p_iotlb PASID 0 of 10, structures, Table 24", PIOTLB(2, 10, 0, 0, 0, 0), F10_0, F10_0},
    {"p_iotlb page, IH=0: in the range, Table 24", PIOTLB(3, 10, 0, X, 0, 0), F10_0, 0},
    {"p_iotlb page, IH=0, far: in the range, Table 24", PIOTLB(3, 10, 3, FAR, 0, 0), 0, F10_3},
    {"p_iotlb page, IH=1: kept, Table 24", PIOTLB(3, 10, 0, X, 0, 1), 0, 0},
    {"p_iotlb page of 22, IH=0, Table 24", PIOTLB(3, 22, 0, X, 0, 0), N22_0, 0},
    {"p_iotlb PASID leaves second-stage structures, Table 24", PIOTLB(2, 20, 0, 0, 0, 0), 0, 0},
    {"p_iotlb page leaves second-stage structures, Table 24", PIOTLB(3, 20, 0, X, 0, 0), 0, 0},
    {"context-cache global leaves structures", CC(1, 0, 0, 0), 0, 0},
    {"PASID-cache global leaves structures", PC(3, 0, 0), 0, 0},
};

/* Context cache in scalable mode: no DID, Table 17. */
#define SID08 (1u << 0 | 1u << 1)
static const struct line context_lines[] = {
    {"context-cache global, 6.5.2.1", CC(1, 0, 0, 0), ALL, 0},
    {"context-cache domain is global in scalable mode, 6.5.2.1", CC(2, 99, 0, 0), ALL, 0},
    {"context-cache device, DID ignored, 6.5.2.1", CC(3, 99, 0x0108, 0), SID08, 0},
    {"context-cache device with FM=0, Table 21", CC(3, 0, 0x0109, 0), 0, 0},
    {"context-cache device with FM=3, Table 21", CC(3, 0, 0x010f, 3), SID08, 0},
    {"context-cache device with FM=1 masks bit 2, Table 21", CC(3, 0, 0x010c, 1), SID08, 0},
    {"context-cache device with FM=1 keeps bit 0, Table 21", CC(3, 0, 0x010d, 1), 0, 0},
    {"context-cache device with FM=2 masks 2:1, Table 21", CC(3, 0, 0x010e, 2), SID08, 0},
    {"PASID-cache global leaves the context cache", PC(3, 0, 0), 0, 0},
    {"iotlb global leaves the context cache", IOTLB(1, 0, 0, 0, 0), 0, 0},
};

static const struct line pasid_lines[] = {
    {"PASID-cache global, 6.5.2.2", PC(3, 0, 0), ALL, 0},
    {"PASID-cache domain 10, 6.5.2.2", PC(0, 10, 0), F10, 0},
    {"PASID-cache domain 10 ignores PASID, 6.5.2.2", PC(0, 10, 3), F10, 0},
    {"PASID-cache domain 30, 6.5.2.2", PC(0, 30, 0), P30, 0},
    {"PASID-cache PASID 3 in 10, 6.5.2.2", PC(1, 10, 3), F10_3, 0},
    {"PASID-cache PASID 0 in 10, 6.5.2.2", PC(1, 10, 0), F10_0, 0},
    {"PASID-cache PASID 3 in 30, 6.5.2.2", PC(1, 30, 3), P30_3, 0},
    {"PASID-cache PASID of another domain, 6.5.2.2", PC(1, 11, 3), 0, 0},
    {"context-cache global leaves the PASID cache", CC(1, 0, 0, 0), 0, 0},
    {"iotlb global leaves the PASID cache", IOTLB(1, 0, 0, 0, 0), 0, 0},
    {"p_iotlb leaves the PASID cache, 6.5.2.4", PIOTLB(2, 10, 3, 0, 0, 0), 0, 0},
};

static void check_dead(struct world *w, unsigned dead, uint64_t addr)
{
    for (unsigned i = 0; i < USERS; i++) {
        bool is_dead = touch(w, &users[i], addr, MODEL_READ) != 0;
        if (is_dead != ((dead >> i & 1) != 0)) {
            fail_msg("user %u at %llx is %s", i, addr, is_dead ? "gone" : "still cached");
        }
    }
}

static void run_iotlb(void **state)
{
    const struct line *line = *state;
    static const uint64_t addresses[] = {X, Y};
    struct world w = world_create();
    warm(&w, addresses, 2);
    wipe_tables(&w, w.fs_top, 4, 1);
    wipe_tables(&w, w.ss_top, 4, 1);
    wipe_contexts(&w);
    wipe_pasids(&w);
    assert_true(rig_submit(w.rig, CC(1, 0, 0, 0)));
    assert_true(rig_submit(w.rig, PC(3, 0, 0)));
    assert_true(rig_submit(w.rig, line->w0, line->w1));
    check_dead(&w, line->dead, X);
    check_dead(&w, line->dead_at_y, Y);
    rig_destroy(w.rig);
}

static void run_structure(void **state)
{
    const struct line *line = *state;
    static const uint64_t addresses[] = {X, FAR};
    struct world w = world_create();
    warm(&w, addresses, 2);
    /* Only what lies above the page tables is destroyed; Z needs no entry of the IOTLB. */
    wipe_tables(&w, w.fs_top, 4, 2);
    wipe_tables(&w, w.ss_top, 4, 2);
    assert_true(rig_submit(w.rig, line->w0, line->w1));
    check_dead(&w, line->dead, Z);
    check_dead(&w, line->dead_at_y, FAR_Z);
    rig_destroy(w.rig);
}

static void run_context(void **state)
{
    const struct line *line = *state;
    static const uint64_t addresses[] = {X};
    struct world w = world_create();
    warm(&w, addresses, 1);
    wipe_contexts(&w);
    assert_true(rig_submit(w.rig, line->w0, line->w1));
    assert_true(rig_submit(w.rig, IOTLB(1, 0, 0, 0, 0)));
    check_dead(&w, line->dead, X);
    rig_destroy(w.rig);
}

static void run_pasid(void **state)
{
    const struct line *line = *state;
    static const uint64_t addresses[] = {X};
    struct world w = world_create();
    warm(&w, addresses, 1);
    wipe_pasids(&w);
    assert_true(rig_submit(w.rig, line->w0, line->w1));
    assert_true(rig_submit(w.rig, IOTLB(1, 0, 0, 0, 0)));
    check_dead(&w, line->dead, X);
    rig_destroy(w.rig);
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static size_t add(struct CMUnitTest *tests, const struct line *lines, size_t count,
                  CMUnitTestFunction run)
{
    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){lines[i].name, run, NULL, NULL,
                                       (void *)(uintptr_t)&lines[i]};
    }
    return count;
}

int main(void)
{
    static struct CMUnitTest tests[COUNT(iotlb_lines) + COUNT(structure_lines) +
                                   COUNT(context_lines) + COUNT(pasid_lines)];
    size_t n = add(tests, iotlb_lines, COUNT(iotlb_lines), run_iotlb);
    n += add(tests + n, structure_lines, COUNT(structure_lines), run_structure);
    n += add(tests + n, context_lines, COUNT(context_lines), run_context);
    n += add(tests + n, pasid_lines, COUNT(pasid_lines), run_pasid);
    return _cmocka_run_group_tests("invalidate", tests, n, NULL, NULL);
}
