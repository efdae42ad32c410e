/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a partition's memory is: at the edges of spans, across them, in the holes between. */
#include "hv/partition/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct partition_span spans[] = {
    {0, 0x10000000, 0xa0000},                   /* as below 640 KiB */
    {0xe0000, 0x100a0000, 0x20000},             /* the next two follow each other, in host memory they do not */
    {0x100000, 0x40000000, 0x7ff00000},
    {0x100000000, 0x20000000, 0x1000},
};
enum { COUNT = ARRAY_LEN(spans) };

static bool holds(u64 gpa, u64 len)
{
    return span_holds(spans, COUNT, (gpa_t){gpa}, len);
}

static u64 hpa(u64 gpa)
{
    return span_hpa(spans, COUNT, (gpa_t){gpa}).v;
}

static void finds_what_is_there(void **state)
{
    (void)state;
    assert_int_equal(hpa(0), 0x10000000);
    assert_int_equal(hpa(0x9ffff), 0x1009ffff);
    assert_int_equal(hpa(0xe0000), 0x100a0000);
    assert_int_equal(hpa(0xfffff), 0x100bffff);
    assert_int_equal(hpa(0x100000), 0x40000000);
    assert_int_equal(hpa(0x100000fff), 0x20000fff);
}

static void finds_nothing_in_holes(void **state)
{
    (void)state;
    assert_int_equal(hpa(0xa0000), ~0ull);
    assert_int_equal(hpa(0xdffff), ~0ull);
    assert_int_equal(hpa(0xfec00000), ~0ull);
    assert_int_equal(hpa(0x100001000), ~0ull);
    assert_int_equal(hpa(~0ull), ~0ull);
    assert_int_equal(span_hpa(spans, 0, (gpa_t){0}).v, ~0ull);
}

static void holds_whole_pieces_only(void **state)
{
    (void)state;
    assert_true(holds(0, 0xa0000));
    assert_false(holds(0, 0xa0001));
    assert_true(holds(0xffff8, 16));            /* from one span into the next */
    assert_true(holds(0xe0000, 0x20000 + 0x7ff00000));
    assert_false(holds(0xe0000, 0x20000 + 0x7ff00001));
    assert_false(holds(0xdfff8, 16));
    assert_false(holds(0xa0000, 1));
    assert_true(holds(0x100000ff8, 8));
    assert_false(holds(0x100000ff8, 9));
    assert_false(holds(~0ull - 7, 16));         /* around the end of the address space */
    assert_false(holds(0, ~0ull));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_there),
        cmocka_unit_test(finds_nothing_in_holes),
        cmocka_unit_test(holds_whole_pieces_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
