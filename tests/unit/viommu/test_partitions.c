/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two partitions behind one unit: the guest of the kit, which has a unit to see, and a second one whose device is
 * second-stage only, at the source-ids that the kit calls foreign. Whatever the first one does, the second's device
 * reaches the second's memory, and nobody learns of the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/domain/domain.h"
#include "tests/support/guest_kit.h"

enum {
    SID = 0x0108,
    FOREIGN_SID = KIT_FOREIGN,
    IOVA = 0x200000,
    OTHER_BASE = KIT_RAM_END,   /* where the second one's memory is in the machine; to its device it begins at 0 */
    OTHER_SIZE = 0x200000,
};
#define OTHER_VALUE 0xa5a5a5a55a5a5a5aull

struct two {
    struct kit kit;
    struct domain *other;
};

static void start(struct two *t)
{
    static const struct vtd_context plain = {.pasids = 0};
    struct vtd_unit_info info;
    kit_start(&t->kit);
    t->kit.shared = true;
    vtd_unit_get_info(host_unit(), &info);
    const struct domain_config config = {.levels = 4, .page_sizes = info.ss_page_sizes, .coherent = info.coherent,
                                         .partition = 1};
    assert_int_equal(domain_create(&config, &t->other), OK);
    assert_int_equal(domain_map(t->other, (gpa_t){0}, (hpa_t){OTHER_BASE}, OTHER_SIZE, PROT_READ | PROT_WRITE, MEM_WB),
                     OK);
    assert_int_equal(vtd_own_add(host_unit(), FOREIGN_SID), OK);
    assert_int_equal(vtd_device_open(host_unit(), VTD_ROOT_OWN_OFF, FOREIGN_SID, &plain), OK);
    assert_int_equal(domain_attach(t->other, host_unit(), VTD_ROOT_OWN_OFF, FOREIGN_SID, VTD_NO_PASID), OK);
    assert_int_equal(vtd_own_block(host_unit(), FOREIGN_SID, false), OK);
    kit_at(OTHER_BASE)[0] = OTHER_VALUE;
    hosted_clear_log();
}

static void stop(struct two *t)
{
    assert_int_equal(domain_detach(t->other, host_unit(), VTD_ROOT_OWN_OFF, FOREIGN_SID, VTD_NO_PASID), OK);
    assert_int_equal(domain_destroy(t->other), OK);
    assert_true(kit_stop(&t->kit));
}

/* The second one's device reads what is at its address 0, and nothing beyond its memory. */
static void expect_other_untouched(struct two *t)
{
    u64 value = 0;
    assert_int_equal(kit_dma(&t->kit, FOREIGN_SID, false, 0, &value), 0);
    assert_int_equal(value, OTHER_VALUE);
    assert_int_equal(kit_kind(&t->kit, FOREIGN_SID, 0), MODEL_KIND_SECOND_STAGE);
    assert_int_not_equal(kit_kind(&t->kit, FOREIGN_SID, OTHER_SIZE), MODEL_KIND_SECOND_STAGE);
}

/* With and without PASIDs, as what the other has and as something else; then dropped, one way or the other. */
static void a_guest_that_lists_a_foreign_device_has_none(void **state)
{
    (void)state;
    struct two t;
    struct kit_fault fault;
    u64 value = 0;
    start(&t);
    kit_boot(&t.kit);
    expect_other_untouched(&t);
    u64 page = kit_device(&t.kit, SID, 0, 1, IOVA, NULL);
    u64 *listed = kit_context(&t.kit, FOREIGN_SID, 0, 0);
    u64 root = kit_page(&t.kit);
    kit_map(&t.kit, root, 0, page, 6);
    kit_first_stage(&t.kit, FOREIGN_SID, 0, 1, root);
    kit_invalidate_all(&t.kit);
    expect_other_untouched(&t);
    assert_int_equal(kit_dma(&t.kit, SID, false, IOVA, &value), 0);
    assert_int_equal(kit_stats(&t.kit).binds, 1);
    assert_int_equal(kit_stats(&t.kit).foreign_devices, 1);
    assert_non_null(strstr(hosted_log(), "viommu: partition 0 lists 80:02.0, which is another partition's"));
    listed[0] |= 1u << 3;
    kit_pass_through(&t.kit, FOREIGN_SID, 0, 1);
    assert_true(kit_submit(&t.kit, 0x31 | (u64)FOREIGN_SID << 32, 0));
    expect_other_untouched(&t);
    assert_int_equal(kit_stats(&t.kit).foreign_devices, 2);
    listed[0] = 0;
    assert_true(kit_submit(&t.kit, 0x31 | (u64)FOREIGN_SID << 32, 0));
    expect_other_untouched(&t);
    kit_translate(&t.kit, false);
    expect_other_untouched(&t);
    assert_int_equal(kit_stats(&t.kit).host_errors, 0);
    assert_int_equal(kit_stats(&t.kit).foreign_devices, 2);
    assert_false(kit_take_fault(&t.kit, &fault) && fault.sid == SID);
    stop(&t);
}

/* Told on the console, and nothing that the guest's registers show. */
static void faults_of_a_foreign_device_are_not_the_guests(void **state)
{
    (void)state;
    struct two t;
    struct kit_fault fault;
    u64 value = 0;
    start(&t);
    kit_boot(&t.kit);
    (void)kit_context(&t.kit, FOREIGN_SID, 0, 0);
    kit_invalidate_all(&t.kit);
    assert_int_not_equal(kit_dma(&t.kit, FOREIGN_SID, true, OTHER_SIZE, &value), 0);
    assert_int_not_equal(kit_dma_pasid(&t.kit, FOREIGN_SID, 5, true, 0, &value), 0);
    assert_int_not_equal(kit_dma(&t.kit, SID, true, 0x5000, &value), 0);
    assert_true(kit_take_fault(&t.kit, &fault));
    assert_int_equal(fault.sid, SID);
    assert_false(kit_take_fault(&t.kit, &fault));
    assert_int_equal(kit_stats(&t.kit).hidden_faults, 2);
    assert_non_null(strstr(hosted_log(), "unit 0: 80:02.0 write 0x200000"));
    stop(&t);
}

/* The first one's unit is reset with devices of its own on both sides of the other's, and comes back. */
static void a_reset_leaves_the_others_entries(void **state)
{
    (void)state;
    static const u16 own[] = {SID, FOREIGN_SID - 1, KIT_FOREIGN_END};
    struct two t;
    u64 value = 0;
    start(&t);
    for (u32 i = 0; i < 3; i++) {
        kit_boot(&t.kit);
        u64 page = kit_device(&t.kit, own[i], 0, 1, IOVA, NULL);
        kit_pass_through(&t.kit, own[i], 70, 2);
        kit_invalidate_all(&t.kit);
        assert_int_equal(kit_dma(&t.kit, own[i], false, IOVA, &value), 0);
        assert_int_equal(kit_dma_pasid(&t.kit, own[i], 70, false, page, &value), 0);
        expect_other_untouched(&t);
        assert_int_equal(viommu_reset(t.kit.v), OK);
        assert_int_equal(host_attached(), 1);
        expect_other_untouched(&t);
        memset(kit_at(t.kit.root), 0, PAGE_SIZE);
    }
    kit_boot(&t.kit);
    expect_other_untouched(&t);
    assert_int_not_equal(kit_dma(&t.kit, SID, false, IOVA, &value), 0);
    stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_that_lists_a_foreign_device_has_none),
        cmocka_unit_test(a_reset_leaves_the_others_entries),
        cmocka_unit_test(faults_of_a_foreign_device_are_not_the_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
