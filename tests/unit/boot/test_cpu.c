/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot program makes of the CPU's registers. */
#include "boot/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* IA32_TME_ACTIVATE: 0 lock, 1 enabled, 35:32 how many key-id bits, 39:36 how many of them are TDX's. */
static void key_id_bits(void **state)
{
    (void)state;
    assert_int_equal(cpu_key_id_bits(0), 0);
    assert_int_equal(cpu_key_id_bits(3), 0);
    assert_int_equal(cpu_key_id_bits(6ull << 32 | 1), 0);       /* locked off */
    assert_int_equal(cpu_key_id_bits(6ull << 32 | 3), 6);
    assert_int_equal(cpu_key_id_bits(5ull << 36 | 6ull << 32 | 3), 6);
    assert_int_equal(cpu_key_id_bits(~0ull), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(key_id_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
