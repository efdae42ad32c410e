/* SPDX-License-Identifier: BSD-2-Clause */
/* Start and stop of a function's DMA and messages, on two units of the reference model. */
#include "hv/device/dma.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/device/msix.h"
#include "tests/support/device_kit.h"

/* Lives of one function: only while it is started anything of it comes through, the others are as they were. */
static void nothing_comes_through_but_while_it_is_started(void **state)
{
    (void)state;
    device_kit_attach();
    struct device *a = device_get(0);
    u64 message = message_address(partition_sources_entries(0) + 1);
    assert_int_equal(device_dma_start(device_get(1)), OK);
    for (u32 life = 0; life < 3; life++) {
        assert_int_equal(device_kit_dma(DEVICE_KIT_SID_A, 0), 0);
        assert_int_equal(device_kit_message(DEVICE_KIT_SID_A, message, 0), 0);
        assert_int_equal(device_dma_start(a), OK);
        assert_int_equal(device_kit_dma(DEVICE_KIT_SID_A, 0), DEVICE_KIT_A);
        assert_int_equal(device_kit_message(DEVICE_KIT_SID_A, message, 0), 0);
        msix_write(a, 16, 4, 0xfee03000);
        msix_write(a, 24, 4, 0x51);
        msix_write(a, 28, 4, 0);
        assert_int_equal(device_kit_message(DEVICE_KIT_SID_A, message, 0), 3 << 8 | 0x51);
        assert_int_equal(device_kit_message(DEVICE_KIT_SID_B, message, 0), 0);
        assert_int_equal(device_kit_message(DEVICE_KIT_SID_ROOT, message, 0), 0);
        assert_int_equal(device_kit_dma(DEVICE_KIT_SID_B, 0), DEVICE_KIT_B);
        device_dma_stop(a);
        assert_int_equal(device_kit_dma(DEVICE_KIT_SID_B, 0), DEVICE_KIT_B);
    }
    const u32 *table = (const u32 *)(const void *)(hosted_memory() + DEVICE_KIT_TABLE_A);
    assert_int_equal(device_dma_start(a), OK);
    assert_int_equal(table[7], 1);                  /* masked again, and the guest reads what a reset leaves */
    assert_int_equal(msix_read(a, 16, 4), 0);
    assert_int_equal(msix_read(a, 28, 4), 1);
}

/* There the source-id is that of a device of the root's. */
static void units_of_another_segment_know_nothing_of_it(void **state)
{
    (void)state;
    device_kit_set_segment(1);
    device_kit_attach();
    device_kit_set_segment(0);
    struct device *a = device_get(0);
    u32 entry = partition_sources_entries(0);
    assert_int_equal(device_dma_start(a), OK);
    msix_write(a, 0, 4, 0xfee03000);
    msix_write(a, 8, 4, 0x51);
    msix_write(a, 12, 4, 0);
    assert_int_equal(device_kit_dma_behind(0, DEVICE_KIT_SID_A, 0), DEVICE_KIT_A);
    assert_int_equal(device_kit_dma_behind(1, DEVICE_KIT_SID_A, 0), 0);
    assert_int_equal(device_kit_dma_behind(1, DEVICE_KIT_SID_A, DEVICE_KIT_ROOT), DEVICE_KIT_ROOT);
    assert_int_not_equal(vtd_irt_entries(device_kit_unit(0))[entry].w[0], 0);
    assert_int_equal(vtd_irt_entries(device_kit_unit(1))[entry].w[0], 0);
    device_dma_stop(a);
    assert_int_equal(device_kit_dma_behind(0, DEVICE_KIT_SID_A, 0), 0);
    assert_int_equal(device_kit_dma_behind(1, DEVICE_KIT_SID_A, DEVICE_KIT_ROOT), DEVICE_KIT_ROOT);
    assert_null(strstr(hosted_log(), "does not block"));
}

static void a_unit_that_does_not_answer_is_said(void **state)
{
    (void)state;
    device_kit_attach();
    struct device *a = device_get(0);
    assert_int_equal(device_dma_start(a), OK);
    hosted_limit_reads(0);
    hosted_clear_log();
    device_dma_stop(a);
    assert_non_null(strstr(hosted_log(), "partition a: unit 0 does not block DMA of 00:03.0"));
    assert_int_not_equal(device_dma_start(a), OK);
    hosted_limit_reads(UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_comes_through_but_while_it_is_started),
        cmocka_unit_test(units_of_another_segment_know_nothing_of_it),
        cmocka_unit_test(a_unit_that_does_not_answer_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
