/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory types of an existing second stage when MTRRs change: in one go, in pieces, overtaken. */
#include "hv/partition/ept_types.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/hosted.h"
#include "tests/support/machine_map.h"

#define GIB (1ull << 30)
#define MIB (1ull << 20)
#define ALL_SIZES (4096ull | 2 * MIB | GIB)
enum { FOREVER = 1 << 30, VALID = 1 << 11 };

static struct machine_map machine;
static struct ept_types types;
static struct domain *domain;

static void start(u64 bytes, u64 sizes, bool diverging)
{
    const struct domain_config config = {.levels = 4, .page_sizes = sizes, .coherent = true,
                                         .dma_root = diverging};
    hosted_reset();
    machine_map_fill(&machine, bytes);
    assert_int_equal(domain_create(&config, &domain), OK);
    assert_int_equal(ept_map_apply(&machine.map, domain), OK);
    types = (struct ept_types){.now = machine.mtrr, .limit = 1ull << 46};
}

static void end(void)
{
    assert_int_equal(domain_destroy(domain), OK);
    assert_in_range(hosted_pages_used(), 0, 1);
}

static void range(struct mtrr *m, u32 n, u64 base, u64 size, enum mem_type type)
{
    assert_true(mtrr_write(m, 0x200 + 2 * n, base | type));
    assert_true(mtrr_write(m, 0x201 + 2 * n, (((1ull << 46) - 1) & ~(size - 1)) | VALID));
}

/* Each leaf has the one type that the registers give to all of it, and none is missing. */
static void expect_types(const struct mtrr *m, u64 bytes)
{
    struct domain_mapping at;
    u64 mapped = 0;
    for (u64 gpa = 0; domain_next(domain, (gpa_t){gpa}, &at); gpa = at.gpa.v + at.size) {
        u64 stop;
        enum mem_type type = mtrr_type(m, at.gpa.v, at.gpa.v + at.size, &stop);
        if (type != at.type || stop != at.gpa.v + at.size) {
            fail_msg("%llx + %llx: type %d, not %d up to %llx", at.gpa.v, at.size,
                     at.type, type, stop);
        }
        mapped += at.size;
    }
    assert_int_equal(mapped, bytes);
}

static u64 mapped_bytes(void)
{
    struct domain_mapping at;
    u64 mapped = 0;
    for (u64 gpa = 0; domain_next(domain, (gpa_t){gpa}, &at); gpa = at.gpa.v + at.size) {
        mapped += at.size;
    }
    return mapped;
}

static void only_what_changes_is_touched(void **state)
{
    (void)state;
    start(64 * GIB, ALL_SIZES, false);
    u64 bytes = mapped_bytes();
    u32 pages = domain_table_pages(domain);
    struct mtrr m = machine.mtrr;
    assert_true(ept_types_follow(&types, domain, &m, FOREVER));
    assert_int_equal(types.pieces, 0);
    range(&m, 3, 16 * GIB, 4 * MIB, MEM_WC);
    assert_true(ept_types_follow(&types, domain, &m, FOREVER));
    assert_int_equal(types.pieces, 1);
    assert_non_null(strstr(hosted_log(), "memory type of 400000000-4003fffff"));
    expect_types(&m, bytes);
    assert_int_equal(domain_table_pages(domain), pages + 1);
    /* A fixed range and the default, then all as it was: large pages again. */
    m.fixed[4] = 0x0606060606060006;
    m.default_type = 0xc04;
    assert_true(ept_types_follow(&types, domain, &m, FOREVER));
    expect_types(&m, bytes);
    assert_true(ept_types_follow(&types, domain, &machine.mtrr, FOREVER));
    expect_types(&machine.mtrr, bytes);
    assert_int_equal(domain_flush(domain, (gpa_t){0}, 0), OK);
    assert_int_equal(domain_table_pages(domain), pages);
    assert_int_equal(hosted_pages_used(), pages + 1);
    end();
}

