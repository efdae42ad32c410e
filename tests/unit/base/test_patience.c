/* SPDX-License-Identifier: BSD-2-Clause */
/* Time that is waited, and time that is lost. */
#include "iommu/base/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void small_steps_add_up(void **state)
{
    struct patience p = patience_begin(500);
    (void)state;
    for (u64 now = 500; now <= 20500; now += 7) {
        (void)patience_waited(&p, now);
    }
    assert_int_equal(patience_waited(&p, 20500), 20000);
}

/* The machine stands still for an hour, three times: three steps. */
static void a_jump_counts_once(void **state)
{
    struct patience p = patience_begin(0);
    u64 now = 0;
    (void)state;
    for (u32 i = 1; i <= 3; i++) {
        now += 3600 * 1000000ull;
        assert_int_equal(patience_waited(&p, now), i * PATIENCE_STEP_US);
        assert_int_equal(patience_waited(&p, now), i * PATIENCE_STEP_US);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_steps_add_up),
        cmocka_unit_test(a_jump_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
