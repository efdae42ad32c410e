/* The whole vIOMMU on a reference unit: guest tables in, DMA and faults out. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, SID_2 = 0x0218, DID = 7, ALL_STATUS = G_TE | G_SRTP | G_QIE };
#define IOVA 0x7f12345000ull

static void nested_from_te_on(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    kit_start(&kit);
    u64 target = kit_device(&kit, SID, 0, DID, IOVA, NULL);
    assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE); /* off root */
    kit_boot(&kit);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), ALL_STATUS);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_equal(value, KIT_VALUE);
    assert_int_equal(kit_kind(&kit, SID, IOVA), MODEL_KIND_NESTED);
    assert_int_not_equal(kit_dma(&kit, SID_2, false, target, &value), 0); /* not listed: blocked */
    assert_true(kit_stop(&kit));
}

static void maps_are_free(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    u64 fs_root = kit_pasid_entry(&kit, SID, 0)[2];
    struct viommu_stats before = kit_stats(&kit);
    for (u32 i = 1; i < 64; i++) {
        kit_map(&kit, fs_root, IOVA + i * PAGE_SIZE, kit_page(&kit), 6);
        assert_int_equal(kit_dma(&kit, SID, true, IOVA + i * PAGE_SIZE, &value), 0);
    }
    struct viommu_stats after = kit_stats(&kit);
    assert_memory_equal(&before, &after, sizeof(before));
    /* An unmap of all of them is one exit and two descriptors to the unit. */
    u64 tail = kit_queue(&kit, 0, 0x26 | DID << 16, 0);
    tail = kit_queue(&kit, tail, 0x25 | 2ull << 32, kit_page(&kit));
    kit_write(&kit, R_IQT, 8, tail);
    after = kit_stats(&kit);
    assert_int_equal(after.exits, before.exits + 1);
    assert_int_equal(after.forwarded, before.forwarded + 2);
    assert_int_equal(after.batches, before.batches + 1);
    assert_true(kit_stop(&kit));
}

/* A reset in the middle of a walk, of a full queue, and of a command. */
static void reset_at_any_time(void **state)
{
    (void)state;
    for (u32 steps = 1; steps < 400; steps += 13) {
        struct kit kit;
        u64 value = 0;
        kit_start(&kit);
        u64 target = kit_device(&kit, SID, 0, DID, IOVA, NULL);
        (void)kit_device(&kit, SID, 0x1000, DID, IOVA, NULL);
        kit_context(&kit, SID_2, 8 | 7u << 9, 0);
        kit_queue_on(&kit);
        kit_set_root(&kit, 1);
        (void)viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | G_TE);
        (void)kit_run(&kit, steps);
        u64 tail = kit_queue(&kit, 0, 0x11, 0);
        tail = kit_queue(&kit, tail, 0x37, 0);
        (void)viommu_mmio_write(kit.v, R_IQT, 8, tail);
        (void)kit_run(&kit, steps);
        assert_int_equal(viommu_reset(kit.v), OK);
        assert_int_equal(kit_read(&kit, R_GSTS, 4), 0);
        assert_int_equal(kit_read(&kit, R_IQT, 8), 0);
        assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE);
        assert_int_equal(host_attached(), 0);
        kit_boot(&kit);
        assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
        assert_true(kit_stop(&kit));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_from_te_on),
        cmocka_unit_test(maps_are_free),
        cmocka_unit_test(reset_at_any_time),
    };
    return cmocka_run_group_tests_name("viommu", tests, NULL, NULL);
}
