/* SPDX-License-Identifier: BSD-2-Clause */
/* A unit in legacy mode: entries that lead to the second stage, and what that mode does not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SID = 9, OTHER_SID = 10 };

static void legacy_unit_is_covered(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_LEGACY);
    assert_int_equal(vtd_rig_dma(&rig, 0x1234, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_rig_dma(&rig, 0x1234, VTD_NO_PASID, false, VTD_RIG_HOLE), 0x06);
    vtd_rig_stop(&rig);
}

static const struct vtd_context none = {0};

/* Of both roots; in the guest's everything is blocked but what was put there, and that goes again. */
static void a_guest_root(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_LEGACY);
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.other_root, .ss_levels = 4};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID, &none), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID, &entry), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    assert_int_equal(vtd_root_clear_guest(rig.unit, NULL), ERR_BUSY);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_OTHER), 0);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 5);
    assert_int_equal(vtd_rig_dma(&rig, OTHER_SID, VTD_NO_PASID, true, VTD_RIG_GPA), 2);
    assert_int_equal(vtd_rig_dma(&rig, 0x1234, VTD_NO_PASID, true, VTD_RIG_GPA), 1);
    hosted_clear_log();
    vtd_device_show(rig.unit, VTD_ROOT_GUEST, SID);
    vtd_device_show(rig.unit, VTD_ROOT_GUEST, OTHER_SID);
    assert_non_null(strstr(hosted_log(), "PGTT = second-stage DID 2"));
    assert_non_null(strstr(hosted_log(), "PGTT = none (blocked)"));
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_OTHER), 2);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_GUEST, SID), OK);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_OFF), OK);
    assert_int_equal(vtd_root_clear_guest(rig.unit, NULL), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

static void a_legacy_device(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_context pasids = {.pasids = 64};
    vtd_rig_start(&rig, VTD_RIG_LEGACY);
    struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.other_root, .ss_levels = 4};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &pasids), ERR_UNSUPPORTED);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &none), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, 5, &entry), ERR_UNSUPPORTED);
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_OFF, SID, 5), ERR_UNSUPPORTED);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entry), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_OTHER), 0);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 5);
    assert_int_equal(vtd_rig_dma(&rig, OTHER_SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(field_get(vtd_context_find(rig.unit, VTD_ROOT_OFF, SID), LEGACY_CONTEXT_DID), 2);
    entry.did = 0;
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entry), ERR_INVALID);
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID), OK);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
    entry.did = 3;
    hosted_fail_after(0);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, 0x300, VTD_NO_PASID, &entry),
                     ERR_NO_MEMORY);
    hosted_fail_after(UINT32_MAX);
    vtd_rig_stop(&rig);
}

/* One store, and both ids are invalidated: what was cached under the old one would go on reaching the old memory. */
static void a_live_entry_is_replaced(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_LEGACY);
    for (u16 round = 0; round < 4; round++) {
        bool other = round % 2 == 0;
        const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = (u16)(2 + round),
                                        .ss_root = other ? rig.other_root : rig.root, .ss_levels = 4};
        assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entry), OK);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_OTHER), other ? 0 : 5);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), other ? 5 : 0);
    }
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legacy_unit_is_covered),
        cmocka_unit_test(a_guest_root),
        cmocka_unit_test(a_legacy_device),
        cmocka_unit_test(a_live_entry_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
