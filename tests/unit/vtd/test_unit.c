/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver on the reference model: taking a unit over, covering everything, single devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

static void every_source_id_is_covered(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const u16 sids[] = {0, 9, 0x18, 0x80, 0xff, 0x100, 0x7fff, 0xffff};
    for (u32 i = 0; i < ARRAY_LEN(sids); i++) {
        assert_int_equal(vtd_rig_dma(&rig, sids[i], VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        assert_int_equal(vtd_rig_dma(&rig, sids[i], VTD_NO_PASID, true, VTD_RIG_HOLE), 0x79);
        assert_int_equal(vtd_rig_dma(&rig, sids[i], 5, true, VTD_RIG_GPA), 0x45);
    }
    assert_true(hosted_pages_used() <= 11 + 8); /* unit 1, queue 4, status 1, off 4, guest 1; the two second stages */
    vtd_rig_stop(&rig);
}

static void a_device_of_its_own_and_back(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_context context = {.pasids = 1024};
    u32 pages = hosted_pages_used();
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, 9, &context), OK);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_rig_dma(&rig, 9, 7, true, VTD_RIG_GPA), 0x59);
    assert_int_equal(vtd_rig_dma(&rig, 9, 70, true, VTD_RIG_GPA), 0x51);
    struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.other_root,
                              .ss_levels = 4};
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, 9, 70, &entry), OK);
    assert_int_equal(vtd_rig_dma(&rig, 9, 70, true, VTD_RIG_GPA), 0x79);
    assert_int_equal(vtd_rig_dma(&rig, 9, 70, true, VTD_RIG_OTHER), 0);
    /* Replaced live: the old mapping is gone, the new one is there. */
    entry.did = 3;
    entry.ss_root = rig.root;
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, 9, 70, &entry), OK);
    assert_int_equal(vtd_rig_dma(&rig, 9, 70, true, VTD_RIG_OTHER), 0x79);
    assert_int_equal(vtd_rig_dma(&rig, 9, 70, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_OFF, 9, 70), OK);
    assert_int_equal(vtd_rig_dma(&rig, 9, 70, true, VTD_RIG_GPA), 0x59);
    assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_OFF, 9, 70), ERR_NOT_FOUND);
    assert_int_equal(vtd_rig_dma(&rig, 10, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, 9), OK);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_rig_dma(&rig, 9, 70, true, VTD_RIG_GPA), 0x45);
    assert_true(hosted_pages_used() <= pages + 1); /* the half bus keeps its context table */
    vtd_rig_stop(&rig);
}

static void the_guest_root_blocks_what_it_does_not_list(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_context context = {0};
    const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 1, .ss_root = rig.root,
                                    .ss_levels = 4};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, 0x18, &context), OK);
    assert_int_equal(vtd_rig_dma(&rig, 0x18, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    assert_int_equal(vtd_rig_dma(&rig, 0x18, VTD_NO_PASID, true, VTD_RIG_GPA), 0x51);
    assert_int_equal(vtd_rig_dma(&rig, 0x19, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
    assert_int_equal(vtd_rig_dma(&rig, 0x118, VTD_NO_PASID, true, VTD_RIG_GPA), 0x39);
    assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, 0x18, VTD_NO_PASID, &entry), OK);
    assert_int_equal(vtd_rig_dma(&rig, 0x18, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_root_clear_guest(rig.unit, NULL), ERR_BUSY);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_OFF), OK);
    assert_int_equal(vtd_rig_dma(&rig, 0x118, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_root_clear_guest(rig.unit, NULL), OK);
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    assert_int_equal(vtd_rig_dma(&rig, 0x18, VTD_NO_PASID, true, VTD_RIG_GPA), 0x39);
    vtd_rig_stop(&rig);
}

static void taken_over_from_any_state(void **state)
{
    (void)state;
    /* bit 0: TE on with firmware's own root, bit 1: its queue on, bit 2: faults pending */
    for (u32 left = 0; left < 8; left++) {
        for (u32 kind = VTD_RIG_SERVER; kind <= VTD_RIG_LEGACY; kind++) {
            struct vtd_rig rig;
            vtd_rig_prepare(&rig, (enum vtd_rig_kind)kind);
            vtd_rig_firmware(&rig, left);
            vtd_rig_take_over(&rig);
            assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
            assert_int_not_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_HOLE), 0);
            vtd_rig_stop(&rig);
        }
    }
}

