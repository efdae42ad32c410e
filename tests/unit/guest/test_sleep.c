/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleep registers: each width, each form of register, and whom WAK_STS is shown. */
#include "hv/guest/sleep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { S3 = 5, S4 = 6, S5 = 7, PASSES = 1 << S4 | 1 << S5, PORT = 0x1804, PORT_B = 0x1904, STATUS = 0x1800,
       ENABLE = 1 << 13, WAK = 1 << 15 };
#define PAGE 0xfe000000ull

static struct sleep_registers pm1(void)
{
    return (struct sleep_registers){.count = 4, .list = {
        {.address = PORT, .kind = SLEEP_CONTROL, .passes = PASSES},
        {.address = PORT_B, .kind = SLEEP_CONTROL, .port = 1, .passes = 1 << 1},
        {.address = STATUS, .kind = SLEEP_STATUS},
        {.address = STATUS + 0x100, .kind = SLEEP_STATUS, .port = 1}}};
}

static struct sleep_registers in_memory(void)
{
    return (struct sleep_registers){.count = 4, .list = {
        {.address = PAGE + 4, .memory = true, .kind = SLEEP_CONTROL, .passes = PASSES},
        {.address = PAGE, .memory = true, .kind = SLEEP_STATUS},
        {.address = PAGE + 0x20, .memory = true, .kind = SLEEP_REDUCED_CONTROL, .passes = PASSES},
        {.address = PAGE + 0x21, .memory = true, .kind = SLEEP_REDUCED_STATUS}}};
}

static enum sleep_write put(const struct sleep_registers *s, u64 at, u32 size, u64 value)
{
    bool woken = false;
    enum sleep_write what = sleep_write(s, at >= PAGE, at, size, value, &woken);
    assert_int_equal(woken, what == SLEEP_WRITE_REFUSED);
    return what;
}

static u64 pm1_value(u32 type)
{
    return ENABLE | type << 10 | 1;
}

/* Every type, by every width and place that has SLP_EN in it. */
static void expect_types(const struct sleep_registers *s, u64 at, u32 passes)
{
    for (u32 type = 0; type < 8; type++) {
        enum sleep_write want = (passes >> type & 1) != 0 ? SLEEP_WRITE_SLEEPS : SLEEP_WRITE_REFUSED;
        u64 value = pm1_value(type);
        assert_int_equal(put(s, at, 2, value), want);
        assert_int_equal(put(s, at + 1, 1, value >> 8), want);
        assert_int_equal(put(s, at, 4, value | 0xffff0000), want);
        assert_int_equal(put(s, at - 2, 4, value << 16), want);
        assert_int_equal(put(s, at - 1, 4, value << 8), want);
        assert_int_equal(put(s, at + 1, 4, value >> 8), want);
        /* Not SLP_EN, or not that byte. */
        assert_int_equal(put(s, at, 2, value & ~(u64)ENABLE), SLEEP_WRITE_PASSES);
        assert_int_equal(put(s, at, 1, 0xff), SLEEP_WRITE_PASSES);
        assert_int_equal(put(s, at + 2, 2, 0xffff), SLEEP_WRITE_PASSES);
        assert_int_equal(put(s, at - 3, 4, ~0u), SLEEP_WRITE_PASSES);
    }
}

static void each_port_has_its_own_types(void **state)
{
    const struct sleep_registers s = pm1();
    (void)state;
    expect_types(&s, PORT, PASSES);
    expect_types(&s, PORT_B, 1 << 1);
}

static void registers_in_memory(void **state)
{
    const struct sleep_registers s = in_memory();
    (void)state;
    expect_types(&s, PAGE + 4, PASSES);
    assert_int_equal(put(&s, PAGE, 8, pm1_value(S3) << 32), SLEEP_WRITE_REFUSED);
    assert_int_equal(put(&s, PAGE, 8, pm1_value(S5) << 32), SLEEP_WRITE_SLEEPS);
    /* The same number as a port is something else. */
    bool woken = false;
    assert_int_equal(sleep_write(&s, false, PAGE + 4, 2, pm1_value(S3), &woken), SLEEP_WRITE_PASSES);
    assert_false(woken);
}

static void reduced_hardware(void **state)
{
    const struct sleep_registers s = in_memory();
    (void)state;
    for (u32 type = 0; type < 8; type++) {
        enum sleep_write want = (PASSES >> type & 1) != 0 ? SLEEP_WRITE_SLEEPS : SLEEP_WRITE_REFUSED;
        assert_int_equal(put(&s, PAGE + 0x20, 1, 1u << 5 | type << 2), want);
        assert_int_equal(put(&s, PAGE + 0x1f, 2, (u64)(1u << 5 | type << 2) << 8), want);
        assert_int_equal(put(&s, PAGE + 0x20, 1, type << 2), SLEEP_WRITE_PASSES);
    }
    assert_int_equal(sleep_read(&s, true, PAGE + 0x21, 1, 1, true), 0x81);
    assert_int_equal(sleep_read(&s, true, PAGE + 0x20, 2, 0, true), 0x8000);
    assert_int_equal(sleep_read(&s, true, PAGE + 0x20, 1, 0, true), 0);
}

