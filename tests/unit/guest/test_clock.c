/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition's clocks, by what software does that waits for one. */
#include "hv/guest/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { KHZ = 3000000, READ_BEFORE = 0x1234 };

static struct clock c;
static u64 now;

static u32 in(u32 port)
{
    u32 value = READ_BEFORE;
    assert_true(clock_read(&c, port, now, &value));
    return value;
}

static void out(u32 port, u8 value)
{
    assert_true(clock_write(&c, port, value, now, KHZ));
}

/* MC146818A: UIP is bit 7 of register A, VRT bit 7 of D. */
static void the_time_is_unknown_and_never_updated(void **state)
{
    (void)state;
    c = (struct clock){.low = 0};
    for (u32 i = 0; i < 0x80; i++) {
        out(0x70, (u8)i);
        out(0x71, 0xff);
        assert_int_equal(in(0x71), 0);
    }
}

/* 1,193,182 counts are a second. */
static void counts(u32 count, u64 ticks)
{
    now += 1000000;
    out(0x61, (u8)((in(0x61) & ~2u) | 1));
    out(0x43, 0xb0);
    assert_int_equal(in(0x61) & 0x20, 0);
    out(0x42, (u8)count);
    now += 1ull << 40;
    assert_int_equal(in(0x61) & 0x20, 0);       /* half a count is none */
    out(0x42, (u8)(count >> 8));
    now += ticks - 1;
    assert_int_equal(in(0x61), 1);
    now += 1;
    assert_int_equal(in(0x61), 0x21);
    now += 1ull << 50;
    assert_int_equal(in(0x61), 0x21);
}

static void the_timer_counts_down_once(void **state)
{
    (void)state;
    c = (struct clock){.low = 0};
    now = 5;
    counts(59659, 59659ull * KHZ * 1000 / 1193182);
    counts(1, 1ull * KHZ * 1000 / 1193182);
    counts(0, 65536ull * KHZ * 1000 / 1193182);
}

/* A command to another channel, or one that came too early, changes nothing. */
static void other_channels_are_not_there(void **state)
{
    (void)state;
    c = (struct clock){.low = 0};
    now = 0;
    out(0x43, 0xb0);
    out(0x42, 2);
    out(0x43, 0x34);
    assert_int_equal(in(0x61) & 0x20, 0);
    out(0x42, 0);
    now = 2ull * KHZ * 1000 / 1193182;
    assert_int_equal(in(0x61) & 0x20, 0x20);
    out(0x61, 0xff);
    assert_int_equal(in(0x61), 0x23);
    out(0x43, 0xb0);
    out(0x42, 2);
    out(0x43, 0xb0);                    /* forgets it */
    out(0x42, 0);
    assert_int_equal(in(0x61) & 0x20, 0);
}

static void all_else_is_not_its(void **state)
{
    (void)state;
    static const u16 ports[] = {0x40, 0x41, 0x60, 0x62, 0x64, 0x6f, 0x72, 0x142, 0x171};
    for (u32 i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        u32 value = READ_BEFORE;
        assert_false(clock_read(&c, ports[i], 0, &value));
        assert_false(clock_write(&c, ports[i], 0xb0, 0, KHZ));
        assert_int_equal(value, READ_BEFORE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_is_unknown_and_never_updated),
        cmocka_unit_test(the_timer_counts_down_once),
        cmocka_unit_test(other_channels_are_not_there),
        cmocka_unit_test(all_else_is_not_its),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
