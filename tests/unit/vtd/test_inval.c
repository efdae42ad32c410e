/* SPDX-License-Identifier: BSD-2-Clause */
/* Which invalidations a change of the tables asks for, VT-d Table 28, and that they are enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SID = 9 };

/* --- what was asked of the queue, in its order; types and granularities as in VT-d 6.5.2 --- */

enum { CC_GLOBAL = 1 | 1 << 4, CC_DEVICE = 1 | 3 << 4, PC_GLOBAL = 7 | 3 << 4, PC_DOMAIN = 7, PC_ONE = 7 | 1 << 4,
       TLB_GLOBAL = 2 | 1 << 4, TLB_DOMAIN = 2 | 2 << 4, TLB_PASID = 6 | 2 << 4,
       NOTHING = 0 };

static void expect_asked(const struct vtd_rig *rig, u32 from, const u32 *kinds)
{
    u32 at = from;
    for (u32 i = 0; kinds[i] != NOTHING; i++, at++) {
        const u64 *slot = (u64 *)port_hpa_to_ptr(rig->unit->queue) + at * 4;
        while ((slot[0] & 15) == 5) {
            slot += 4;
            at++;
        }
        assert_int_equal(slot[0] & 0x3f, kinds[i]);
    }
    assert_int_equal(at + 1, rig->unit->tail); /* and the wait behind them */
}

static struct vtd_entry nested_entry(const struct vtd_rig *rig, u64 fs_root, u16 did)
{
    return (struct vtd_entry){.pgtt = PGTT_NESTED, .did = did, .ss_root = rig->root, .ss_levels = 4,
                              .fs_root = fs_root, .fs_width = 48};
}

/* The rows of VT-d Table 28 as functions, without caching mode and with it. */
static void what_each_change_asks_for(void **state)
{
    (void)state;
    static const u32 asked[2][6][10] = {
        {{NOTHING},
         {NOTHING},
         {PC_ONE, TLB_DOMAIN},
         {PC_ONE, TLB_PASID},
         {CC_DEVICE, CC_DEVICE, PC_DOMAIN, TLB_DOMAIN, PC_DOMAIN, TLB_DOMAIN},
         {CC_GLOBAL, PC_GLOBAL, TLB_GLOBAL}},
        {{CC_DEVICE, PC_DOMAIN, TLB_DOMAIN},
         {PC_DOMAIN, PC_ONE, TLB_DOMAIN, TLB_PASID},
         {PC_ONE, TLB_DOMAIN},
         {PC_ONE, TLB_PASID},
         {CC_DEVICE, CC_DEVICE, PC_DOMAIN, TLB_DOMAIN, PC_DOMAIN, TLB_DOMAIN, PC_DOMAIN, TLB_DOMAIN},
         {CC_GLOBAL, PC_GLOBAL, TLB_GLOBAL}},
    };
    const u16 dids[] = {2, 3, 4, 5, 6, 7};
    const struct pasid_entry first = {{PGTT_FIRST_STAGE << 6 | 1, 2}}, nested = {{PGTT_NESTED << 6 | 1, 2}};
    for (u32 caching = 0; caching < 2; caching++) {
        struct vtd_rig rig;
        vtd_rig_start(&rig, caching != 0 ? VTD_RIG_CACHING : VTD_RIG_SERVER);
        struct vtd_unit *unit = rig.unit;
        for (u32 change = 0; change < ARRAY_LEN(asked[0]); change++) {
            u32 from = unit->tail;
            enum result r = change == 0   ? vtd_inval_new_context(unit, SID)
                            : change == 1 ? vtd_inval_new_entry(unit, 5, 2)
                            : change == 2 ? vtd_inval_entry(unit, 5, &nested, true)
                            : change == 3 ? vtd_inval_entry(unit, 5, &first, true)
                            : change == 4 ? vtd_inval_context(unit, SID, dids, 2)
                                          : vtd_inval_context(unit, SID, dids, ARRAY_LEN(dids));
            assert_int_equal(r, OK);
            if (asked[caching][change][0] == NOTHING) {
                assert_int_equal(unit->tail, from);
            } else {
                expect_asked(&rig, from, asked[caching][change]);
            }
        }
        vtd_rig_stop(&rig);
    }
}

