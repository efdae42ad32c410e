/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request meets in the driver's tables, and which source-ids are not as the default. */
#include "tests/model/model.h"
#include "tests/support/vtd_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SID = 0x0118, OTHER = 0xff07, PASID = 5 };

static struct vtd_rig rig;

static void open_device(u16 sid)
{
    const struct vtd_context context = {.rid_pasid = 0, .pasids = 64};
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 7, .ss_root = rig.other_root, .ss_levels = 4};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, sid, &context), OK);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, sid, PASID, &entry), OK);
}

static void test_default(void **state)
{
    struct vtd_path p;
    struct vtd_device_state d;
    u32 sid = 0;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    vtd_path_get(rig.unit, SID, VTD_NO_PASID, &p);
    assert_int_equal(p.count, 4);
    assert_false(p.legacy);
    assert_int_equal(p.pasid, 0);
    const struct pasid_entry *e = (const struct pasid_entry *)(const void *)p.steps[3].w;
    assert_int_equal(pasid_get(e, PASID_PGTT), PGTT_SECOND_STAGE);
    assert_int_equal(pasid_get(e, PASID_SSPTPTR) << PAGE_SHIFT, rig.root.v);
    /* Each step stands where the one before leads to, and holds what is there. */
    assert_int_equal(p.steps[1].at.v & ~PAGE_MASK, p.steps[0].w[0] & ~PAGE_MASK);
    assert_int_equal(p.steps[2].at.v & ~PAGE_MASK, p.steps[1].w[0] & ~PAGE_MASK);
    assert_int_equal(p.steps[3].at.v & ~PAGE_MASK, p.steps[2].w[0] & ~PAGE_MASK);
    for (u32 i = 0; i < 4; i++) {
        assert_memory_equal(p.steps[i].w, port_hpa_to_ptr(p.steps[i].at), i == 3 ? 64 : 8);
    }
    vtd_path_get(rig.unit, SID, PASID, &p);
    assert_int_equal(p.count, 4);
    assert_int_equal(pasid_get((const struct pasid_entry *)(const void *)p.steps[3].w, PASID_P), 0);
    vtd_path_get(rig.unit, SID, 0xfffff, &p);
    assert_int_equal(p.count, 2);
    vtd_path_default(rig.unit, &d);
    assert_int_equal(pasid_get(&d.entry, PASID_PGTT), PGTT_SECOND_STAGE);
    for (u32 i = 0; sid < VTD_SIDS; i++) {
        assert_true(i < 512);
        assert_false(vtd_path_next(rig.unit, &sid, &d));
    }
    vtd_rig_stop(&rig);
}

static u32 find_all(u16 *sids, struct vtd_device_state *states, u32 room)
{
    u32 sid = 0;
    u32 count = 0;
    for (u32 calls = 0; sid < VTD_SIDS; calls++) {
        struct vtd_device_state d;
        assert_true(calls < 1024);
        if (vtd_path_next(rig.unit, &sid, &d)) {
            assert_true(count < room);
            sids[count] = d.sid;
            states[count++] = d;
        }
    }
    return count;
}

static void test_devices_of_their_own(void **state)
{
    u16 sids[8];
    struct vtd_device_state states[8];
    struct vtd_path p;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    open_device(OTHER);
    open_device(SID);
    assert_int_equal(find_all(sids, states, 8), 2);
    assert_int_equal(sids[0], SID);
    assert_int_equal(sids[1], OTHER);
    assert_int_equal(pasid_get(&states[0].entry, PASID_PGTT), PGTT_SECOND_STAGE);
    vtd_path_get(rig.unit, OTHER, PASID, &p);
    assert_int_equal(p.count, 4);
    assert_int_equal(pasid_get((const struct pasid_entry *)(const void *)p.steps[3].w, PASID_SSPTPTR) << PAGE_SHIFT,
                     rig.other_root.v);
    /* The guest's root: nothing is there, whatever is in the other. */
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    vtd_path_get(rig.unit, SID, VTD_NO_PASID, &p);
    assert_int_equal(p.count, 1);
    assert_int_equal(find_all(sids, states, 8), 0);
    vtd_path_default(rig.unit, &states[0]);
    assert_int_equal(states[0].context[0], 0);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_OFF), OK);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, OTHER), OK);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
    assert_int_equal(find_all(sids, states, 8), 0);
    vtd_rig_stop(&rig);
}

/* One that faulted is told of, also where it goes through the default. */
static void test_faults(void **state)
{
    u16 sids[8];
    struct vtd_device_state states[8];
    struct vtd_fault fault;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_not_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_HOLE), 0);
    assert_true(vtd_fault_next(rig.unit, &fault));
    assert_int_equal(find_all(sids, states, 8), 1);
    assert_int_equal(sids[0], SID);
    assert_int_equal(states[0].faults, 1);
    assert_int_equal(states[0].punishment, 0);
    vtd_rig_stop(&rig);
}

static void test_legacy(void **state)
{
    u16 sids[8];
    struct vtd_device_state states[8];
    struct vtd_path p;
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 7, .ss_root = rig.other_root, .ss_levels = 4};
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_LEGACY);
    vtd_path_get(rig.unit, 0x01f9, VTD_NO_PASID, &p);
    assert_int_equal(p.count, 2);
    assert_true(p.legacy);
    assert_false(p.upper);
    assert_int_equal(field_get(p.steps[1].w, LEGACY_CONTEXT_SSPTPTR) << PAGE_SHIFT, rig.root.v);
    struct vtd_entry own = entry;
    own.ss_root = rig.other_root;
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, 0x01f9, VTD_NO_PASID, &own), OK);
    vtd_path_get(rig.unit, 0x01f9, VTD_NO_PASID, &p);
    assert_int_equal(field_get(p.steps[1].w, LEGACY_CONTEXT_SSPTPTR) << PAGE_SHIFT, rig.other_root.v);
    assert_int_equal(find_all(sids, states, 8), 1);
    assert_int_equal(sids[0], 0x01f9);
    assert_int_equal(states[0].pasid, VTD_NO_PASID);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default), cmocka_unit_test(test_devices_of_their_own), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_legacy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
