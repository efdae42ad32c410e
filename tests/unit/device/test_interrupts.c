/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of functions in the tables of two units: of several messages at once, and to the last one gone. */
#include "hv/device/interrupts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/device_kit.h"

static u32 sent(u32 number)
{
    u64 address = interrupts_address(device_get(2), 0);
    return device_kit_message(DEVICE_KIT_SID_MSI, address, number);
}

static void several_messages_of_one_address(void **state)
{
    (void)state;
    struct message m = {.address = 0xfee02000, .data = 0x46, .count = 8};
    device_kit_attach();
    struct device *d = device_get(2);
    interrupts_begin(d);
    interrupts_point(d, 0, &m);
    for (u32 n = 0; n < 8; n++) {
        assert_int_equal(sent(n), 2 << 8 | (0x40 + n));
    }
    assert_int_equal(sent(8), 0);
    m.count = 2;
    m.data = 0x57;
    interrupts_point(d, 0, &m);
    assert_int_equal(sent(0), 2 << 8 | 0x56);
    assert_int_equal(sent(1), 2 << 8 | 0x57);
    interrupts_end(d);
    interrupts_point(d, 0, &m);     /* by a CPU that has not stopped yet */
    for (u32 n = 0; n < 8; n++) {
        assert_int_equal(sent(n), 0);
    }
}

static void a_refusal_is_told_now_and_then(void **state)
{
    (void)state;
    const struct message m = {.address = 0xfee01000, .data = 0x41, .count = 1};
    device_kit_attach();
    hosted_clear_log();
    for (u32 n = 0; n < 1000; n++) {
        interrupts_point(device_get(2), 3, &m);
    }
    assert_non_null(strstr(hosted_log(), "partition a: message 3 of 01:00.0 (0xfee01000 0x41) refused: destination"));
    assert_in_range(hosted_log_lines(), 1, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_messages_of_one_address),
        cmocka_unit_test(a_refusal_is_told_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