static void a_unit_that_hangs_is_an_error(void **state)
{
    (void)state;
    const struct model_faults hangs[] = {{.gcmd_hang = true}, {.queue_hang = true}};
    for (u32 i = 0; i < ARRAY_LEN(hangs); i++) {
        struct vtd_rig rig;
        vtd_rig_prepare(&rig, VTD_RIG_SERVER);
        model_set_faults(rig.model, &hangs[i]);
        assert_int_equal(vtd_takeover(rig.unit, &rig.def), ERR_TIMEOUT);
        assert_non_null(strstr(hosted_log(), "unit 0"));
        model_set_faults(rig.model, &(struct model_faults){0});
        model_kick(rig.model);
        vtd_rig_stop(&rig);
    }
}

static void a_refused_descriptor_loses_no_other(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_desc good = vtd_desc_iotlb_global(), bad = {{0x0f, 0, 0, 0}};
    const struct vtd_desc batch[] = {good, bad, good, bad, good};
    u64 before = model_counters(rig.model)->descriptors[MODEL_DESC_IOTLB];
    assert_int_equal(vtd_queue_run(rig.unit, batch, ARRAY_LEN(batch)), ERR_QUEUE);
    assert_int_equal(model_counters(rig.model)->descriptors[MODEL_DESC_IOTLB], before + 3);
    assert_int_equal(vtd_queue_run(rig.unit, &good, 1), OK);
    /* The ring wraps many times over. */
    for (u32 i = 0; i < 2000; i++) {
        assert_int_equal(vtd_queue_run(rig.unit, &good, 1), OK);
    }
    vtd_rig_stop(&rig);
}

static void capabilities_that_make_no_sense(void **state)
{
    (void)state;
    for (u32 kind = VTD_RIG_NO_QUEUE; kind < VTD_RIG_KINDS; kind++) {
        struct vtd_rig rig;
        hosted_reset();
        vtd_rig_model(&rig, (enum vtd_rig_kind)kind);
        assert_int_equal(vtd_unit_probe((hpa_t){VTD_RIG_BASE}, 0, 0, 47, &rig.unit),
                         ERR_UNSUPPORTED);
        assert_int_equal(hosted_log_lines(), 1);
        assert_int_equal(hosted_pages_used(), 0);
    }
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    for (u32 n = 0;; n++) {
        struct vtd_rig rig;
        vtd_rig_prepare(&rig, VTD_RIG_SERVER);
        u32 before = hosted_pages_used();
        const struct vtd_context context = {.pasids = 100000};
        const struct vtd_entry entry = {.pgtt = PGTT_SECOND_STAGE, .did = 2, .ss_root = rig.root,
                                        .ss_levels = 4};
        hosted_fail_after(n);
        enum result r = vtd_takeover(rig.unit, &rig.def);
        r = r == OK ? vtd_device_open(rig.unit, VTD_ROOT_OFF, 9, &context) : r;
        r = r == OK ? vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, 9, 90000, &entry) : r;
        hosted_fail_after(UINT32_MAX);
        if (r == OK) {
            vtd_rig_stop(&rig);
            assert_true(n > 8);
            return;
        }
        assert_int_equal(r, ERR_NO_MEMORY);
        assert_true(hosted_pages_used() >= before);
        if (rig.unit->taken) {
            /* What was covered stays covered. */
            assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        }
        vtd_rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_source_id_is_covered),
        cmocka_unit_test(a_device_of_its_own_and_back),
        cmocka_unit_test(the_guest_root_blocks_what_it_does_not_list),
        cmocka_unit_test(taken_over_from_any_state),
        cmocka_unit_test(a_unit_that_hangs_is_an_error),
        cmocka_unit_test(a_refused_descriptor_loses_no_other),
        cmocka_unit_test(capabilities_that_make_no_sense),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
