/* SPDX-License-Identifier: BSD-2-Clause */
/* ptab_assign() against an array that says what each page is: random pieces of every level, with and without memory. */
#include "iommu/ptab/ptab.h"

#include "iommu/ptab/second_stage.h"
#include "tests/support/hosted.h"
#include "tests/support/pick.h"
#include "tests/support/repeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define K4 4096ull
#define M2 (512 * K4)
#define BASE ((1ull << 30) - 2 * M2) /* on both sides of 1 GiB, which is a boundary of level 3 */

enum { REGIONS = 4, PAGES = REGIONS * 512, OPS = 20000, MAX_LEAVES = 512 };

static struct ptab pt;
static u64 page[PAGES];      /* output address and access of each page, 0: a hole */

static void check(void)
{
    for (u32 i = 0; i < PAGES; i++) {
        struct ptab_leaf leaf;
        u64 at = BASE + i * K4;
        bool found = ptab_walk(&pt, pt.root, at, &leaf);
        u64 seen = found ? (leaf.out.v + (at - leaf.addr)) | (leaf.entry & 3) : 0;
        if (seen != page[i]) {
            fail_msg("page %u: %llx, not %llx", i, seen, page[i]);
        }
    }
}

static void one(u32 *refused)
{
    static u64 leaves[MAX_LEAVES];
    u32 level = 1 + pick(2);
    u32 span = level == 1 ? 1 : 512;
    u32 first = pick(PAGES / span), most = 512 - (u32)(BASE / K4 / span + first) % 512;
    u32 count = 1 + pick(level == 1 ? 40 : 2);
    count = count < most ? count : most;
    count = count < PAGES / span - first ? count : PAGES / span - first;
    for (u32 i = 0; i < count; i++) {
        u64 out = (u64)pick(1 << 16) * span * K4;
        leaves[i] = pick(3) == 0 ? 0 : out | (1 + pick(3)) | (level > 1 ? SECOND_STAGE_LARGE : 0);
    }
    u32 room = pick(4) == 0 ? pick(3) : 100, changed, given = room;
    u32 tables = pt.tables;
    enum result r = ptab_assign(&pt, BASE + (u64)first * span * K4, level, leaves, count, &room, &changed);
    bool differs = false, took = false;
    for (u32 i = 0; i < count * span; i++) {
        u64 *now = &page[first * span + i];
        u64 entry = leaves[i / span] & ~(u64)SECOND_STAGE_LARGE;
        u64 next = entry == 0 ? 0 : entry + i % span * K4;
        differs |= *now != next;
        took |= *now != 0 && *now != next;
        *now = r == OK ? next : *now;
    }
    assert_true(r == OK || (r == ERR_NO_MEMORY && given < 3));
    assert_true(pt.tables <= tables + (given - room));
    if (r == OK) {
        assert_true(!differs || changed != 0);
        assert_true(!took || (changed & PTAB_TAKEN) != 0);
    }
    *refused += r != OK;
    ptab_free_retired(ptab_take_retired(&pt));
}

static void random_pieces(void **state)
{
    u32 refused = 0;
    (void)state;
    hosted_reset();
    assert_int_equal(ptab_create(&pt, &second_stage_format, 4, K4 | M2 | 1ull << 30, false, false), OK);
    for (u32 op = 0; op < repeat(OPS); op++) {
        one(&refused);
        if (op % 8 == 0) {
            check();
        }
    }
    check();
    assert_true(refused > 10);
    ptab_destroy(&pt);
    assert_int_equal(hosted_pages_used(), 0);
}

/* Holes where leaves cannot be take out whatever is there; a smaller piece of a leaf of 1 GiB leaves the rest of it. */
static void other_levels(void **state)
{
    (void)state;
    static const u64 holes[2];
    const u64 large = 0x40000000 | 3 | SECOND_STAGE_LARGE, small = 0x5000 | 1;
    struct ptab_leaf leaf;
    u32 room = 10, changed;
    hosted_reset();
    assert_int_equal(ptab_create(&pt, &second_stage_format, 4, K4 | M2 | 1ull << 30, true, false), OK);
    assert_int_equal(ptab_assign(&pt, 0, 4, &large, 1, &room, &changed), ERR_INVALID);
    assert_int_equal(ptab_assign(&pt, K4, 2, holes, 1, &room, &changed), ERR_INVALID);
    assert_int_equal(ptab_assign(&pt, 511 * K4, 1, holes, 2, &room, &changed), ERR_INVALID);
    assert_int_equal(ptab_assign(&pt, 0, 3, &large, 1, &room, &changed), OK);
    assert_int_equal(room, 9);
    assert_int_equal(ptab_assign(&pt, M2 + K4, 1, &small, 1, &room, &changed), OK);
    assert_int_equal(room, 7);
    assert_true(ptab_walk(&pt, pt.root, M2, &leaf) && leaf.out.v == 0x40000000 + M2 && leaf.size == K4);
    assert_true(ptab_walk(&pt, pt.root, M2 + K4, &leaf) && leaf.out.v == 0x5000);
    assert_true(ptab_walk(&pt, pt.root, 0, &leaf) && leaf.out.v == 0x40000000 && leaf.size == M2);
    assert_int_equal(ptab_assign(&pt, 0, 4, holes, 1, &room, &changed), OK);
    assert_int_equal(changed, PTAB_TAKEN);
    assert_false(ptab_next(&pt, pt.root, 0, &leaf));
    assert_int_equal(pt.tables, 1);
    ptab_destroy(&pt);
    assert_int_equal(hosted_pages_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pieces),
        cmocka_unit_test(other_levels),
    };
    return cmocka_run_group_tests_name("ptab_assign", tests, NULL, NULL);
}
