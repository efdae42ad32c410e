/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of shadow_memory: half for each table, all for all, and back. */
#include "unit/shadow/shadow_kit.h"

static void half_for_one(void **state)
{
    (void)state;
    kit_begin(20);
    struct shadow *a = kit_shadow(guest_table(), 1);
    struct shadow *b = kit_shadow(guest_table(), 2);
    struct shadow *c = kit_shadow(guest_table(), 3);
    assert_int_equal(memory.left, 17); /* the root of each */
    assert_int_equal(shadow_memory_take(&set, a, 5), 5);
    assert_int_equal(shadow_memory_take(&set, a, 100), 4);
    assert_int_equal(shadow_memory_take(&set, a, 1), 0);
    assert_int_equal(shadow_memory_take(&set, b, 100), 8); /* what is left, not its half */
    assert_int_equal(shadow_memory_take(&set, c, 1), 0);
    shadow_memory_give(&set, a, 3);
    assert_int_equal(shadow_memory_take(&set, c, 100), 3);
    /* What was taken and not used goes back once the tables are settled. */
    shadow_memory_settle(&set, a);
    shadow_memory_settle(&set, b);
    shadow_memory_settle(&set, c);
    assert_int_equal(memory.left, 17);
    shadow_give(&set, a, 1);
    shadow_give(&set, b, 2);
    shadow_give(&set, c, 3);
    kit_end();
}

static void no_room_for_a_root(void **state)
{
    (void)state;
    kit_begin(2);
    struct shadow *s = NULL;
    struct shadow *a = kit_shadow(guest_table(), 1);
    struct shadow *b = kit_shadow(guest_table(), 1);
    assert_int_equal(shadow_get(&set, guest_table(), 4, &s), ERR_QUOTA);
    assert_null(s);
    shadow_give(&set, b, 1);
    u32 plenty = ~0u;
    assert_true(shadow_tidy(&set, &plenty));
    assert_int_equal(shadow_get(&set, guest_table(), 4, &s), OK);
    shadow_give(&set, a, 1);
    kit_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_for_one),
        cmocka_unit_test(no_room_for_a_root),
    };
    return cmocka_run_group_tests_name("shadow_memory", tests, NULL, NULL);
}