/* A directory entry that leads to more than the entry that changes, VT-d Table 28. */
static void a_table_that_others_use(void **state)
{
    (void)state;
    static const u32 alone[] = {PC_ONE, TLB_DOMAIN, NOTHING},
                     shared[] = {CC_GLOBAL, PC_GLOBAL, TLB_GLOBAL, NOTHING};
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_context context = {.pasids = 64};
    const struct vtd_entry a = nested_entry(&rig, 0x50000, 3), b = nested_entry(&rig, 0x60000, 4);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &a), OK);
    u32 pages = hosted_pages_used();
    for (u32 i = 0; i < 2; i++) {
        u32 from = rig.unit->tail;
        assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, i == 0 ? &b : &a), OK);
        expect_asked(&rig, from, i == 0 ? alone : shared);
        assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, 5, &a), OK);
    }
    assert_int_equal(hosted_pages_used(), pages);
    vtd_rig_stop(&rig);
}

/* The root entry of a half bus changes with the first device that gets entries of its own. */
static void a_root_entry_that_changes(void **state)
{
    (void)state;
    static const u32 first[] = {CC_GLOBAL, PC_GLOBAL, TLB_GLOBAL, CC_DEVICE, PC_DOMAIN, TLB_DOMAIN, NOTHING},
                     second[] = {CC_DEVICE, PC_DOMAIN, TLB_DOMAIN, NOTHING};
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_context context = {.pasids = 64};
    for (u16 i = 0; i < 2; i++) {
        u32 from = rig.unit->tail;
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, (u16)(SID + i), &context), OK);
        expect_asked(&rig, from, i == 0 ? first : second);
    }
    u32 from = rig.unit->tail;
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID, &context), OK);
    assert_int_equal(rig.unit->tail, from); /* it was not present */
    vtd_rig_stop(&rig);
}

/* Its directory goes back to the pool: a walk that is under way must have left it, though no entry was there. */
static void closed_with_nothing_below(void **state)
{
    (void)state;
    static const u32 asked[] = {CC_DEVICE, TLB_DOMAIN, NOTHING};
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_context context = {.pasids = 64};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID, &context), OK);
    u32 from = rig.unit->tail;
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_GUEST, SID), OK);
    expect_asked(&rig, from, asked);
    vtd_rig_stop(&rig);
}

static void closed_with_many_domains_below(void **state)
{
    (void)state;
    const struct vtd_context context = {.pasids = 1000};
    for (u32 dids = 1; dids <= 9; dids++) {
        struct vtd_rig rig;
        vtd_rig_start(&rig, VTD_RIG_CACHING);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
        for (u32 i = 0; i < 2 * dids; i++) {
            const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = (u16)(2 + i % dids),
                                            .ss_root = rig.root, .ss_levels = 4};
            assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, 1 + i * 50, &entry), OK);
            assert_int_equal(vtd_rig_dma(&rig, SID, 1 + i * 50, true, VTD_RIG_GPA), 0);
        }
        assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
        for (u32 i = 0; i < 2 * dids; i++) {
            assert_int_not_equal(vtd_rig_dma(&rig, SID, 1 + i * 50, true, VTD_RIG_GPA), 0);
        }
        vtd_rig_stop(&rig);
    }
}

static void second_stage_ranges(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    u64 *table = port_hpa_to_ptr(rig.root);
    u64 kept = table[0];
    const struct { u64 gpa, size; bool gone; } cases[] = {
        {VTD_RIG_GPA + PAGE_SIZE, PAGE_SIZE, false},
        {VTD_RIG_GPA - PAGE_SIZE, PAGE_SIZE, false},
        {VTD_RIG_GPA, PAGE_SIZE, true},
        {VTD_RIG_GPA - PAGE_SIZE, 2 * PAGE_SIZE, true},
        {0, 1ull << 30, true},
        {0, 1ull << 40, true},
        {0, 0, true},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        table[0] = 0;
        assert_int_equal(vtd_inval_second_stage(rig.unit, 1, cases[i].gpa, cases[i].size), OK);
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA),
                         cases[i].gone ? 0x79 : 0);
        table[0] = kept;
    }
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_change_asks_for),
        cmocka_unit_test(a_table_that_others_use),
        cmocka_unit_test(a_root_entry_that_changes),
        cmocka_unit_test(closed_with_nothing_below),
        cmocka_unit_test(closed_with_many_domains_below),
        cmocka_unit_test(second_stage_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
