/* SPDX-License-Identifier: BSD-2-Clause */
/* What the second stage maps: the runs, first accesses to devices, and the pages it all takes. */
#include "hv/partition/ept_map.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/hosted.h"
#include "tests/support/machine_map.h"

#define GIB (1ull << 30)
#define MIB (1ull << 20)
#define LIMIT (1ull << 46)
#define ALL_SIZES (4096ull | 2 * MIB | GIB)
enum {
    RWX = PROT_READ | PROT_WRITE | PROT_EXEC,
    RO = PROT_READ | PROT_EXEC,
    LISTED = RWX | EPT_MAP_LISTED,
};

static struct mtrr usual_mtrr(void)
{
    struct mtrr m = {.default_type = 0xc06, .variable_count = 1, .physical_width = 46};
    for (u32 i = 0; i < MTRR_FIXED; i++) {
        m.fixed[i] = 0x0606060606060606;
    }
    m.fixed[2] = 0;                             /* A0000: frame buffer */
    m.base[0] = 2 * GIB;
    m.mask[0] = ((1ull << 46) - 2 * GIB) | 0x800;
    return m;
}

static void expect_runs(const struct ept_map *map, const struct ept_map_run *runs, u32 count)
{
    u64 at = 0;
    for (u32 i = 0; i < count; i++) {
        struct ept_map_run run;
        assert_true(ept_map_next(map, at, &run));
        if (run.gpa != runs[i].gpa || run.size != runs[i].size || run.prot != runs[i].prot ||
            run.type != runs[i].type) {
            fail_msg("run %u: %llx + %llx, rights %u, type %d", i, run.gpa, run.size,
                     run.prot, run.type);
        }
        at = run.gpa + run.size;
    }
    struct ept_map_run more;
    assert_false(ept_map_next(map, at, &more));
}

/* Bits 46 and up are key ids: the same memory once more, which must not appear under a second name. */
static void addresses_end_below_the_key_ids(void **state)
{
    const struct mtrr mtrr = usual_mtrr();
    const u64 own = 256 * MIB;
    const struct ept_map_range ranges[] = {
        {MIB, GIB - MIB, LISTED}, {LIMIT - GIB, 2 * GIB, LISTED}, {own, 2 * MIB, 0}, {LIMIT + 4 * GIB, GIB, LISTED}};
    const struct ept_map map = {ranges, ARRAY_LEN(ranges), &mtrr, LIMIT};
    const struct ept_map_run wanted[] = {
        {MIB, own - MIB, RWX, MEM_WB}, {own + 2 * MIB, GIB - own - 2 * MIB, RWX, MEM_WB},
        {LIMIT - GIB, GIB, RWX, MEM_WB}};
    (void)state;
    expect_runs(&map, wanted, ARRAY_LEN(wanted));
    for (u32 bit = 46; bit < 52; bit++) {
        struct ept_map_run run;
        u64 gpa = own | 1ull << bit;
        assert_false(ept_map_around(&map, gpa, ALL_SIZES, &run));
        assert_false(ept_map_around(&map, 1ull << bit, ALL_SIZES, &run));
        assert_int_equal(ept_map_rights(&map, gpa), 0);
    }
    struct ept_map_run last;
    assert_true(ept_map_around(&map, LIMIT - 2 * GIB, ALL_SIZES, &last));
    assert_int_equal(last.size, GIB);
}

