/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory types from MTRRs: the rules one by one, then every page against a slow model. */
#include "hv/guest/mtrr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define GIB (1ull << 30)
#define TOP (1ull << 39)
enum { ON = 1 << 11, FIXED = 1 << 10, VALID = 1 << 11 };

static struct mtrr fresh(u64 default_type)
{
    return (struct mtrr){.default_type = default_type, .variable_count = 10, .physical_width = 39};
}

static void range(struct mtrr *m, u32 n, u64 base, u64 size, enum mem_type type)
{
    assert_true(mtrr_write(m, 0x200 + 2 * n, base | type));
    assert_true(mtrr_write(m, 0x201 + 2 * n, ((TOP - 1) & ~(size - 1)) | VALID));
}

static void expect(const struct mtrr *m, u64 addr, enum mem_type type, u64 end)
{
    u64 found;
    assert_int_equal(mtrr_type(m, addr, TOP, &found), type);
    assert_int_equal(found, end);
}

static void defaults(void **state)
{
    struct mtrr m = fresh(ON | MEM_WB);
    (void)state;
    expect(&m, 0, MEM_WB, TOP);
    m.default_type = MEM_WB;
    assert_false(mtrr_is_settled(&m));
    expect(&m, 0, MEM_UC, TOP);
    m.default_type = ON | MEM_WC;
    assert_true(mtrr_is_settled(&m));
    expect(&m, 12 * PAGE_SIZE, MEM_WC, TOP);
}

static void overlaps(void **state)
{
    static const struct {
        enum mem_type a, b, both;
    } cases[] = {
        {MEM_UC, MEM_WB, MEM_UC}, {MEM_UC, MEM_WT, MEM_UC}, {MEM_UC, MEM_WC, MEM_UC},
        {MEM_UC, MEM_WP, MEM_UC}, {MEM_WT, MEM_WB, MEM_WT}, {MEM_WB, MEM_WB, MEM_WB},
        {MEM_WC, MEM_WC, MEM_WC}, {MEM_WP, MEM_WP, MEM_WP}, {MEM_WT, MEM_WT, MEM_WT},
        {MEM_WC, MEM_WB, MEM_UC}, {MEM_WP, MEM_WB, MEM_UC}, {MEM_WC, MEM_WT, MEM_UC},
    };
    (void)state;
    for (u32 i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        enum mem_type a = i & 1 ? cases[i / 2].a : cases[i / 2].b;
        enum mem_type b = i & 1 ? cases[i / 2].b : cases[i / 2].a;
        struct mtrr m = fresh(ON | MEM_WB);
        range(&m, 3, 4 * GIB, 4 * GIB, a);
        range(&m, 7, 6 * GIB, GIB, b);
        u64 end;
        assert_int_equal(mtrr_type(&m, 6 * GIB, TOP, &end), cases[i / 2].both);
        assert_int_equal(mtrr_type(&m, 4 * GIB, TOP, &end), a);
    }
}

static void a_firmwares_usual_setting(void **state)
{
    struct mtrr m = fresh(ON | FIXED | MEM_WB);
    u64 end;
    (void)state;
    range(&m, 0, 2 * GIB, 2 * GIB, MEM_UC);
    range(&m, 1, 64 * GIB, 64 * GIB, MEM_UC);
    memset(m.fixed, MEM_WB, 3 * sizeof(u64));
    m.fixed[2] = 0; /* A0000 to BFFFF */
    memset(&m.fixed[3], MEM_WP, 8 * sizeof(u64));
    expect(&m, 0, MEM_WB, 0xa0000);
    expect(&m, 0x9f000, MEM_WB, 0xa0000);
    expect(&m, 0xa0000, MEM_UC, 0xc0000);
    expect(&m, 0xc1000, MEM_WP, 0x100000);
    expect(&m, 0x100000, MEM_WB, 2 * GIB);
    expect(&m, 2 * GIB, MEM_UC, 4 * GIB);
    expect(&m, 4 * GIB, MEM_WB, 64 * GIB);
    expect(&m, 64 * GIB, MEM_UC, 128 * GIB);
    expect(&m, 128 * GIB, MEM_WB, TOP);
    /* The limit cuts. */
    assert_int_equal(mtrr_type(&m, 4 * GIB, 5 * GIB, &end), MEM_WB);
    assert_int_equal(end, 5 * GIB);
    /* Neighbours of one type are one. */
    range(&m, 2, 4 * GIB, GIB, MEM_UC);
    expect(&m, 3 * GIB, MEM_UC, 5 * GIB);
    /* Fixed ranges off: the variable ones hold below 1 MiB too. */
    m.default_type &= ~(u64)FIXED;
    expect(&m, 0xa0000, MEM_WB, 2 * GIB);
}

