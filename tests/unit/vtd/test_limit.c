/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices whose entries firmware limits (SIDP): from the first instant, for each kind of entry, and no other device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SID = 0x1a8, OTHER = 0x1b0, NO_NESTING = 1, NO_PWSNP = 2, NO_PGSNP = 4 };

static const struct pasid_entry *entry_of(const struct vtd_rig *rig, enum vtd_root root, u16 sid, u32 pasid)
{
    const u64 *context = vtd_context_find(rig->unit, root, sid);
    assert_non_null(context);
    const struct pasid_entry *e = vtd_pasid_find(context, pasid);
    assert_non_null(e);
    return e;
}

/* PWSNP and PGSNP, VT-d 9.6: bits 87 and 88. */
static void expect_snoops(const struct pasid_entry *e, bool walks, bool pages)
{
    assert_int_equal(e->w[1] >> 23 & 1, walks);
    assert_int_equal(e->w[1] >> 24 & 1, pages);
}

static void start(struct vtd_rig *rig, enum vtd_rig_kind kind, u8 flags)
{
    vtd_rig_prepare(rig, kind);
    assert_int_equal(vtd_unit_limit(rig->unit, SID, flags), OK);
    vtd_rig_take_over(rig);
}

static void from_the_first_instant(void **state)
{
    (void)state;
    for (u8 flags = 0; flags < 8; flags++) {
        struct vtd_rig rig;
        struct vtd_unit_info info;
        bool walks = (flags & NO_PWSNP) == 0, pages = (flags & NO_PGSNP) == 0;
        start(&rig, VTD_RIG_SERVER, flags);
        vtd_unit_get_info(rig.unit, &info);
        assert_int_equal(info.coherent, walks);
        expect_snoops(entry_of(&rig, VTD_ROOT_OFF, SID, 0), walks, pages);
        expect_snoops(entry_of(&rig, VTD_ROOT_OFF, OTHER, 0), true, true);
        assert_int_equal(vtd_context_is_own(rig.unit, VTD_ROOT_OFF, SID), !walks || !pages);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        assert_int_equal(vtd_rig_dma(&rig, OTHER, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_HOLE), 0x79);
        enum result closed = vtd_device_close(rig.unit, VTD_ROOT_OFF, SID);
        assert_int_equal(closed, walks && pages ? ERR_NOT_FOUND : ERR_UNSUPPORTED);
        vtd_rig_stop(&rig);
    }
}

static void whatever_a_guest_asks_for(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_context context = {.pasids = 64};
    start(&rig, VTD_RIG_SERVER, NO_NESTING | NO_PWSNP | NO_PGSNP);
    struct vtd_entry second = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.root, .ss_levels = 4};
    struct vtd_entry nested = second;
    nested.pgtt = PGTT_NESTED;
    nested.did = 3;
    nested.fs_root = 0x50000;
    nested.fs_width = 48;
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID, &context), OK);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, OTHER, &context), OK);
    hosted_clear_log();
    for (u32 i = 0; i < 1000; i++) {
        assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID, &nested), ERR_UNSUPPORTED);
    }
    assert_non_null(strstr(hosted_log(), "unit 0: 01:15.0 must not be nested (SIDP)"));
    assert_true(hosted_log_lines() < 12);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, OTHER, VTD_NO_PASID, &nested), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, SID, 5, &nested), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID, &second), OK);
    expect_snoops(entry_of(&rig, VTD_ROOT_GUEST, SID, 0), false, false);
    expect_snoops(entry_of(&rig, VTD_ROOT_GUEST, SID, 5), false, false);
    expect_snoops(entry_of(&rig, VTD_ROOT_GUEST, OTHER, 0), true, true);
    vtd_rig_stop(&rig);
}

/* Given away: what it had from the first instant goes back, and the limits hold for what its owner has. */
static void of_one_that_is_owned(void **state)
{
    (void)state;
    static const struct vtd_context plain = {.pasids = 0};
    struct vtd_rig rig;
    start(&rig, VTD_RIG_SERVER, NO_PWSNP | NO_PGSNP);
    u32 used = hosted_pages_used();
    assert_int_equal(vtd_own_add(rig.unit, OTHER), OK);
    u32 each = hosted_pages_used() - used;
    assert_int_equal(vtd_own_add(rig.unit, SID), OK);
    assert_int_equal(hosted_pages_used(), used + each - 2);
    const struct vtd_entry second = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.root, .ss_levels = 4};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OWN_OFF, SID, &plain), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OWN_OFF, SID, VTD_NO_PASID, &second), OK);
    expect_snoops(entry_of(&rig, VTD_ROOT_OWN_OFF, SID, 0), false, false);
    vtd_rig_stop(&rig);
}

static void more_than_there_is_room_for(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_prepare(&rig, VTD_RIG_SERVER);
    for (u16 i = 0; i < VTD_LIMITS; i++) {
        assert_int_equal(vtd_unit_limit(rig.unit, (u16)(SID + i), NO_PGSNP), OK);
    }
    assert_int_equal(vtd_unit_limit(rig.unit, OTHER, NO_PGSNP), ERR_NO_MEMORY);
    vtd_rig_take_over(&rig);
    assert_int_equal(vtd_rig_dma(&rig, SID + VTD_LIMITS - 1, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    struct vtd_rig rig;
    enum result r = ERR_NO_MEMORY;
    vtd_rig_prepare(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_unit_limit(rig.unit, SID, NO_PWSNP), OK);
    for (u32 n = 0; r != OK; n++) {
        hosted_fail_after(n);
        r = vtd_takeover(rig.unit, &rig.def);
        hosted_fail_after(~0u);
        assert_true(r == OK || r == ERR_NO_MEMORY);
        assert_true(n < 20);
    }
    expect_snoops(entry_of(&rig, VTD_ROOT_OFF, SID, 0), false, true);
    vtd_rig_stop(&rig);
}

/* Legacy entries have no such bits. */
static void a_legacy_unit(void **state)
{
    (void)state;
    struct vtd_rig rig;
    start(&rig, VTD_RIG_LEGACY, NO_PWSNP | NO_PGSNP | NO_NESTING);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_first_instant),
        cmocka_unit_test(whatever_a_guest_asks_for),
        cmocka_unit_test(of_one_that_is_owned),
        cmocka_unit_test(more_than_there_is_room_for),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(a_legacy_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
