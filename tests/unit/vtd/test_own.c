/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that is owned is kept away and let in again, in both roots alike; the model's caches forget nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SECOND = 1000000, SID = 0x20, OTHER_SID = 0x21, DID = 7 };

static const enum vtd_rig_kind kinds[] = {VTD_RIG_SERVER, VTD_RIG_CACHING, VTD_RIG_LEGACY};

/* On a second stage that is not everybody's. */
static void start(struct vtd_rig *rig, enum vtd_rig_kind kind)
{
    static const struct vtd_context plain = {.pasids = 0};
    vtd_rig_start(rig, kind);
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = DID, .ss_root = rig->other_root,
                                    .ss_levels = rig->def.ss_levels};
    assert_int_equal(vtd_own_add(rig->unit, SID), OK);
    assert_int_equal(vtd_own_add(rig->unit, SID), ERR_EXISTS);
    assert_int_equal(vtd_device_open(rig->unit, VTD_ROOT_OWN_OFF, SID, &plain), OK);
    assert_int_equal(vtd_device_set_entry(rig->unit, VTD_ROOT_OWN_OFF, SID, VTD_NO_PASID, &entry), OK);
    assert_int_not_equal(vtd_rig_dma(rig, SID, VTD_NO_PASID, true, VTD_RIG_OTHER), 0);
    (void)vtd_rig_take_faults(rig);
    assert_int_equal(vtd_own_block(rig->unit, SID, false), OK);
}

static bool reaches(struct vtd_rig *rig, u64 addr)
{
    return vtd_rig_dma(rig, SID, VTD_NO_PASID, true, addr) == 0;
}

/* In the root in use, then in the other one, then in the first again. */
static void expect_in_both(struct vtd_rig *rig, bool gets_through)
{
    for (u32 i = 0; i < 3; i++) {
        enum vtd_root root = rig->unit->active == VTD_ROOT_OFF ? VTD_ROOT_GUEST : VTD_ROOT_OFF;
        assert_int_equal(reaches(rig, VTD_RIG_OTHER), gets_through);
        assert_false(reaches(rig, VTD_RIG_GPA));
        assert_int_equal(vtd_rig_dma(rig, OTHER_SID, VTD_NO_PASID, true, VTD_RIG_GPA) == 0,
                         rig->unit->active == VTD_ROOT_OFF);
        assert_int_equal(vtd_root_select(rig->unit, root), OK);
        (void)vtd_rig_take_faults(rig);
        hosted_advance_us(SECOND);
    }
}

static void it_is_kept_away_in_both_roots(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        start(&rig, kinds[i]);
        for (u32 turn = 0; turn < 4; turn++) {
            expect_in_both(&rig, true);
            assert_int_equal(vtd_own_block(rig.unit, SID, true), OK);
            expect_in_both(&rig, false);
            assert_int_equal(vtd_own_block(rig.unit, SID, true), OK);
            expect_in_both(&rig, false);
            assert_int_equal(vtd_own_block(rig.unit, SID, false), OK);
        }
        expect_in_both(&rig, true);
        vtd_rig_stop(&rig);
    }
}

/* Neither is a punishment a way in, nor does one outlast the life in which it was earned. */
static void storms_are_of_one_life(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        start(&rig, kinds[i]);
        for (u32 turn = 0; turn < 2; turn++) {
            for (u32 n = 0; n < 2000; n++) {
                (void)reaches(&rig, VTD_RIG_HOLE);
                (void)vtd_rig_take_faults(&rig);
                hosted_advance_us(n % 100 == 0 ? 6 * SECOND : 0);
            }
            assert_int_equal(vtd_storm_find(rig.unit, SID)->punishment, VTD_BLOCKED);
            assert_int_equal(vtd_own_block(rig.unit, SID, turn == 0), OK);
            assert_int_equal(reaches(&rig, VTD_RIG_OTHER), turn != 0);
            hosted_advance_us(600 * (u64)SECOND);
            (void)vtd_rig_take_faults(&rig);
            expect_in_both(&rig, turn != 0);
        }
        vtd_rig_stop(&rig);
    }
}

