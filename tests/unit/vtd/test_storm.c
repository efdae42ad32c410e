/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices that fault too often: what they lose, for how long, in which root, and who else does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SECOND = 1000000, SID = 0x20 };

static void storm(struct vtd_rig *rig, u16 sid, u64 addr)
{
    for (u32 i = 0; i < 70; i++) {
        (void)vtd_rig_dma(rig, sid, VTD_NO_PASID, true, addr);
        (void)vtd_rig_take_faults(rig);
    }
}

static struct vtd_fault_counts counts_of(const struct vtd_rig *rig)
{
    struct vtd_fault_counts counts;
    vtd_fault_get_counts(rig->unit, &counts);
    return counts;
}

static void wait_seconds(struct vtd_rig *rig, u64 seconds)
{
    hosted_advance_us(seconds * SECOND);
    (void)vtd_rig_take_faults(rig);
}

static void block(struct vtd_rig *rig, u16 sid, u64 addr)
{
    for (u32 i = 0; i < 3; i++) {
        wait_seconds(rig, 6);
        storm(rig, sid, addr);
    }
    assert_int_equal(counts_of(rig).blocked, 1);
}

/* With an entry in the root that is the guest's. */
static void list(struct vtd_rig *rig)
{
    const struct vtd_context context = {.pasids = 64};
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig->root, .ss_levels = 4};
    assert_int_equal(vtd_device_open(rig->unit, VTD_ROOT_GUEST, SID, &context), OK);
    assert_int_equal(vtd_device_set_entry(rig->unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID, &entry), OK);
}

static void a_storm_is_silenced_then_blocked(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault fault;
    struct vtd_fault_counts counts = {0};
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    for (u32 i = 0; i < 100000 && counts.blocked == 0; i++) {
        (void)vtd_rig_dma(&rig, 0x20, VTD_NO_PASID, true, VTD_RIG_HOLE);
        (void)vtd_fault_next(rig.unit, &fault);
        vtd_fault_get_counts(rig.unit, &counts);
        if (counts.silenced != 0 && i % 256 == 0) {
            hosted_advance_us(1000000);
        }
    }
    assert_int_equal(counts.silenced, 2);
    assert_int_equal(counts.blocked, 1);
    assert_int_equal(vtd_rig_dma(&rig, 0x20, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    assert_int_equal(vtd_rig_dma(&rig, 0x21, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

/* A silenced device still works; after a while its faults are recorded again, with FPD as it was. */
static void silence_ends(void **state)
{
    (void)state;
    for (u32 fpd = 0; fpd < 2; fpd++) {
        struct vtd_rig rig;
        struct vtd_context context = {.fpd = false}, out;
        vtd_rig_start(&rig, VTD_RIG_SERVER);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
        storm(&rig, SID, VTD_RIG_HOLE);
        assert_int_equal(counts_of(&rig).silenced, 1);
        assert_int_equal(counts_of(&rig).seen, 65);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        /* Its own FPD is remembered, and restored when the silence ends. */
        context.fpd = fpd != 0;
        assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
        assert_int_equal(vtd_device_get(rig.unit, VTD_ROOT_OFF, SID, &out), OK);
        assert_true(out.fpd);
        hosted_advance_us(6 * SECOND);
        (void)vtd_rig_take_faults(&rig);
        assert_int_equal(vtd_device_get(rig.unit, VTD_ROOT_OFF, SID, &out), OK);
        assert_int_equal(out.fpd, fpd != 0);
        (void)vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_HOLE);
        assert_int_equal(vtd_rig_take_faults(&rig), fpd != 0 ? 0 : 1);
        vtd_rig_stop(&rig);
    }
}

/* Also in what the unit has cached of a device that went on meanwhile. */
static void silence_ends_in_the_caches(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    storm(&rig, SID, VTD_RIG_HOLE);
    assert_int_equal(counts_of(&rig).silenced, 1);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    wait_seconds(&rig, 6);
    (void)vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_HOLE);
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    vtd_rig_stop(&rig);
}

/* Blocked means: no DMA, no records, whatever is opened, set or switched meanwhile. */
static void blocked_in_both_roots(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_context context = {.pasids = 64};
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.root,
                                    .ss_levels = 4};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entry), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    block(&rig, SID, VTD_RIG_HOLE);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    list(&rig);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    assert_int_equal(vtd_rig_take_faults(&rig), 0);
    assert_int_equal(vtd_rig_dma(&rig, SID + 1, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    vtd_rig_stop(&rig);
}

/* From the third time on no DMA for 5 s, 10, 20, ... as long as it storms again. */
static void punishments_end(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    block(&rig, SID, VTD_RIG_HOLE);
    for (u32 seconds = 5; seconds < 1000; seconds *= 2) {
        u32 lasts = seconds < 320 ? seconds : 320;
        wait_seconds(&rig, lasts - 1);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
        wait_seconds(&rig, 2);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        storm(&rig, SID, VTD_RIG_HOLE);
    }
    vtd_rig_stop(&rig);
}

/* What a crashed user of the device leaves behind is not held against the next one. */
static void a_quiet_minute(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    for (u32 burst = 0; burst < 5; burst++) {
        storm(&rig, SID, VTD_RIG_HOLE);
        wait_seconds(&rig, 6);
        for (u32 i = 0; i < 4; i++) { /* single faults are no storm */
            wait_seconds(&rig, 15);
            (void)vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_HOLE);
        }
        wait_seconds(&rig, 1);
    }
    assert_int_equal(counts_of(&rig).silenced, 5);
    assert_int_equal(counts_of(&rig).blocked, 0);
    assert_int_equal(rig.unit->watched, 0);
    vtd_rig_stop(&rig);
}

static void taken_out_by_the_guest(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    list(&rig);
    block(&rig, SID, VTD_RIG_HOLE);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID), OK);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_GUEST, SID), OK);
    list(&rig);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(rig.unit->watched, 0);
    /* In the other root, too, where it was only what all share. */
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_OFF), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

