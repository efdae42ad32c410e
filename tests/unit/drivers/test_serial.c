/* SPDX-License-Identifier: BSD-2-Clause */
/* What the console's driver leaves in the registers of a UART in memory, whose owner it is not. */
#include "drivers/serial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { DATA, IER, FCR, LCR, MCR, LSR, REGS = 8, EMPTY = 0x20, DLAB = 0x80, UNTOUCHED = 0xa5 };

static u8 regs[REGS];

static struct serial uart(u8 lcr, u8 lsr)
{
    memset(regs, UNTOUCHED, sizeof(regs));
    regs[LCR] = lcr;
    regs[LSR] = lsr;
    return (struct serial){.kind = SERIAL_MMIO, .base = (u64)(uintptr_t)regs, .stride = 1};
}

/* With the FIFO off, 16 bytes at once would be lost but for the first and the last. */
static void what_is_offered_finds_the_fifo_on(void **state)
{
    (void)state;
    struct serial s = uart(0x03, EMPTY);
    assert_true(serial_offer(&s, "abc", 3));
    assert_int_equal(regs[FCR], 0x01);
    assert_int_equal(regs[DATA], 'c');
    s = uart(0x03, 0);
    assert_false(serial_offer(&s, "abc", 3));
    assert_int_equal(regs[FCR], UNTOUCHED);
    assert_int_equal(regs[DATA], UNTOUCHED);
}

/* A line of Nestor's waits for each byte, and needs no FIFO. */
static void a_line_leaves_the_fifo(void **state)
{
    (void)state;
    struct serial s = uart(0x03, EMPTY);
    serial_write(&s, "ab\n", 3);
    assert_int_equal(regs[FCR], UNTOUCHED);
    assert_int_equal(regs[DATA], '\n');
}

static void divisor_and_modem_stay(void **state)
{
    (void)state;
    struct serial s = uart(DLAB | 0x03, EMPTY);
    assert_true(serial_offer(&s, "a", 1));
    serial_write(&s, "b", 1);
    assert_int_equal(regs[LCR], DLAB | 0x03);
    assert_int_equal(regs[IER], UNTOUCHED);
    assert_int_equal(regs[MCR], UNTOUCHED);
}

static void one_that_takes_nothing_is_given_up(void **state)
{
    (void)state;
    struct serial s = uart(0x03, 0);
    serial_write(&s, "a", 1);
    assert_true(s.dead);
    assert_true(serial_offer(&s, "b", 1));
    assert_int_equal(regs[DATA], UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_finds_the_fifo_on),
        cmocka_unit_test(a_line_leaves_the_fifo),
        cmocka_unit_test(divisor_and_modem_stay),
        cmocka_unit_test(one_that_takes_nothing_is_given_up),
    };
    return cmocka_run_group_tests_name("drivers/serial", tests, NULL, NULL);
}
