/* SPDX-License-Identifier: BSD-2-Clause */
/* The emulated 8250, by what drivers do to find one and to send. */
#include "hv/guest/uart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct uart u;

static void put(u32 reg, u8 value)
{
    assert_false(uart_write(&u, reg, value));
}

static void sends_and_is_always_ready(void **state)
{
    (void)state;
    u = (struct uart){.ier = 0};
    assert_int_equal(uart_read(&u, 5), 0x60);
    assert_true(uart_write(&u, 0, 'x'));
    put(3, 0x83);                       /* the divisor is no data */
    put(0, 12);
    put(1, 0);
    assert_int_equal(uart_read(&u, 0), 12);
    put(3, 0x03);
    assert_int_equal(uart_read(&u, 0), 0);
    assert_true(uart_write(&u, 0, 0xff));
    put(4, 0x10);                       /* in loopback mode nothing leaves */
    put(0, 'x');
}

/* The steps of Linux's 8250 driver: the enable register, loopback, the FIFO. */
static void is_found_as_a_16550a(void **state)
{
    (void)state;
    u = (struct uart){.ier = 0};
    put(1, 0);
    assert_int_equal(uart_read(&u, 1), 0);
    put(1, 0xff);
    assert_int_equal(uart_read(&u, 1), 0x0f);
    put(4, 0x1a);
    assert_int_equal(uart_read(&u, 6) & 0xf0, 0x90);
    put(4, 0x15);
    assert_int_equal(uart_read(&u, 6) & 0xf0, 0x60);
    put(4, 0);
    assert_int_equal(uart_read(&u, 6) & 0xf0, 0xb0);
    put(1, 0);
    assert_int_equal(uart_read(&u, 2), 0x01);
    put(2, 0x01);
    assert_int_equal(uart_read(&u, 2), 0xc1);
    put(1, 0x40);                       /* no XScale */
    assert_int_equal(uart_read(&u, 1), 0);
    put(7, 0x5a);
    assert_int_equal(uart_read(&u, 7), 0x5a);
}

static void receives_as_much_as_it_holds(void **state)
{
    (void)state;
    u = (struct uart){.first = 250};
    put(2, 0x01);
    for (u32 round = 0; round < 20; round++) {
        for (u32 i = 0; i < UART_FIFO; i++) {
            assert_true(uart_receive(&u, (u8)(round + i)));
        }
        assert_false(uart_receive(&u, 'x'));
        assert_int_equal(uart_read(&u, 2), 0xc1);
        put(1, 1);                      /* who asks for it sees it pending */
        assert_int_equal(uart_read(&u, 2), 0xc4);
        put(1, 0);
        put(3, 0x80);
        assert_int_equal(uart_read(&u, 0), 0);
        put(3, 0);
        for (u32 i = 0; i < UART_FIFO; i++) {
            assert_int_equal(uart_read(&u, 5), 0x61);
            assert_int_equal(uart_read(&u, 0), round + i);
        }
        assert_int_equal(uart_read(&u, 5), 0x60);
        assert_int_equal(uart_read(&u, 0), 0);
    }
    assert_true(uart_receive(&u, 'x'));
    put(2, 0x03);
    assert_int_equal(uart_read(&u, 5), 0x60);
}

/* As Linux's driver does without an interrupt: it fills the FIFO whenever it is told that there is room, until done. */
static void tells_once_that_it_has_sent(void **state)
{
    (void)state;
    u = (struct uart){.ier = 0};
    put(2, 0x01);
    put(1, 2);
    assert_int_equal(uart_read(&u, 2), 0xc2);
    assert_int_equal(uart_read(&u, 2), 0xc1);
    for (u32 i = 0; i < UART_FIFO; i++) {
        assert_true(uart_write(&u, 0, 'x'));
    }
    put(1, 3);
    assert_true(uart_receive(&u, 'y'));
    assert_int_equal(uart_read(&u, 2), 0xc4);       /* what has arrived comes first */
    assert_int_equal(uart_read(&u, 0), 'y');
    assert_int_equal(uart_read(&u, 2), 0xc2);
    assert_int_equal(uart_read(&u, 2), 0xc1);
    put(1, 0);
    assert_true(uart_write(&u, 0, 'x'));
    assert_int_equal(uart_read(&u, 2), 0xc1);
    put(1, 2);
    assert_int_equal(uart_read(&u, 2), 0xc2);
}

/* Whatever is written, nothing is received, and who does not ask for it is told nothing. */
static void never_receives(void **state)
{
    (void)state;
    u = (struct uart){.ier = 0};
    for (u32 reg = 1; reg < 8; reg++) {
        for (u32 value = 0; value < 256; value++) {
            put(reg, (u8)value);
            assert_int_equal(uart_read(&u, 5), 0x60);
            assert_true((uart_read(&u, 2) & 0x0f) == 1 || (reg == 1 && (value & 2) != 0));
        }
        u.lcr = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_is_always_ready),
        cmocka_unit_test(is_found_as_a_16550a),
        cmocka_unit_test(receives_as_much_as_it_holds),
        cmocka_unit_test(tells_once_that_it_has_sent),
        cmocka_unit_test(never_receives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
