/* SPDX-License-Identifier: BSD-2-Clause */
/* First-stage tables in use: one width and one EAFE each, on one unit over one second stage (VT-d 6.2.3.1). */
#include "iommu/domain/first_stage.h"

#include "support/hosted.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TABLE 0x5000

static const struct first_stage_config plain = {.root = TABLE, .width = 48};

static void test_one_of_each(void **state)
{
    static const struct first_stage_config others[] = {{TABLE, 57, false}, {TABLE, 48, true}};
    struct first_stages here = {0};
    struct first_stages elsewhere = {0};
    struct first_stage *a, *b, *c;
    (void)state;
    hosted_reset();
    assert_int_equal(first_stage_take(&here, 1023, &plain, &a), OK);
    assert_int_equal(first_stage_take(&here, 1023, &plain, &b), OK);
    assert_ptr_equal(a, b);
    for (u32 i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(first_stage_take(&here, 1023, &others[i], &c), ERR_FIRST_STAGE_CONFLICT);
        assert_int_equal(hosted_log_lines(), i + 1);
        /* Another unit, another second stage: another table. */
        assert_int_equal(first_stage_take(&here, 0, &others[i], &c), OK);
        first_stage_give(c);
        assert_int_equal(first_stage_take(&elsewhere, 1023, &others[i], &c), OK);
        first_stage_give(c);
    }
    first_stage_give(a);
    assert_int_equal(first_stage_take(&here, 1023, &others[0], &c), ERR_FIRST_STAGE_CONFLICT);
    /* Until nobody walks it. */
    first_stage_give(b);
    assert_int_equal(first_stage_take(&here, 1023, &others[0], &c), OK);
    first_stage_give(c);
    assert_int_equal(hosted_pages_used(), 0);
}

static void test_no_memory(void **state)
{
    struct first_stages here = {0};
    struct first_stage *a;
    (void)state;
    hosted_reset();
    hosted_fail_after(0);
    assert_int_equal(first_stage_take(&here, 0, &plain, &a), ERR_NO_MEMORY);
    hosted_fail_after(UINT32_MAX);
    assert_null(here.tables.root);
    assert_int_equal(first_stage_take(&here, 0, &plain, &a), OK);
    first_stage_give(a);
    assert_int_equal(hosted_pages_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_of_each), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