static void runs_of_a_small_machine(void **state)
{
    const struct mtrr mtrr = usual_mtrr();
    const struct ept_map_range ranges[] = {
        {0, 0xa0000, LISTED}, {0xa0000, 0x20000, LISTED}, {0xc0000, 0x40000, LISTED},
        {MIB, 511 * MIB, LISTED}, {512 * MIB, GIB, LISTED},
        {0xfed90000, 0x2000, LISTED}, {4 * GIB, GIB, LISTED}, {0, MIB, LISTED},
        {256 * MIB, 2 * MIB, 0}, {0xfed90000, 0x1000, 0},
        {0xe0000, 0x20000, RO}, {600 * MIB, PAGE_SIZE, 0},
    };
    const struct ept_map map = {ranges, ARRAY_LEN(ranges), &mtrr, LIMIT};
    const struct ept_map_run wanted[] = {
        {0, 0xa0000, RWX, MEM_WB},
        {0xa0000, 0x20000, RWX, MEM_UC},
        {0xc0000, 0x20000, RWX, MEM_WB},
        {0xe0000, 0x20000, RO, MEM_WB},
        {MIB, 255 * MIB, RWX, MEM_WB},
        {258 * MIB, 342 * MIB, RWX, MEM_WB},
        {600 * MIB + PAGE_SIZE, 936 * MIB - PAGE_SIZE, RWX, MEM_WB},
        {0xfed91000, 0x1000, RWX, MEM_UC},
        {4 * GIB, GIB, RWX, MEM_WB},
    };
    (void)state;
    expect_runs(&map, wanted, ARRAY_LEN(wanted));
    assert_int_equal(ept_map_rights(&map, 0xfed90fff), 0);
    assert_int_equal(ept_map_rights(&map, 0xfed91000), RWX);
    assert_int_equal(ept_map_rights(&map, 600 * MIB), 0);
    assert_int_equal(ept_map_rights(&map, 0xe0000), RO);
    assert_int_equal(ept_map_rights(&map, 16 * GIB), RWX);
}

static void nothing_to_map(void **state)
{
    const struct mtrr mtrr = usual_mtrr();
    const struct ept_map_range ranges[] = {
        {GIB, GIB, LISTED}, {3 * GIB, 0, LISTED}, {0, 4 * GIB, 0}};
    const struct ept_map empty = {.mtrr = &mtrr, .limit = LIMIT};
    const struct ept_map covered = {ranges, ARRAY_LEN(ranges), &mtrr, LIMIT};
    struct ept_map_run run;
    (void)state;
    assert_false(ept_map_next(&empty, 0, &run));
    assert_false(ept_map_next(&covered, 0, &run));
}

/* Each page, by the definition, compared with the runs. */
static void random_maps_page_by_page(void **state)
{
    enum { PAGES = 64 };
    u64 seed = 7;
    struct mtrr mtrr = {.default_type = 0x806, .physical_width = 46};
    (void)state;
    for (u32 round = 0; round < 2000; round++) {
        struct ept_map_range part[12];
        u32 right[PAGES] = {0};
        u64 at = 0;
        struct ept_map_run run;
        for (u32 i = 0; i < 12; i++) {
            struct ept_map_range *r = &part[i];
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            u64 slot = i < 4 ? i * 16 : seed >> 33 & 0x3f;
            r->base = slot * PAGE_SIZE;
            r->size = (seed >> 40 & 0xf) * PAGE_SIZE;
            r->prot = i < 4 ? LISTED : i < 8 ? 0 : i & 1 ? RO : 0;
            for (u64 page = slot; page < slot + r->size / PAGE_SIZE && page < PAGES; page++) {
                right[page] = i < 4 ? RWX : i < 8 ? 0 : right[page] & r->prot;
            }
        }
        const struct ept_map map = {part, 12, &mtrr, LIMIT};
        while (ept_map_next(&map, at, &run)) {
            for (; at < run.gpa; at += PAGE_SIZE) {
                assert_int_equal(right[at / PAGE_SIZE], 0);
            }
            for (; at < run.gpa + run.size; at += PAGE_SIZE) {
                assert_int_equal(right[at / PAGE_SIZE], run.prot);
            }
            assert_true(at == PAGES * PAGE_SIZE || right[at / PAGE_SIZE] != run.prot);
        }
        for (; at < PAGES * PAGE_SIZE; at += PAGE_SIZE) {
            assert_int_equal(right[at / PAGE_SIZE], 0);
        }
    }
}

static void around(const struct ept_map *map, u64 gpa, u64 sizes, u64 base, u64 size,
                   enum mem_type type)
{
    struct ept_map_run run;
    assert_true(ept_map_around(map, gpa, sizes, &run));
    assert_int_equal(run.gpa, base);
    assert_int_equal(run.size, size);
    assert_int_equal(run.type, type);
    assert_int_equal(run.prot, RWX);
}