/* Each look at the clock says that the time is up: one piece at a time, at most 1 GiB. */
static void a_change_goes_on_where_it_stopped(void **state)
{
    u32 calls = 1;
    u32 diverging;
    (void)state;
    for (diverging = 0; diverging < 2; diverging++) {
        start(64 * GIB, 4096 | 2 * MIB, diverging != 0);
        u64 bytes = mapped_bytes();
        struct mtrr m = machine.mtrr;
        m.default_type = 0xc00;
        hosted_clock_step(100);
        for (calls = 1; !ept_types_follow(&types, domain, &m, 50); calls++) {
            assert_int_equal(types.at % GIB, 0);
            assert_ptr_equal(ept_types_at(&types, types.at - 1), &types.next);
            assert_ptr_equal(ept_types_at(&types, types.at), &types.now);
        }
        assert_true(calls >= 64);
        assert_ptr_equal(ept_types_at(&types, 0), &types.now);
        expect_types(&m, bytes);
        end();
    }
}

static void a_change_may_be_overtaken(void **state)
{
    (void)state;
    start(16 * GIB, ALL_SIZES, false);
    u64 bytes = mapped_bytes();
    struct mtrr first = machine.mtrr;
    struct mtrr second = machine.mtrr;
    first.default_type = 0xc00;
    second.default_type = 0xc04;
    hosted_clock_step(100);
    for (u32 i = 0; i < 7; i++) {
        assert_false(ept_types_follow(&types, domain, &first, 50));
    }
    for (u32 i = 0; i < 3; i++) {
        assert_false(ept_types_follow(&types, domain, &second, 50));
    }
    /* Back to the first registers, though pages still have types of the second. */
    while (!ept_types_follow(&types, domain, &machine.mtrr, 50)) {
    }
    expect_types(&machine.mtrr, bytes);
    hosted_clock_step(0);
    assert_true(ept_types_follow(&types, domain, &second, 50));
    expect_types(&second, bytes);
    end();
}

/* Splitting a page may find the pool empty: then that piece keeps its type, and the console says so. */
static void an_empty_pool_is_said(void **state)
{
    (void)state;
    start(16 * GIB, ALL_SIZES, false);
    struct mtrr m = machine.mtrr;
    struct domain_mapping at;
    range(&m, 3, 8 * GIB, 4 * MIB, MEM_WC);
    hosted_fail_after(0);
    assert_true(ept_types_follow(&types, domain, &m, FOREVER));
    hosted_fail_after(UINT32_MAX);
    assert_non_null(strstr(hosted_log(), result_text(ERR_NO_MEMORY)));
    assert_int_equal(domain_walk(domain, (gpa_t){8 * GIB}, &at), OK);
    assert_int_equal(at.type, MEM_WB);
    /* A guest that goes on changing them has a line now and then. */
    hosted_fail_after(0);
    u32 told = 0;
    for (u32 i = 0; i < 1000; i++) {
        hosted_clear_log();
        range(&m, 3, (i % 2 != 0 ? 8 : 9) * GIB, 4 * MIB, MEM_WC);
        assert_true(ept_types_follow(&types, domain, &m, FOREVER));
        told += strstr(hosted_log(), "WC: the page pool is exhausted") != NULL ? 1 : 0;
        types.pieces = 0;
    }
    hosted_fail_after(UINT32_MAX);
    assert_in_range(told, 7, 16);
    end();
}

static void random_registers(void **state)
{
    u64 seed = 11;
    (void)state;
    start(8 * GIB, ALL_SIZES, false);
    u64 bytes = mapped_bytes();
    struct mtrr m = machine.mtrr;
    for (u32 round = 0; round < 300; round++) {
        static const enum mem_type some[] = {MEM_UC, MEM_WC, MEM_WT, MEM_WP, MEM_WB};
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        u32 n = (u32)(seed >> 33) % 10;
        u64 size = PAGE_SIZE << ((seed >> 40) % 20);
        enum mem_type type = some[(seed >> 50) % 5];
        if ((seed >> 60 & 1) != 0) {
            range(&m, n, (seed >> 20) % (10 * GIB) & ~(size - 1), size, type);
        } else {
            m.mask[n] = 0;
        }
        hosted_clock_step(round % 3 * 20);
        while (!ept_types_follow(&types, domain, &m, 50)) {
        }
        expect_types(&m, bytes);
        assert_int_equal(domain_flush(domain, (gpa_t){0}, 0), OK);
        hosted_clear_log();
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_changes_is_touched),
        cmocka_unit_test(a_change_goes_on_where_it_stopped),
        cmocka_unit_test(a_change_may_be_overtaken),
        cmocka_unit_test(an_empty_pool_is_said),
        cmocka_unit_test(random_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
