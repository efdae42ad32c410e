/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done about a machine check, for every state of the global status. */
#include "hv/guest/machine_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void every_status(void **state)
{
    (void)state;
    for (u32 status = 0; status < 8; status++) {
        bool restarts = (status & MCG_RIPV) != 0;
        bool here = (status & MCG_EIPV) != 0;
        enum machine_check load = machine_check_judge(status, true);
        enum machine_check other = machine_check_judge(status, false);
        assert_int_equal(load, !restarts ? MACHINE_CHECK_FATAL : here ? MACHINE_CHECK_LOAD : MACHINE_CHECK_ELSEWHERE);
        assert_int_equal(other, !restarts || here ? MACHINE_CHECK_FATAL : MACHINE_CHECK_ELSEWHERE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
