/* SPDX-License-Identifier: BSD-2-Clause */
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

/* Whatever guest entries are made of, the pool loses no more pages than the quota says. */
static void the_quota_covers_everything(void **state)
{
    enum { PAGES = 200 };
    (void)state;
    const struct viommu_config quotas = {.max_table_pages = PAGES};
    static const struct { u32 devices, stride, pasids, pasid_stride; } cases[] = {
        {120, 1, 1, 0},        /* neighbours, as virtual functions are */
        {120, 128, 1, 0},      /* each in a half bus of its own */
        {2, 8, 600, 1},        /* many PASIDs in few tables: records, ids, nested domains */
        {2, 8, 200, 64},       /* each PASID in a table of its own */
    };
    for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit kit;
        kit_start_with(&kit, &quotas);
        u32 before = hosted_pages_used();
        u64 fs_root = kit_page(&kit);
        for (u32 k = 0; k < cases[i].devices; k++) {
            for (u32 n = 0; n < cases[i].pasids; n++) {
                kit_first_stage(&kit, (u16)(SID + k * cases[i].stride), n * cases[i].pasid_stride,
                                (u16)(DID + k * cases[i].pasids + n), fs_root + (n % 8) * PAGE_SIZE);
            }
        }
        kit_boot(&kit);
        assert_in_range(hosted_pages_used() - before, 1, PAGES);
        assert_int_not_equal(host_attached(), 0);
        assert_true(kit_stop(&kit));
    }
}

/* One guest directory of 32 pages, listed by 140 devices, with one entry in its first page. */
static void a_large_directory_costs_what_is_used_of_it(void **state)
{
    enum { DEVICES = 140 };
    (void)state;
    struct kit kit;
    kit_start(&kit);
    u64 directory = kit_pages(&kit, 32);
    u64 fs_root = kit_page(&kit);
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    u64 *context = kit_context(&kit, SID, 0, 0);
    kit_at(directory)[0] = kit_at(context[0] & ~PAGE_MASK)[0];
    for (u16 i = 0; i < DEVICES; i++) {
        kit_context(&kit, (u16)(SID + i), 0, 0)[0] = directory | 7u << 9 | 1u << 3 | 1;
    }
    u32 before = hosted_pages_used();
    kit_boot(&kit);
    assert_int_equal(host_attached(), DEVICES);
    assert_in_range(hosted_pages_used() - before, 2 * DEVICES, 2 * DEVICES + 32);
    assert_true(kit_stop(&kit));
}

/* The host's directory follows the highest PASID that is present, while the device goes on. */
static void a_directory_grows(void **state)
{
    (void)state;
    static const u32 pasids[] = {1u << 15, (1u << 17) + 5, (1u << 20) - 1, 1};
    struct kit kit;
    u64 value;
    kit_start(&kit);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    u64 directory = kit_pages(&kit, 32);
    kit_context(&kit, SID, 0, 0)[0] = directory | 7u << 9 | 1u << 3 | 1;
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    kit_boot(&kit);
    for (u32 i = 0; i < sizeof(pasids) / sizeof(pasids[0]); i++) {
        assert_int_not_equal(kit_dma_pasid(&kit, SID, pasids[i], true, IOVA, &value), 0);
        kit_first_stage(&kit, SID, pasids[i], DID, fs_root);
        assert_true(kit_submit(&kit, 0x17 | DID << 16 | (u64)pasids[i] << 32, 0));
        assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
        for (u32 k = 0; k <= i; k++) {
            assert_int_equal(kit_dma_pasid(&kit, SID, pasids[k], true, IOVA, &value), 0);
        }
    }
    assert_int_equal(host_attached(), 5);
    assert_true(kit_stop(&kit));
}

/* What a unit has for itself goes first; of the rest, who asks first; what is let go of is everybody's again. */
static void units_share_the_rest(void **state)
{
    (void)state;
    struct viommu_quota rest = {.pages = 6};
    const struct viommu_config quotas = {.max_table_pages = 12, .shared = &rest};
    struct kit kit;
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    for (u32 i = 0; i < 24; i++) { /* each PASID in a table of its own */
        kit_first_stage(&kit, SID, i * 64, DID, fs_root);
    }
    kit_boot(&kit);
    assert_int_equal(rest.pages, 0);
    u32 with_rest = host_attached();
    kit_translate(&kit, false);
    assert_int_equal(rest.pages, 6);
    rest.pages = 0; /* another unit has them */
    kit_translate(&kit, true);
    assert_int_equal(with_rest - host_attached(), 6);
    assert_true(kit_stop(&kit));
    assert_int_equal(rest.pages, 0);
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
        cmocka_unit_test(the_quota_covers_everything),
        cmocka_unit_test(a_large_directory_costs_what_is_used_of_it),
        cmocka_unit_test(a_directory_grows),
        cmocka_unit_test(units_share_the_rest),
        cmocka_unit_test(one_domain_with_many_tables),
        cmocka_unit_test(every_failed_allocation),
        cmocka_unit_test(fewer_pasids_than_the_directory_covers),
    };
    return cmocka_run_group_tests_name("viommu_host", tests, NULL, NULL);
}
