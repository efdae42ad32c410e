/* SPDX-License-Identifier: BSD-2-Clause */
/* Slabs: new objects are zeroed, and a page is given back as soon as it is empty. */
#include "iommu/base/slab.h"

#include "support/hosted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_slab(void **state)
{
    static struct slab slab = {.size = 44};
    static u8 *objects[1000];
    (void)state;
    hosted_reset();
    hosted_fail_after(0);
    assert_null(slab_alloc(&slab));
    hosted_fail_after(UINT32_MAX);
    for (u32 round = 0; round < 3; round++) {
        for (u32 i = 0; i < ARRAY_LEN(objects); i++) {
            objects[i] = slab_alloc(&slab);
            for (u32 k = 0; k < 44; k++) {
                assert_int_equal(objects[i][k], 0);
            }
            memset(objects[i], 0xff, 44);
        }
        assert_true(hosted_pages_used() <= 14);
        for (u32 i = 0; i < ARRAY_LEN(objects); i++) {
            slab_free(&slab, objects[round == 0 ? i : 999 - i]);
        }
        assert_int_equal(hosted_pages_used(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slab)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
