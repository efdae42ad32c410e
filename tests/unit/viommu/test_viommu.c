/* SPDX-License-Identifier: BSD-2-Clause */
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

enum { FIRMWARE_RING = KIT_RAM_END - 0x1000, FIRMWARE_ROOT = KIT_RAM_END - 0x2000, STATUS = KIT_RAM_END - 0x2ff0 };

static void write_register(u32 offset, u32 size, u64 value)
{
    hpa_t at = {HOST_UNIT_BASE + offset};
    if (size == 8) {
        port_mmio_write64(at, value);
    } else {
        port_mmio_write32(at, (u32)value);
    }
}

/* A wait with a status write, 128 bits (VT-d 6.5.2.8). */
static void put_wait(u64 at, u32 data)
{
    kit_at(FIRMWARE_RING + at)[0] = (u64)data << 32 | 1u << 5 | 5;
    kit_at(FIRMWARE_RING + at)[1] = STATUS;
}

/* A driver of the firmware's, in legacy mode with everything blocked, that has used its queue. */
static void firmware(struct model_unit *unit)
{
    (void)unit;
    write_register(R_RTADDR, 8, FIRMWARE_ROOT);
    write_register(R_GCMD, 4, G_SRTP);
    write_register(R_IQT, 8, 0);
    write_register(R_IQA, 8, FIRMWARE_RING);
    write_register(R_GCMD, 4, G_QIE);
    put_wait(0, 1);
    write_register(R_IQT, 8, 0x10);
    write_register(R_GCMD, 4, G_QIE | G_TE);
}

/* It goes on as the guest, and its unit does as it did. */
static void a_driver_of_the_firmware_goes_on(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    host_leave(firmware);
    kit_start(&kit);
    u64 target = kit_page(&kit);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), ALL_STATUS);
    assert_int_equal(kit_read(&kit, R_IQA, 8), FIRMWARE_RING);
    assert_int_equal(kit_read(&kit, R_RTADDR, 8), FIRMWARE_ROOT);
    u64 tail = kit_read(&kit, R_IQT, 8);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    for (u32 i = 2; i < 5; i++) {
        put_wait(tail, i);
        tail += 0x10;
        kit_write(&kit, R_IQT, 8, tail);
        assert_int_equal((u32)kit_at(STATUS)[0], i);
        assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    }
    /* Its tables are not followed: everything goes through the second stage, and nothing faults. */
    assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE);
    assert_int_equal(kit_dma(&kit, SID, true, target, &value), 0);
    /* What a kernel does that finds a unit on: off with it, then its own. */
    kit_translate(&kit, false);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), G_QIE | G_SRTP);
    kit_write(&kit, R_GCMD, 4, 0);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), G_SRTP);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), ALL_STATUS);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

/* Or its own in the place of what was there, without turning it off. */
static void a_kernel_takes_a_unit_that_is_on(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    host_leave(firmware);
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_set_root(&kit, 1);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), ALL_STATUS);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
    assert_int_equal(kit_kind(&kit, SID, IOVA), MODEL_KIND_NESTED);
    kit_translate(&kit, false);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_from_te_on),
        cmocka_unit_test(maps_are_free),
        cmocka_unit_test(reset_at_any_time),
        cmocka_unit_test(a_driver_of_the_firmware_goes_on),
        cmocka_unit_test(a_kernel_takes_a_unit_that_is_on),
    };
    return cmocka_run_group_tests_name("viommu", tests, NULL, NULL);
}