/* Its owner's choice holds in both roots, blocked or not, and what is not chosen can be changed without effect. */
static void its_owner_chooses_in_both_roots(void **state)
{
    (void)state;
    static const struct vtd_context plain = {.pasids = 0};
    static const u16 sids[] = {SID, OTHER_SID};
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        start(&rig, kinds[i]);
        const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = DID + 1, .ss_root = rig.root,
                                        .ss_levels = rig.def.ss_levels};
        for (u32 turn = 0; turn < 3; turn++) {
            assert_int_equal(vtd_own_select(rig.unit, sids, 1, true), OK);
            expect_in_both(&rig, false);
            assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OWN_GUEST, SID, &plain), OK);
            assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OWN_GUEST, SID, VTD_NO_PASID, &entry), OK);
            for (u32 k = 0; k < 3; k++) {
                assert_true(reaches(&rig, VTD_RIG_GPA));
                assert_false(reaches(&rig, VTD_RIG_OTHER));
                assert_int_equal(vtd_root_select(rig.unit, k != 1 ? VTD_ROOT_GUEST : VTD_ROOT_OFF), OK);
            }
            assert_int_equal(vtd_own_block(rig.unit, SID, true), OK);
            assert_false(reaches(&rig, VTD_RIG_GPA));
            assert_int_equal(vtd_own_block(rig.unit, SID, false), OK);
            assert_true(reaches(&rig, VTD_RIG_GPA));
            assert_int_equal(vtd_own_select(rig.unit, sids, 1, false), OK);
            expect_in_both(&rig, true);
            assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OWN_GUEST, SID), OK);
            expect_in_both(&rig, true);
        }
        assert_int_equal(vtd_own_select(rig.unit, sids, 2, false), ERR_NOT_FOUND);
        vtd_rig_stop(&rig);
    }
}

/* The unit hangs over it: once it is back, they have what they had, whichever that was. */
static void a_choice_without_an_answer_is_none(void **state)
{
    (void)state;
    static const u16 sids[] = {SID};
    for (u32 i = 0; i < 4 * ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        bool had = (i & 1) != 0;
        bool wanted = (i & 2) != 0;
        start(&rig, kinds[i / 4]);
        assert_int_equal(vtd_own_select(rig.unit, sids, 1, had), OK);
        expect_in_both(&rig, !had);
        model_set_faults(rig.model, &(struct model_faults){.queue_hang = true});
        assert_int_equal(vtd_own_select(rig.unit, sids, 1, wanted), ERR_TIMEOUT);
        model_set_faults(rig.model, &(struct model_faults){0});
        model_kick(rig.model);
        expect_in_both(&rig, !had);
        assert_int_equal(vtd_own_select(rig.unit, sids, 1, wanted), OK);
        expect_in_both(&rig, !wanted);
        vtd_rig_stop(&rig);
    }
}

