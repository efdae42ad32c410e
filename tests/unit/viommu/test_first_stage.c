/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults below a valid PASID entry, in the words of a unit that has one stage: by every bit of the
 * first-stage entries, and where they lead out of the partition. */
#include "iommu/spec/entries.h"
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_tables.h"

enum { SID = TABLES_SID, PASID = TABLES_PASID, DID = TABLES_DID };
#define IOVA TABLES_IOVA

static void first_stage_bits(void **state)
{
    (void)state;
    for (u32 where = FS4; where <= FS1; where++) {
        tables_each_bit(where);
    }
}

static void pages_outside_the_partition(void **state)
{
    (void)state;
    static const struct { u32 where; u64 value; u8 reason; } cases[] = {
        {FS1, HOSTED_POOL | 0x67, 0x71}, {FS1, 0x67, 0x71}, {FS1, KIT_RAM_END | 0x67, 0x71},
        {FS1, 1ull << KIT_HAW | 0x67, 0x72}, {FS1, HOST_UNIT_BASE | 0x67, 0x71},
        {FS1, 0xfee00067, 0x87}, {FS2, HOSTED_POOL | 0xe7, 0x71}, {FS2, HOSTED_POOL | 0x27, 0x70},
        {FS3, HOSTED_POOL | 0x27, 0x70}, {FS4, 1ull << KIT_HAW | 0x27, 0x72},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (u32 write = 0; write <= 1; write++) {
            struct kit_fault fault;
            struct tables t;
            u64 value = 0;
            tables_build(&t, true);
            kit_at(t.place[cases[i].where].at)[0] = cases[i].value;
            kit_boot(&t.p.kit);
            assert_int_not_equal(kit_dma_pasid(&t.p.kit, SID, PASID, write, IOVA, &value), 0);
            assert_true(kit_take_fault(&t.p.kit, &fault));
            assert_int_equal(fault.reason, cases[i].reason);
            assert_int_equal(fault.sid, SID);
            assert_true(fault.has_pasid);
            assert_int_equal(fault.pasid, PASID);
            assert_int_equal(fault.addr, IOVA);
            assert_int_equal(fault.read, !write);
            assert_true(pair_stop(&t.p));
        }
    }
}

static void bad_first_stage_faults_like_one_stage(void **state)
{
    (void)state;
    struct kit kit;
    u64 fs_root, value = 0;
    struct kit_fault fault;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, &fs_root);
    kit_map(&kit, fs_root, IOVA + 0x1000, HOSTED_POOL, 6);   /* Nestor's own memory */
    kit_map(&kit, fs_root, IOVA + 0x2000, kit_page(&kit), 4); /* read-only */
    kit_at(fs_root)[1] = HOSTED_POOL | 0x27;                  /* a table there */
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA + 0x1000, &value), 0x79);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x71);
    assert_int_equal(fault.addr, IOVA + 0x1000);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA + 0x2000, &value), 0x85);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x85);
    assert_false(fault.read);
    assert_int_not_equal(kit_dma(&kit, SID, false, 1ull << 39, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x70);
    assert_true(kit_stop(&kit));
}

/* Each entry on the way, as it stands in guest memory; what is not there ends it. */
static void a_trace(void **state)
{
    struct kit kit;
    struct viommu_step steps[5];
    u64 fs_root;
    bool readable;
    (void)state;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, &fs_root);
    u64 reads = kit.reads;
    assert_int_equal(viommu_trace(kit.v, (gpa_t){fs_root}, false, IOVA, steps, &readable), 4);
    assert_int_equal(kit.reads - reads, 4);
    assert_true(readable);
    for (u32 i = 0; i < 4; i++) {
        assert_int_equal(steps[i].level, 4 - i);
        assert_true(steps[i].entry == *kit_at(steps[i].at.v));
        assert_int_equal(steps[i].at.v & ~PAGE_MASK,
                         i == 0 ? fs_root : steps[i - 1].entry & field_mask(FS_ADDR));
    }
    assert_int_equal(viommu_trace(kit.v, (gpa_t){fs_root}, false, 1ull << 39, steps, &readable), 1);
    assert_true(readable && steps[0].entry == 0);
    /* A table in nobody's memory; one that names itself is read five times and no more. */
    kit_at(fs_root)[2] = HOSTED_POOL | 0x27;
    assert_int_equal(viommu_trace(kit.v, (gpa_t){fs_root}, false, 2ull << 39, steps, &readable), 1);
    assert_false(readable);
    kit_at(fs_root)[0] = fs_root | 0x27;
    assert_int_equal(viommu_trace(kit.v, (gpa_t){fs_root}, true, 0, steps, &readable), 5);
    assert_true(readable);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_stage_bits),
        cmocka_unit_test(pages_outside_the_partition),
        cmocka_unit_test(bad_first_stage_faults_like_one_stage),
        cmocka_unit_test(a_trace),
    };
    return cmocka_run_group_tests_name("viommu_first_stage", tests, NULL, NULL);
}
