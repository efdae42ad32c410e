/* SPDX-License-Identifier: BSD-2-Clause */
/* Announced changes are found in the guest's tables, whatever their size, within the budget. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, DID = 7 };
#define IOVA 0x7f12345000ull

static void new_entry_by_invalidation(void **state)
{
    (void)state;
    struct kit kit;
    u64 fs_root, value = 0;
    kit_start(&kit);
    kit_boot(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, &fs_root);
    assert_int_not_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_submit(&kit, 0x31 | (u64)SID << 32, 0));       /* what Linux sends: DID 0 */
    assert_true(kit_submit(&kit, 0x17 | (u64)DID << 16, 0));
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    /* Map costs nothing: a store, no exit, no invalidation. */
    u64 exits = kit_stats(&kit).exits;
    u64 more = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA + PAGE_SIZE, more, 6);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA + PAGE_SIZE, &value), 0);
    assert_int_equal(kit_stats(&kit).exits, exits);
    assert_true(kit_stop(&kit));
}

static void global_invalidation_is_bounded(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    /* Every source-id leads to one context with the largest directory, full of one empty table. */
    u64 contexts = kit_page(&kit);
    u64 directory = kit_pages(&kit, 32);
    u64 table = kit_page(&kit);
    for (u32 i = 0; i < 512; i++) {
        kit_at(kit.root)[i] = contexts | 1;
    }
    for (u32 i = 0; i < 128; i++) {
        kit_at(contexts)[i * 4] = directory | 7u << 9 | 8 | 1;
    }
    for (u32 i = 0; i < 16384; i++) {
        kit_at(directory)[i] = table | 1;
    }
    kit_queue_on(&kit);
    kit_set_root(&kit, 1);
    assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, G_TE | G_QIE));
    u64 most = 0;
    for (u32 i = 0; i < 20000; i++) {
        u64 before = kit.reads;
        assert_true(kit_run(&kit, VIOMMU_BUDGET));
        most = kit.reads - before > most ? kit.reads - before : most;
    }
    assert_true(most <= VIOMMU_BUDGET);
    u64 status;
    (void)viommu_mmio_read(kit.v, R_GSTS, 4, &status);
    assert_int_equal(status & G_TE, 0); /* what is not done must not look done */
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_entry_by_invalidation),
        cmocka_unit_test(global_invalidation_is_bounded),
    };
    return cmocka_run_group_tests_name("viommu_scan", tests, NULL, NULL);
}