static void one_without_entries_has_nothing_to_let_in(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        start(&rig, kinds[i]);
        assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
        assert_int_equal(vtd_own_block(rig.unit, OTHER_SID, false), ERR_NOT_FOUND);
        assert_int_not_equal(vtd_rig_dma(&rig, OTHER_SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        vtd_rig_stop(&rig);
    }
}

/* A line about its faults says whose it is. */
static void faults_have_an_owner(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_owner owners[] = {{.sid = OTHER_SID, .name = "b"}, {.sid = SID, .name = "a"}};
    start(&rig, VTD_RIG_SERVER);
    vtd_fault_set_owners(rig.unit, owners, ARRAY_LEN(owners));
    hosted_clear_log();
    assert_false(reaches(&rig, VTD_RIG_HOLE));
    (void)vtd_rig_dma(&rig, SID + 8, VTD_NO_PASID, true, VTD_RIG_HOLE);
    assert_int_equal(vtd_rig_take_faults(&rig), 2);
    assert_non_null(strstr(hosted_log(), "00:04.0 write 0x30000: "));
    assert_non_null(strstr(hosted_log(), "), of partition a\n"));
    assert_non_null(strstr(hosted_log(), "00:05.0 write"));
    assert_null(strstr(hosted_log(), "of partition b"));
    assert_int_equal(owners[0].faults, 0);
    assert_int_equal(owners[1].faults, 1);
    vtd_rig_stop(&rig);
}

/* What is recorded or kept when it is let in was of a life before, and reaches nobody; the others' records stay. */
static void faults_of_before_are_forgotten(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        struct vtd_fault fault;
        start(&rig, kinds[i]);
        struct vtd_owner owner = {.sid = SID, .name = "a", .keeper = rig.unit};
        vtd_fault_set_owners(rig.unit, &owner, 1);
        assert_false(reaches(&rig, VTD_RIG_HOLE));
        assert_int_equal(vtd_rig_take_faults(&rig), 1);
        assert_int_equal(owner.kept, 1);
        assert_int_equal(vtd_own_block(rig.unit, SID, true), OK);
        assert_int_equal(owner.kept, 1);
        assert_false(reaches(&rig, VTD_RIG_OTHER));
        (void)vtd_rig_dma(&rig, OTHER_SID, VTD_NO_PASID, true, VTD_RIG_HOLE);
        assert_false(reaches(&rig, VTD_RIG_OTHER));
        hosted_clear_log();
        assert_int_equal(vtd_own_block(rig.unit, SID, false), OK);
        assert_int_equal(owner.kept, 0);
        assert_int_equal(owner.faults, 3);
        assert_non_null(strstr(hosted_log(), "), of partition a\n"));
        assert_true(vtd_fault_next(rig.unit, &fault));
        assert_int_equal(fault.sid, OTHER_SID);
        assert_false(vtd_fault_next(rig.unit, &fault));
        assert_false(vtd_fault_kept(rig.unit, SID, &fault));
        assert_false(reaches(&rig, VTD_RIG_HOLE));
        assert_int_equal(vtd_rig_take_faults(&rig), 1);
        assert_true(vtd_fault_kept(rig.unit, SID, &fault));
        vtd_rig_stop(&rig);
    }
}

/* Who has entries of its own keeps them, and so do the neighbours of the range. */
static void the_rest_is_closed(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        start(&rig, kinds[i]);
        static const struct { u16 sid; bool open; } cases[] = {{0, false}, {0x1f, false}, {0x21, false}, {0x1ff, false},
                                                              {0x200, true}, {0xffff, true}};
        assert_int_equal(vtd_rig_dma(&rig, 0x1f, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        assert_int_equal(vtd_device_close_rest(rig.unit, 0, 0x1ff), OK);
        for (u32 k = 0; k < ARRAY_LEN(cases); k++) {
            assert_int_equal(vtd_rig_dma(&rig, cases[k].sid, VTD_NO_PASID, true, VTD_RIG_GPA) == 0, cases[k].open);
        }
        assert_true(reaches(&rig, VTD_RIG_OTHER));
        assert_int_equal(vtd_device_close_rest(rig.unit, 0x300, 0x300), OK);
        assert_int_not_equal(vtd_rig_dma(&rig, 0x300, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        assert_int_equal(vtd_rig_dma(&rig, 0x301, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        /* A storm changes nothing. */
        for (u32 n = 0; n < 300; n++) {
            (void)vtd_rig_dma(&rig, 0x300, VTD_NO_PASID, true, VTD_RIG_GPA);
            (void)vtd_rig_take_faults(&rig);
        }
        hosted_advance_us(400 * SECOND);
        (void)vtd_rig_take_faults(&rig);
        assert_int_not_equal(vtd_rig_dma(&rig, 0x300, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        vtd_rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_kept_away_in_both_roots),
        cmocka_unit_test(storms_are_of_one_life),
        cmocka_unit_test(its_owner_chooses_in_both_roots),
        cmocka_unit_test(a_choice_without_an_answer_is_none),
        cmocka_unit_test(one_without_entries_has_nothing_to_let_in),
        cmocka_unit_test(faults_have_an_owner),
        cmocka_unit_test(faults_of_before_are_forgotten),
        cmocka_unit_test(the_rest_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