static void fixed_granules(void **state)
{
    struct mtrr m = fresh(ON | FIXED | MEM_UC);
    (void)state;
    m.fixed[0] = (u64)MEM_WB << 56;              /* 70000 */
    m.fixed[1] = MEM_WT;                         /* 80000 */
    m.fixed[2] = (u64)MEM_WC << 56;              /* BC000 */
    m.fixed[3] = MEM_WP;                         /* C0000 */
    m.fixed[10] = (u64)MEM_WB << 56;             /* FF000 */
    expect(&m, 0x70000, MEM_WB, 0x80000);
    expect(&m, 0x83fff, MEM_WT, 0x84000);
    expect(&m, 0xbc000, MEM_WC, 0xc0000);
    expect(&m, 0xc0fff, MEM_WP, 0xc1000);
    expect(&m, 0xff000, MEM_WB, 0x100000);
    expect(&m, 0x84000, MEM_UC, 0xbc000);
}

static void refused_values(void **state)
{
    static const struct { u32 msr; u64 value; } cases[] = {
        {0x2ff, 2}, {0x2ff, 0x100}, {0x2ff, 1 << 12}, {0x200, 3}, {0x200, 0x106}, {0x200, TOP | 6},
        {0x201, 1}, {0x201, TOP}, {0x201, 1 << 10}, {0x250, 2}, {0x26f, 7ull << 56},
        {0x214, 6}, {0x251, 0}, {0x1ff, 0}, {0xfe, 0},
    };
    struct mtrr m = fresh(0);
    struct mtrr before = m;
    u64 value;
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        assert_false(mtrr_write(&m, cases[i].msr, cases[i].value));
    }
    assert_true(mtrr_is_same(&m, &before));
    m.variable_count = 8;
    assert_false(mtrr_write(&m, 0x210, 6));
    assert_false(mtrr_read(&m, 0x210, &value));
}

static void every_register_is_kept(void **state)
{
    struct mtrr m = fresh(0);
    u32 count = 0;
    u32 msr;
    (void)state;
    for (; mtrr_register(&m, count, &msr); count++) {
        const struct mtrr before = m;
        bool mask = msr < 0x250 && (msr & 1) != 0;
        u64 wanted = mask ? VALID : MEM_WT;
        u64 value;
        assert_true(mtrr_write(&m, msr, wanted));
        assert_false(mtrr_is_same(&before, &m));
        assert_true(mtrr_read(&m, msr, &value));
        assert_int_equal(value, wanted);
    }
    assert_int_equal(count, 20 + 11 + 1);
}

static u64 seed = 12345;
static u64 pick(u64 n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (seed >> 33) % n;
}

/* SDM 12.11.4.1 word by word, for one page. */
static enum mem_type slow_type(const struct mtrr *m, u64 addr)
{
    bool seen[8] = {false};
    u32 kinds = 0;
    for (u32 i = 0; i < m->variable_count; i++) {
        u64 mask = m->mask[i] & ~0xfffull;
        if ((m->mask[i] & VALID) != 0 && (addr & mask) == (m->base[i] & mask)) {
            kinds += !seen[m->base[i] & 7];
            seen[m->base[i] & 7] = true;
        }
    }
    if (kinds == 0) {
        return (enum mem_type)(m->default_type & 7);
    }
    if (kinds == 1) {
        for (u32 t = 0; t < 8; t++) {
            if (seen[t]) {
                return (enum mem_type)t;
            }
        }
    }
    return kinds == 2 && seen[MEM_WT] && seen[MEM_WB] ? MEM_WT : MEM_UC;
}

static void random_ranges_page_by_page(void **state)
{
    static const enum mem_type types[] = {MEM_UC, MEM_WC, MEM_WT, MEM_WP, MEM_WB};
    (void)state;
    for (u32 round = 0; round < 500; round++) {
        struct mtrr m = fresh(ON | types[pick(5)]);
        u64 at = 0;
        for (u32 i = 0; i < 10; i++) {
            u64 size = PAGE_SIZE << pick(8);
            range(&m, i, pick(256) * PAGE_SIZE & ~(size - 1), size, types[pick(5)]);
        }
        while (at < 256 * PAGE_SIZE) {
            u64 end;
            enum mem_type type = mtrr_type(&m, at, 256 * PAGE_SIZE, &end);
            assert_true(end > at);
            for (; at < end; at += PAGE_SIZE) {
                assert_int_equal(slow_type(&m, at), type);
            }
            assert_true(at == 256 * PAGE_SIZE || slow_type(&m, at) != type);
        }
    }
}

/* With a mask that has holes the search ends, and gives the first range. */
static void mask_with_holes(void **state)
{
    struct mtrr m = fresh(ON | MEM_WB);
    (void)state;
    assert_true(mtrr_write(&m, 0x200, 0x4000 | MEM_UC));
    assert_true(mtrr_write(&m, 0x201, 0x4000 | VALID));
    expect(&m, 0x4000, MEM_UC, 0x8000);
    expect(&m, 0x8000, MEM_WB, TOP);
    assert_true(mtrr_write(&m, 0x201, VALID));
    expect(&m, 0, MEM_UC, TOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(a_firmwares_usual_setting),
        cmocka_unit_test(fixed_granules),
        cmocka_unit_test(refused_values),
        cmocka_unit_test(every_register_is_kept),
        cmocka_unit_test(random_ranges_page_by_page),
        cmocka_unit_test(mask_with_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
