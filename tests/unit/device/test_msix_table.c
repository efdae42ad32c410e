/* SPDX-License-Identifier: BSD-2-Clause */
/* An entry of an MSI-X table (PCI 3.0, 6.8.2.7 to 6.8.2.10). */
#include "hv/device/msix_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void an_entry_counts_while_it_is_not_masked(void **state)
{
    (void)state;
    struct msix_entry e = {{[MSIX_CONTROL] = MSIX_MASKED}};
    assert_false(msix_table_put(&e, MSIX_ADDRESS, 0xfee02003));
    assert_false(msix_table_put(&e, MSIX_UPPER, 0x11));
    assert_false(msix_table_put(&e, MSIX_DATA, 0xffff0041));
    assert_false(msix_table_put(&e, MSIX_CONTROL, 0xffffffff));
    assert_int_equal(e.words[MSIX_CONTROL], 1);
    assert_true(msix_table_put(&e, MSIX_CONTROL, 0xfffffffe));
    assert_int_equal(e.words[MSIX_CONTROL], 0);
    assert_true(msix_table_put(&e, MSIX_UPPER, 0));
    const struct message m = msix_table_message(&e);
    assert_int_equal(m.address, 0xfee02000);
    assert_int_equal(m.data, 0xffff0041);
    assert_int_equal(m.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_entry_counts_while_it_is_not_masked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
