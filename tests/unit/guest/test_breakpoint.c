/* SPDX-License-Identifier: BSD-2-Clause */
/* Breakpoints that an access meets: kinds, lengths, what is off. The reference compares byte by byte. */
#include "hv/guest/breakpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { AT = 0x1000 };

static u64 dr7_of(u32 n, u32 on, u32 rw, u32 len)
{
    return (u64)on << 2 * n | (u64)(rw | len << 2) << (16 + 4 * n);
}

static bool meets(u32 rw, u64 at, u32 length, u64 address, u32 width, enum breakpoint_kind kind)
{
    if (!(rw == 3 ? kind == BREAKPOINT_READ || kind == BREAKPOINT_WRITE : rw == (u32)kind)) {
        return false;
    }
    for (u32 i = 0; i < width; i++) {
        if (address + i >= at / length * length && address + i < at / length * length + length) {
            return true;
        }
    }
    return false;
}

static void every_kind_length_and_distance(void **state)
{
    static const u32 lengths[] = {1, 2, 8, 4};
    static const enum breakpoint_kind kinds[] = {BREAKPOINT_WRITE, BREAKPOINT_PORT, BREAKPOINT_READ};
    (void)state;
    for (u32 code = 0; code < 16; code++) {
        for (u32 i = 0; i < 3 * 4 * 32; i++) {
            enum breakpoint_kind kind = kinds[i % 3];
            u32 width = 1u << i / 3 % 4;
            u64 address = AT - 16 + i / 12;
            for (u32 n = 0; n < 4; n++) {
                u64 dr[4] = {0};
                dr[n] = AT + 3;
                u32 expected = meets(code & 3, AT + 3, lengths[code >> 2], address, width, kind) ? 1u << n : 0;
                assert_int_equal(breakpoint_met(dr7_of(n, 1 + i % 3, code & 3, code >> 2), dr, address, width, kind),
                                 expected);
                assert_int_equal(breakpoint_met(dr7_of(n, 0, code & 3, code >> 2), dr, address, width, kind), 0);
            }
        }
    }
}

static void several_at_once(void **state)
{
    const u64 dr[4] = {AT, AT + 4, AT, 0x80};
    u64 dr7 = dr7_of(0, 1, 3, 3) | dr7_of(1, 2, 1, 0) | dr7_of(2, 1, 0, 0) | dr7_of(3, 3, 2, 0);
    (void)state;
    assert_int_equal(breakpoint_met(dr7, dr, AT, 8, BREAKPOINT_WRITE), 3);
    assert_int_equal(breakpoint_met(dr7, dr, AT, 8, BREAKPOINT_READ), 1);
    assert_int_equal(breakpoint_met(dr7, dr, 0x80, 1, BREAKPOINT_PORT), 8);
    assert_true(breakpoint_any(dr7) && !breakpoint_any(0x400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_length_and_distance),
        cmocka_unit_test(several_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
