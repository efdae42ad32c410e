/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages by hand, SDM 12.11 and VT-d 5.1.2; entries by hand, VT-d 9.9. */
#include "hv/device/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char *judge(u64 address, u32 data, u32 count)
{
    const struct message m = {.address = address, .data = data, .count = count};
    u32 apic_id;
    return message_judge(&m, &apic_id);
}

static void only_ordinary_interrupts_of_one_cpu(void **state)
{
    (void)state;
    static const struct { u64 address; u32 data; const char *why; } cases[] = {
        {0xfee02000, 0x0041, NULL}, {0xfee02008, 0x4141, NULL}, {0xfeefe000, 0xffff40ffu, NULL},
        {0xfee02000, 0x0010, NULL}, {0xfee02000, 0x000f, "vector"}, {0xfee02000, 0, "vector"},
        {0xfeeff000, 0x0041, "destination"}, {0xfee02004, 0x0041, "destination"}, {0xfee0200c, 0x0141, "destination"},
        {0xfee02010, 0x0041, "address"}, {0xfec02000, 0x0041, "address"}, {0xfef02000, 0x0041, "address"},
        {0x1fee02000, 0x0041, "address"}, {0, 0x0041, "address"},
        {0xfee02000, 0x0241, "delivery mode"}, {0xfee02000, 0x0441, "delivery mode"},
        {0xfee02000, 0x0541, "delivery mode"}, {0xfee02000, 0x0641, "delivery mode"},
        {0xfee02000, 0x0741, "delivery mode"}, {0xfee02000, 0x8041, "delivery mode"},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = judge(cases[i].address, cases[i].data, 1);
        if (why == NULL || cases[i].why == NULL) {
            assert_ptr_equal(why, cases[i].why);
        } else {
            assert_string_equal(why, cases[i].why);
        }
    }
    assert_null(judge(0xfee02000, 0x3f, 32));
    assert_string_equal(judge(0xfee02000, 0x1f, 32), "vector");     /* the first would be 0 */
}

static void an_entry_is_for_its_function_alone(void **state)
{
    (void)state;
    const struct message m = {.address = 0xfeea5000, .data = 0x4143, .count = 4};
    for (u32 n = 0; n < 4; n++) {
        const struct irte e = message_entry(&m, 0x1234, n);
        assert_int_equal(e.w[0], 0xa500000021 | (u64)(0x40 + n) << 16);
        assert_int_equal(e.w[1], 0x41234);
    }
}

static void an_index_is_in_two_places(void **state)
{
    (void)state;
    assert_int_equal(message_address(0), 0xfee00018);
    assert_int_equal(message_address(0x7fff), 0xfeeffff8);
    assert_int_equal(message_address(0xffe0), 0xfeeffc1c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ordinary_interrupts_of_one_cpu),
        cmocka_unit_test(an_entry_is_for_its_function_alone),
        cmocka_unit_test(an_index_is_in_two_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
