/* What the guest's entries cost the host: table pages and domain ids; and what happens when there are none left. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, SID_2 = 0x0218, DID = 7 };
#define IOVA 0x7f12345000ull

static void table_pages_are_counted(void **state)
{
    (void)state;
    const struct viommu_config quotas = {.max_table_pages = 12};
    struct kit kit;
    u64 value = 0;
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    for (u32 i = 1; i < 24; i++) { /* each PASID in a table page of its own */
        kit_first_stage(&kit, SID, i * 64, DID, fs_root);
    }
    kit_boot(&kit);
    assert_in_range(host_attached(), 4, 11);
    assert_true(hosted_pages_used() - kit.pages_before < 40);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    u32 bound = host_attached();
    /* Moving on from one PASID to the next does not get it more pages. */
    for (u32 i = 1; i < 24; i++) {
        kit_pasid_entry(&kit, SID, i * 64)[0] = 0;
        kit_invalidate_all(&kit);
    }
    assert_true(host_attached() < bound);
    assert_true(hosted_pages_used() - kit.pages_before < 40);
    /* A device that lets go of everything gets its room back. */
    kit_translate(&kit, false);
    for (u32 i = 1; i < 4; i++) {
        kit_first_stage(&kit, SID, i * 64, DID, fs_root);
    }
    kit_translate(&kit, true);
    assert_int_equal(host_attached(), 4);
    assert_true(kit_stop(&kit));
}

/* One PASID under one guest domain id with two tables: the ids split, a bounded number of times. */
static void one_domain_with_many_tables(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    u32 reached = 0;
    kit_start(&kit);
    for (u16 i = 0; i < 8; i++) {
        (void)kit_device(&kit, (u16)(SID + 8 * i), 0, DID, IOVA, NULL);
    }
    kit_boot(&kit);
    for (u16 i = 0; i < 8; i++) {
        reached += kit_dma(&kit, (u16)(SID + 8 * i), true, IOVA, &value) == 0;
    }
    assert_int_equal(reached, host_attached());
    assert_in_range(reached, 2, 7);
    /* An invalidation by the guest's id reaches all of them. */
    assert_true(kit_submit(&kit, 0x26 | DID << 16, 0));
    assert_true(kit_stop(&kit));
}

static void every_failed_allocation(void **state)
{
    (void)state;
    for (u32 n = 0; n < 12; n++) {
        struct kit kit;
        u64 fs_root, value = 0;
        kit_start(&kit);
        (void)kit_device(&kit, SID, 0, DID, IOVA, &fs_root);
        kit_first_stage(&kit, SID_2, 0x41, DID, fs_root);
        hosted_fail_after(n);
        kit_boot(&kit);
        u8 reason = kit_dma(&kit, SID, false, IOVA, &value);
        assert_true(reason == 0 || (n < 9 && reason != 0));
        hosted_fail_after(UINT32_MAX);
        kit_invalidate_all(&kit);
        assert_true(kit_stop(&kit));
    }
}

/*
 * PSS below what the smallest directory covers (PDTS 0: 8,192), and below the largest: PASIDs beyond it fault,
 * VT-d 9.4.
 */
static void fewer_pasids_than_the_directory_covers(void **state)
{
    (void)state;
    static const struct { u64 pss, pdts; } cases[] = {{7, 0}, {7, 7}, {12, 7}, {0, 0}, {5, 3}};
    for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit kit;
        u64 value;
        u64 ecap = (KIT_ECAP & ~(0x1full << 35)) | cases[i].pss << 35;
        kit_start_unit(&kit, KIT_CAP, ecap, NULL);
        u32 lines = hosted_log_lines();
        (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
        kit_context(&kit, SID, 1u << 3 | cases[i].pdts << 9, 0);
        kit_boot(&kit);
        assert_int_equal(host_attached(), 1);
        assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
        assert_int_equal(hosted_log_lines(), lines);
        assert_true(kit_stop(&kit));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_pages_are_counted),
        cmocka_unit_test(one_domain_with_many_tables),
        cmocka_unit_test(every_failed_allocation),
        cmocka_unit_test(fewer_pasids_than_the_directory_covers),
    };
    return cmocka_run_group_tests_name("viommu_host", tests, NULL, NULL);
}