/* The end of a punishment makes nothing present that is not there any more. */
static void an_entry_that_went_meanwhile(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_context context = {.pasids = 64};
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    list(&rig);
    block(&rig, SID, VTD_RIG_HOLE);
    assert_int_equal(vtd_root_clear_guest(rig.unit, NULL), OK);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID + 1, &context), OK); /* the same context table */
    wait_seconds(&rig, 6);
    const u64 *word = vtd_context_find(rig.unit, VTD_ROOT_GUEST, SID);
    assert_true(word[0] == 0);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

/* A unit with one fault record: most faults of a storm leave nothing but an overflow. */
static void one_record(void **state)
{
    (void)state;
    for (u32 neighbours = 0; neighbours < 2; neighbours++) {
        struct vtd_rig rig;
        struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
        config.cap &= ~(0xffull << 40);
        vtd_rig_start_with(&rig, &config);
        for (u32 poll = 0; poll < 40; poll++) {
            u16 sid = (u16)(SID + (neighbours != 0 ? poll % 2 : 0));
            for (u32 i = 0; i < 20; i++) {
                (void)vtd_rig_dma(&rig, sid, VTD_NO_PASID, true, VTD_RIG_HOLE);
            }
            hosted_advance_us(SECOND / 10);
            (void)vtd_rig_take_faults(&rig);
        }
        assert_int_equal(counts_of(&rig).silenced, neighbours != 0 ? 0 : 1); /* in turn: it cannot be said whose */
        vtd_rig_stop(&rig);
    }
}

/* Not listed by the guest at all: root entry not present is a fault that FPD cannot stop by itself. */
static void a_storm_from_an_empty_bus(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    storm(&rig, 0x500, VTD_RIG_GPA);
    assert_int_equal(counts_of(&rig).silenced, 1);
    assert_int_equal(counts_of(&rig).seen, 65);
    assert_int_equal(vtd_rig_dma(&rig, 0x501, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    vtd_rig_stop(&rig);
}

static void a_legacy_storm(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_LEGACY);
    block(&rig, SID, VTD_RIG_HOLE);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 2);
    assert_int_equal(vtd_rig_take_faults(&rig), 0);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 2);
    assert_int_equal(vtd_rig_dma(&rig, SID + 1, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

/* Without a page the fault is still taken, printed and counted for the unit. */
static void a_storm_without_memory(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    hosted_fail_after(0);
    storm(&rig, SID, VTD_RIG_HOLE);
    assert_int_equal(counts_of(&rig).seen, 70);
    assert_int_equal(counts_of(&rig).silenced, 0);
    hosted_fail_after(1);
    storm(&rig, SID, VTD_RIG_HOLE);
    assert_non_null(strstr(hosted_log(), "exhausted"));
    hosted_fail_after(UINT32_MAX);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_is_silenced_then_blocked),
        cmocka_unit_test(silence_ends),
        cmocka_unit_test(silence_ends_in_the_caches),
        cmocka_unit_test(blocked_in_both_roots),
        cmocka_unit_test(punishments_end),
        cmocka_unit_test(a_quiet_minute),
        cmocka_unit_test(taken_out_by_the_guest),
        cmocka_unit_test(an_entry_that_went_meanwhile),
        cmocka_unit_test(one_record),
        cmocka_unit_test(a_storm_from_an_empty_bus),
        cmocka_unit_test(a_legacy_storm),
        cmocka_unit_test(a_storm_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
