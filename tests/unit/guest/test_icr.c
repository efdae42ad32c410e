/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt command register: what is INIT or SIPI, and whom each form of destination means. */
#include "hv/guest/icr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define FLAT 0xffffffffu
#define CLUSTER 0x0fffffffu

/* SDM figures 12-12 and 12-28, written by hand. */
static void decodes_both_modes(void **state)
{
    (void)state;
    struct icr i = icr_decode(0x0300000000004608ull | 7ull << 56, false);
    assert_int_equal(i.mode, ICR_STARTUP);
    assert_int_equal(i.vector, 8);
    assert_int_equal(i.destination, 7);
    assert_int_equal(i.shorthand, ICR_TO_DESTINATION);
    assert_false(i.logical || i.x2apic);
    i = icr_decode(0x12345678000c0df1ull, true);
    assert_int_equal(i.mode, ICR_INIT);
    assert_int_equal(i.vector, 0xf1);
    assert_int_equal(i.destination, 0x12345678);
    assert_int_equal(i.shorthand, ICR_TO_OTHERS);
    assert_true(i.logical && i.x2apic);
}

/* Each mode with each trigger mode and level. */
static void tells_startup_from_all_else(void **state)
{
    static const u32 levels[] = {0, 1 << 14, 1 << 15, 1 << 15 | 1 << 14};
    (void)state;
    for (u32 mode = 0; mode < 8; mode++) {
        for (u32 n = 0; n < ARRAY_LEN(levels); n++) {
            const struct icr i = icr_decode(mode << 8 | levels[n], false);
            bool ends = mode == 5 && levels[n] == 1 << 15;
            assert_int_equal(icr_is_startup(&i), (mode == 5 || mode == 6) && !ends);
        }
    }
}

/* Which of eight CPUs of two clusters are meant, as a mask. The sender is CPU 2. */
static u32 meant(u64 command, bool x2apic, u32 format)
{
    const struct icr i = icr_decode(command, x2apic);
    u32 mask = 0;
    for (u32 n = 0; n < 8; n++) {
        struct icr_cpu cpu = {.id = n < 4 ? n : 0x10 + n, .format = format, .sends = n == 2};
        cpu.logical = (format == FLAT ? 1u << n : n / 4 << 4 | 1u << n % 4) << 24;
        mask |= (icr_reaches(&i, &cpu) ? 1u : 0) << n;
    }
    return mask;
}

static void shorthands(void **state)
{
    static const u32 masks[] = {0x02, 0x04, 0xff, 0xfb};
    (void)state;
    for (u32 n = 0; n < 4; n++) {
        assert_int_equal(meant(1ull << 56 | n << 18, false, FLAT), masks[n]);
        assert_int_equal(meant(1ull << 32 | n << 18, true, FLAT), masks[n]);
    }
}

static void physical(void **state)
{
    (void)state;
    assert_int_equal(meant(3ull << 56, false, FLAT), 0x08);
    assert_int_equal(meant(0x16ull << 56, false, FLAT), 0x40);
    assert_int_equal(meant(0x55ull << 56, false, FLAT), 0);
    assert_int_equal(meant(0xffull << 56, false, FLAT), 0xff);
    assert_int_equal(meant(0x16ull << 32, true, FLAT), 0x40);
    assert_int_equal(meant(0x116ull << 32, true, FLAT), 0);
    assert_int_equal(meant(0xffull << 32, true, FLAT), 0);
    assert_int_equal(meant(0xffffffffull << 32, true, FLAT), 0xff);
}

static void logical(void **state)
{
    const u64 bit = 1 << 11;
    (void)state;
    assert_int_equal(meant(bit | 0x81ull << 56, false, FLAT), 0x81);
    assert_int_equal(meant(bit, false, FLAT), 0);
    assert_int_equal(meant(bit | 0x05ull << 56, false, CLUSTER), 0x05);
    assert_int_equal(meant(bit | 0x1aull << 56, false, CLUSTER), 0xa0);
    assert_int_equal(meant(bit | 0xf2ull << 56, false, CLUSTER), 0x22);
    assert_int_equal(meant(bit | 0xffull << 56, false, CLUSTER), 0xff);
    assert_int_equal(meant(bit | 0x0000000aull << 32, true, FLAT), 0x0a);
    assert_int_equal(meant(bit | 0x000100f0ull << 32, true, FLAT), 0xf0);
    assert_int_equal(meant(bit | 0x0001000full << 32, true, FLAT), 0);
    assert_int_equal(meant(bit | 0xffffffffull << 32, true, FLAT), 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_both_modes),
        cmocka_unit_test(tells_startup_from_all_else),
        cmocka_unit_test(shorthands),
        cmocka_unit_test(physical),
        cmocka_unit_test(logical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
