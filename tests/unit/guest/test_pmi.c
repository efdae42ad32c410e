/* SPDX-License-Identifier: BSD-2-Clause */
/* Which NMI of the guest's counters has been swallowed. */
#include "hv/guest/pmi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void only_a_masked_entry_with_an_overflow(void **state)
{
    (void)state;
    assert_true(pmi_is_unserved(0x10400, 4, 1));
    assert_true(pmi_is_unserved(0x10400, 4, 1ull << 62));
    assert_true(pmi_is_unserved(0x10400, 1, 0));        /* no status to ask */
    assert_false(pmi_is_unserved(0x10400, 2, 0));       /* from here on there is one */
    assert_false(pmi_is_unserved(0x10400, 4, 0));       /* masked by the guest, nothing has happened */
    assert_false(pmi_is_unserved(0x00400, 4, 1));       /* not sent yet */
    assert_false(pmi_is_unserved(0x100ee, 4, 1));       /* an interrupt: not swallowed */
    assert_false(pmi_is_unserved(0x10200, 4, 1));       /* SMI */
    assert_false(pmi_is_unserved(0x10400, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_a_masked_entry_with_an_overflow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
