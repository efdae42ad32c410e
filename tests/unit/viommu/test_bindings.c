/* Quotas on bindings and on guest domain ids. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, DID = 7 };
#define IOVA 0x7f12345000ull

static void quotas_block_and_say_so_once(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    const struct viommu_config quotas = {.max_bindings = 3, .max_domains = 2};
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    for (u16 i = 0; i < 8; i++) {
        kit_first_stage(&kit, (u16)(SID + i * 8), 0, DID, fs_root);
    }
    u32 lines = hosted_log_lines();
    kit_boot(&kit);
    assert_int_equal(host_attached(), 3);
    assert_int_equal(hosted_log_lines(), lines + 1);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&kit, SID + 56, false, IOVA, &value), 0);
    /* Room again: the blocked ones are taken when the guest announces them. */
    kit_pasid_entry(&kit, SID, 0)[0] = 0;
    kit_invalidate_all(&kit);
    assert_int_equal(host_attached(), 3);
    assert_int_equal(hosted_log_lines(), lines + 2); /* the fault; no second line of the quota */
    assert_true(kit_stop(&kit));
}

static void domain_ids_are_counted(void **state)
{
    (void)state;
    const struct viommu_config quotas = {.max_domains = 3};
    struct kit kit;
    kit_start_with(&kit, &quotas);
    for (u16 i = 0; i < 6; i++) {
        (void)kit_device(&kit, (u16)(SID + 8 * i), 0, (u16)(DID + i), IOVA, NULL);
    }
    u32 lines = hosted_log_lines();
    kit_boot(&kit);
    assert_int_equal(host_attached(), 3);
    assert_int_equal(host_domain_ids_used(), 3);
    assert_int_equal(kit_stats(&kit).quota_refusals, 3);
    assert_int_equal(hosted_log_lines(), lines + 1);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_block_and_say_so_once),
        cmocka_unit_test(domain_ids_are_counted),
    };
    return cmocka_run_group_tests_name("viommu_bindings", tests, NULL, NULL);
}