static void first_access_to_a_device(void **state)
{
    const struct mtrr mtrr = usual_mtrr();
    const struct ept_map_range ranges[] = {
        {0, 2 * GIB, LISTED}, {4 * GIB, GIB + PAGE_SIZE, LISTED}, {0xfed90000, 0x1000, 0}};
    const struct ept_map map = {ranges, ARRAY_LEN(ranges), &mtrr, LIMIT};
    struct ept_map_run run;
    (void)state;
    around(&map, 0x80123456, ALL_SIZES, 2 * GIB, GIB, MEM_UC);
    around(&map, 0x80123456, 4096 | 2 * MIB, 2 * GIB, 2 * MIB, MEM_UC);
    around(&map, 0x80123456, 4096, 0x80123000, 4096, MEM_UC);
    /* A hole in the same large page. */
    around(&map, 0xfed00000, ALL_SIZES, 0xfed00000, 4096, MEM_UC);
    around(&map, 0xfee00000, ALL_SIZES, 0xfee00000, 2 * MIB, MEM_UC);
    assert_false(ept_map_around(&map, 0xfed90010, ALL_SIZES, &run));
    /* A listed range in it. */
    around(&map, 5 * GIB + PAGE_SIZE, ALL_SIZES, 5 * GIB + PAGE_SIZE, 4096, MEM_WB);
    around(&map, 5 * GIB + 2 * MIB, ALL_SIZES, 5 * GIB + 2 * MIB, 2 * MIB, MEM_WB);
    around(&map, 64 * GIB + 5, ALL_SIZES, 64 * GIB, GIB, MEM_WB);
}

/* Table pages for a machine of that size with a realistic memory map. */
static u32 pages_for(u64 bytes, u64 sizes)
{
    static struct machine_map machine;
    const struct domain_config config = {.levels = 4, .page_sizes = sizes, .coherent = true};
    struct domain *d;
    u32 before;
    hosted_reset();
    machine_map_fill(&machine, bytes);
    assert_int_equal(domain_create(&config, &d), OK);
    before = hosted_pages_used() - 1;
    assert_int_equal(ept_map_apply(&machine.map, d), OK);
    u32 pages = domain_table_pages(d);
    assert_int_equal(pages, hosted_pages_used() - before);
    assert_int_equal(domain_destroy(d), OK);
    return pages;
}

static void a_large_machine_takes_few_pages(void **state)
{
    (void)state;
    u32 small = pages_for(2 * GIB, ALL_SIZES);
    u32 usual = pages_for(64 * GIB, ALL_SIZES);
    u32 without_giant = pages_for(64 * GIB, 4096 | 2 * MIB);
    u32 large = pages_for(1024 * GIB, ALL_SIZES);
    printf("# table pages: 2 GiB %u, 64 GiB %u (%u without 1 GiB pages), 1 TiB %u\n", small,
           usual, without_giant, large);
    assert_in_range(usual, 1, 99);
    assert_in_range(without_giant, 1, 99);
    assert_in_range(large, 1, 99);
}

static void what_cannot_be_mapped_is_an_error(void **state)
{
    static struct machine_map machine;
    const struct domain_config config = {.levels = 4, .page_sizes = PAGE_SIZE, .coherent = true};
    struct domain *d;
    (void)state;
    hosted_reset();
    machine_map_fill(&machine, 2 * GIB);
    assert_int_equal(domain_create(&config, &d), OK);
    hosted_fail_after(100);
    assert_int_equal(ept_map_apply(&machine.map, d), ERR_NO_MEMORY);
    assert_non_null(strstr(hosted_log(), "memory at"));
    hosted_fail_after(UINT32_MAX);
    assert_int_equal(domain_destroy(d), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_a_small_machine),
        cmocka_unit_test(addresses_end_below_the_key_ids),
        cmocka_unit_test(nothing_to_map),
        cmocka_unit_test(random_maps_page_by_page),
        cmocka_unit_test(first_access_to_a_device),
        cmocka_unit_test(a_large_machine_takes_few_pages),
        cmocka_unit_test(what_cannot_be_mapped_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
