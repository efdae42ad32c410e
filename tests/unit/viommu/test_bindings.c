/* SPDX-License-Identifier: BSD-2-Clause */
/* Quotas on bindings; none on guest domain ids. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, DID = 7 };
#define IOVA 0x7f12345000ull

static void quotas_block_and_say_so(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    const struct viommu_config quotas = {.max_bindings = 3};
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    for (u16 i = 0; i < 8; i++) {
        kit_first_stage(&kit, (u16)(SID + i * 8), 0, DID, fs_root);
    }
    u32 lines = hosted_log_lines();
    kit_boot(&kit);
    assert_int_equal(host_attached(), 3);
    assert_int_equal(hosted_log_lines(), lines + 5);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&kit, SID + 56, false, IOVA, &value), 0);
    /* Room again: the blocked ones are taken when the guest announces them. */
    kit_pasid_entry(&kit, SID, 0)[0] = 0;
    kit_invalidate_all(&kit);
    assert_int_equal(host_attached(), 3);
    /* A guest that goes on like that is told of again, ever more seldom: at the 16th, 64th, 256th and 1,024th. */
    for (u32 i = 0; i < 300; i++) {
        kit_invalidate_all(&kit);
    }
    assert_int_equal(kit_stats(&kit).quota_refusals, 5 + 301 * 4);
    assert_int_equal(hosted_log_lines(), lines + 8 + 4 + 1); /* and the fault */
    assert_true(kit_stop(&kit));
}

/* One domain for each function, as Linux does it: as many as the unit has ids. */
static void a_domain_for_each_of_300_functions(void **state)
{
    (void)state;
    enum { FUNCTIONS = 300 };
    struct kit kit;
    u64 value;
    kit_start(&kit);
    u64 tables = kit_page(&kit); /* one set of lower tables, and a root for each device */
    kit_map(&kit, tables, IOVA, kit_page(&kit), 6);
    for (u16 i = 0; i < FUNCTIONS; i++) {
        u64 root = kit_page(&kit);
        memcpy(kit_at(root), kit_at(tables), PAGE_SIZE);
        kit_first_stage(&kit, (u16)(0x1000 + i), 0, (u16)(2 + i), root);
    }
    kit_boot(&kit);
    for (u16 i = 0; i < FUNCTIONS; i++) {
        assert_int_equal(kit_dma(&kit, (u16)(0x1000 + i), false, IOVA, &value), 0);
    }
    assert_int_equal(kit_stats(&kit).quota_refusals, 0);
    assert_int_equal(host_domain_ids_used(), FUNCTIONS);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_block_and_say_so),
        cmocka_unit_test(a_domain_for_each_of_300_functions),
    };
    return cmocka_run_group_tests_name("viommu_bindings", tests, NULL, NULL);
}