static void the_strictest_register_decides(void **state)
{
    struct sleep_registers s = pm1();
    (void)state;
    s.list[1].address = PORT + 2;
    assert_int_equal(put(&s, PORT, 4, pm1_value(S5) | pm1_value(1) << 16), SLEEP_WRITE_SLEEPS);
    assert_int_equal(put(&s, PORT, 4, pm1_value(S5) | pm1_value(S5) << 16), SLEEP_WRITE_REFUSED);
    assert_int_equal(put(&s, PORT, 4, pm1_value(S3) | pm1_value(1) << 16), SLEEP_WRITE_REFUSED);
}

static void ports_wrap(void **state)
{
    const struct sleep_registers s = {.count = 1, .list = {{.address = 1, .kind = SLEEP_CONTROL, .passes = PASSES}}};
    (void)state;
    assert_int_equal(put(&s, 0xffff, 4, pm1_value(S3) << 16), SLEEP_WRITE_REFUSED);
    assert_int_equal(put(&s, 0xffff, 4, pm1_value(S5) << 16), SLEEP_WRITE_SLEEPS);
}

static void wake_status_is_shown_until_it_is_cleared(void **state)
{
    const struct sleep_registers s = pm1();
    bool woken = false;
    (void)state;
    assert_int_equal(sleep_read(&s, false, STATUS, 2, 0x11, woken), 0x11);
    assert_int_equal(sleep_write(&s, false, PORT, 2, pm1_value(S3), &woken), SLEEP_WRITE_REFUSED);
    assert_true(woken);
    /* Both ports, any width, each time. */
    assert_int_equal(sleep_read(&s, false, STATUS, 2, 0x11, woken), WAK | 0x11);
    assert_int_equal(sleep_read(&s, false, STATUS + 0x100, 2, 0, woken), WAK);
    assert_int_equal(sleep_read(&s, false, STATUS + 1, 1, 0, woken), WAK >> 8);
    assert_int_equal(sleep_read(&s, false, STATUS, 4, 0, woken), WAK);
    assert_int_equal(sleep_read(&s, false, STATUS - 2, 4, 0, woken), (u64)WAK << 16);
    assert_int_equal(sleep_read(&s, false, STATUS, 1, 0, woken), 0);
    assert_int_equal(sleep_read(&s, false, PORT, 4, 0, woken), 0);
    /* Other bits, or the enable register behind it, do not clear it. */
    assert_int_equal(sleep_write(&s, false, STATUS, 2, 0x7fff, &woken), SLEEP_WRITE_PASSES);
    assert_int_equal(sleep_write(&s, false, STATUS + 2, 2, 0xffff, &woken), SLEEP_WRITE_PASSES);
    assert_true(woken);
    assert_int_equal(sleep_write(&s, false, STATUS, 2, WAK, &woken), SLEEP_WRITE_PASSES);
    assert_false(woken);
    assert_int_equal(sleep_read(&s, false, STATUS, 2, 0, woken), 0);
}

/* Of two CPUs only the one whose write was refused is told. */
static void the_cpu_that_asked_is_told(void **state)
{
    const struct sleep_registers s = pm1();
    bool woken[2] = {false, false};
    (void)state;
    assert_int_equal(sleep_write(&s, false, PORT, 2, pm1_value(S3), &woken[1]), SLEEP_WRITE_REFUSED);
    assert_int_equal(sleep_read(&s, false, STATUS, 2, 0, woken[0]), 0);
    assert_int_equal(sleep_read(&s, false, STATUS, 2, 0, woken[1]), WAK);
    assert_int_equal(sleep_write(&s, false, STATUS, 2, WAK, &woken[0]), SLEEP_WRITE_PASSES);
    assert_int_equal(sleep_read(&s, false, STATUS, 2, 0, woken[1]), WAK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_port_has_its_own_types),
        cmocka_unit_test(registers_in_memory),
        cmocka_unit_test(reduced_hardware),
        cmocka_unit_test(the_strictest_register_decides),
        cmocka_unit_test(ports_wrap),
        cmocka_unit_test(wake_status_is_shown_until_it_is_cleared),
        cmocka_unit_test(the_cpu_that_asked_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
