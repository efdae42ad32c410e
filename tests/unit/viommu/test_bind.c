/* SPDX-License-Identifier: BSD-2-Clause */
/* What guest entries become in the hardware: nested, second stage, or blocked. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, SID_2 = 0x0218, DID = 7 };
#define IOVA 0x7f12345000ull

static void pasids_and_pass_through(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    kit_start(&kit);
    u64 target = kit_device(&kit, SID, 0, DID, IOVA, NULL);
    u64 other = kit_page(&kit);
    u64 fs_other = kit_page(&kit);
    kit_map(&kit, fs_other, IOVA, other, 6);
    kit_first_stage(&kit, SID, 0x155, DID, fs_other);
    kit_pass_through(&kit, SID_2, 0, 1);
    kit_boot(&kit);
    kit_at(other)[0] = 0x55;
    assert_int_equal(kit_dma_pasid(&kit, SID, 0x155, false, IOVA, &value), 0);
    assert_int_equal(value, 0x55);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_not_equal(value, 0x55);
    assert_int_equal(kit_dma_pasid(&kit, SID, 0x156, false, IOVA, &value), 0x59);
    assert_int_equal(kit_dma(&kit, SID_2, false, target, &value), 0);
    assert_int_equal(kit_kind(&kit, SID_2, target), MODEL_KIND_SECOND_STAGE);
    /* Remove one PASID: the other stays. */
    kit_pasid_entry(&kit, SID, 0x155)[0] = 0;
    assert_true(kit_submit(&kit, 0x17 | (u64)DID << 16 | 0x155ull << 32, 0));
    assert_int_equal(kit_dma_pasid(&kit, SID, 0x155, false, IOVA, &value), 0x59);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

/*
 * Two entries that lead to one first-stage table differ in EAFE (VT-d 6.2.3.1): the second is
 * refused until they agree. A single entry may change it in place.
 */
static void one_table_has_one_eafe(void **state)
{
    (void)state;
    enum { EAFE = 1 << 7, OTHER = 9 };
    struct kit kit;
    u64 value = 0, fs_root;
    kit_start(&kit);
    fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    kit_boot(&kit);
    kit_pasid_entry(&kit, SID, 0)[2] |= EAFE;
    kit_invalidate_all(&kit);
    assert_int_equal(kit_stats(&kit).entry_refusals, 0);
    assert_null(strstr(hosted_log(), "another FSPM or EAFE"));
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    for (u32 i = 0; i < 2; i++) {
        u64 refusals = kit_stats(&kit).entry_refusals;
        hosted_clear_log();
        kit_first_stage(&kit, i == 0 ? SID : SID_2, OTHER, i == 0 ? DID : DID + 1, fs_root);
        kit_invalidate_all(&kit);
        assert_true(kit_stats(&kit).entry_refusals > refusals);
        assert_int_equal(host_attached(), 1);
        assert_non_null(strstr(hosted_log(), "another FSPM or EAFE"));
        assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
        assert_int_not_equal(kit_dma_pasid(&kit, i == 0 ? SID : SID_2, OTHER, false, IOVA, &value),
                             0);
        kit_pasid_entry(&kit, i == 0 ? SID : SID_2, OTHER)[0] = 0;
    }
    kit_first_stage(&kit, SID, OTHER, DID, fs_root);
    kit_pasid_entry(&kit, SID, OTHER)[2] |= EAFE;
    kit_invalidate_all(&kit);
    assert_int_equal(host_attached(), 2);
    assert_int_equal(kit_dma_pasid(&kit, SID, OTHER, false, IOVA, &value), 0);
    assert_int_equal(kit_stats(&kit).host_errors, 0);
    assert_true(kit_stop(&kit));
}

/*
 * A fifth table under one guest domain id and PASID is refused each time it is tried, with a line only now and
 * then.
 */
static void refusals_are_told_within_bounds(void **state)
{
    (void)state;
    enum { DEVICES = 64, ROUNDS = 1000, LINES = 16 };
    struct kit kit;
    kit_start(&kit);
    for (u16 i = 0; i < DEVICES; i++) {
        kit_first_stage(&kit, (u16)(0x100 + i), 0, DID, kit_page(&kit));
    }
    kit_queue_on(&kit);
    kit_set_root(&kit, 1);
    u32 before = hosted_log_lines();
    (void)viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | G_TE); /* one exit, no more */
    assert_in_range(hosted_log_lines() - before, 0, LINES / 2);
    kit_finish(&kit);
    for (u32 i = 0; i < ROUNDS; i++) {
        assert_true(kit_submit(&kit, 0x37, 0));
    }
    assert_in_range(hosted_log_lines() - before, 1, LINES);
    assert_true(kit_stop(&kit));
}

/* A root beyond the unit's MGAW: there is no memory, so the fault is SFS.4, as of a unit with one stage. */
static void a_first_stage_beyond_mgaw(void **state)
{
    (void)state;
    struct kit kit;
    struct kit_fault fault;
    u64 value;
    kit_start_unit(&kit, (KIT_CAP & ~(0x3full << 16)) | 38ull << 16, KIT_ECAP, NULL);
    u32 lines = hosted_log_lines();
    kit_first_stage(&kit, 0x100, 0, DID, 1ull << 40);
    kit_boot(&kit);
    assert_int_equal(host_attached(), 0);
    assert_int_equal(hosted_log_lines(), lines);
    assert_int_not_equal(kit_dma(&kit, 0x100, false, 0x1000, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x73);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pasids_and_pass_through),
        cmocka_unit_test(one_table_has_one_eafe),
        cmocka_unit_test(refusals_are_told_within_bounds),
        cmocka_unit_test(a_first_stage_beyond_mgaw),
    };
    return cmocka_run_group_tests_name("viommu_bind", tests, NULL, NULL);
}
