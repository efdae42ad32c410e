/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of a thousand equal lines are told. */
#include "iommu/base/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void eight_then_powers_of_four(void **state)
{
    (void)state;
    static const u64 told[] = {1, 2, 3, 4, 5, 6, 7, 8, 16, 64, 256, 1024};
    struct limit limit = {0};
    u32 next = 0;
    for (u64 n = 1; n <= 4095; n++) {
        bool due = limit_due(&limit);
        assert_int_equal(limit.count, n);
        assert_int_equal(due, next < ARRAY_LEN(told) && told[next] == n);
        next += due;
    }
    assert_int_equal(next, ARRAY_LEN(told));
    assert_true(limit_due_at(4096));
    assert_false(limit_due_at(8192));
    assert_true(limit_due_at(1ull << 62));
    assert_false(limit_due_at(1ull << 63));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(eight_then_powers_of_four)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
