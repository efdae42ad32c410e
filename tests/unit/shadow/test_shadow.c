/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of shadows: who uses which under which id, what has to be invalidated, how they follow the second stage. */
#include "unit/shadow/shadow_kit.h"

#define IOVA 0x7f00345000ull

static void by_table_and_by_id(void **state)
{
    (void)state;
    u32 budget = 100;
    struct shadow *other;
    kit_begin(64);
    gpa_t root[2] = {guest_table(), guest_table()};
    struct shadow *a = kit_shadow(root[0], 1);
    struct shadow *b = kit_shadow(root[1], 1);
    assert_ptr_equal(kit_shadow(root[0], 2), a);
    assert_int_equal(shadow_get(&set, root[0], 3, &other), OK); /* another width: another table */
    assert_ptr_not_equal(other, a);
    assert_ptr_equal(shadow_next(&set, 1, 0, &budget), a);
    assert_ptr_equal(shadow_next(&set, 1, shadow_serial(a), &budget), b);
    assert_null(shadow_next(&set, 1, shadow_serial(b), &budget));
    assert_ptr_equal(shadow_next(&set, 2, 0, &budget), a);
    assert_null(shadow_next(&set, 3, 0, &budget));
    assert_ptr_equal(shadow_next(&set, SHADOW_ALL, shadow_serial(a), &budget), b);
    assert_ptr_equal(shadow_next(&set, SHADOW_ALL, shadow_serial(b), &budget), other);
    assert_int_equal(budget, 100);
    shadow_give(&set, a, 1);
    assert_ptr_equal(shadow_next(&set, 1, 0, &budget), b);
    shadow_give(&set, b, 1);
    shadow_give(&set, a, 2);
    assert_ptr_equal(shadow_next(&set, SHADOW_ALL, 0, &budget), other);
    kit_end();
}

/* Passing a thousand of them costs something. */
static void passing_counts(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    u32 budget = 100;
    kit_begin(2 * MANY);
    struct shadow *s = NULL;
    for (u32 i = 0; i < MANY; i++) {
        s = kit_shadow((gpa_t){i * K4}, 1);
    }
    assert_ptr_equal(shadow_next(&set, SHADOW_ALL, shadow_serial(s) - 1, &budget), s);
    assert_true(budget < 80);
    budget = 100;
    assert_ptr_equal(shadow_next(&set, 1, shadow_serial(s) - 1, &budget), s);
    assert_true(budget < 80);
    for (u32 i = 0; i < MANY; i++) {
        assert_int_equal(shadow_get(&set, (gpa_t){i * K4}, 4, &s), OK);
        shadow_give(&set, s, 1);
    }
    kit_end();
}

/* By one descriptor, unless tables have to be given back. */
static void invalidation(void **state)
{
    (void)state;
    struct vtd_desc d;
    bool any;
    u64 at = IOVA;
    u32 plenty = ~0u;
    kit_begin(64);
    gpa_t root = guest_table();
    struct shadow *s = kit_shadow(root, 1);
    *guest_entry(root, IOVA, 1) = K4 | 3;
    assert_int_equal(domain_attach(shadow_domain(s), &unit0, VTD_ROOT_GUEST, 8, VTD_NO_PASID), OK);
    assert_true(shadow_sync(&set, s, &at, IOVA + K4, &plenty));
    assert_int_equal(shadow_invalidate(&set, s, &d, &any), OK);
    assert_true(any);
    assert_int_equal(shadow_invalidate(&set, s, &d, &any), OK);
    assert_false(any);
    *guest_entry(root, IOVA, 1) = 0;
    at = IOVA;
    assert_true(shadow_sync(&set, s, &at, IOVA + K4, &plenty));
    assert_int_equal(shadow_invalidate(&set, s, &d, &any), ERR_BUSY);
    u32 before = unit0.invals;
    unit0.next_inval = ERR_TIMEOUT;
    assert_int_equal(shadow_flush(&set, s), ERR_TIMEOUT);
    assert_int_equal(shadow_flush(&set, s), OK);
    assert_int_equal(unit0.invals, before + 2);
    assert_int_equal(memory.left, 63);
    assert_int_equal(domain_detach(shadow_domain(s), &unit0, VTD_ROOT_GUEST, 8, VTD_NO_PASID), OK);
    shadow_give(&set, s, 1);
    kit_end();
}

/* --- the second stage changes --- */

static u32 most_steps, calls;

static bool follow(struct domain_follower *self, bool again, u32 *budget)
{
    (void)self;
    u32 before = *budget;
    bool done = shadow_follow(&set, again, budget);
    most_steps = before - *budget > most_steps ? before - *budget : most_steps;
    calls++;
    return done;
}

/*
 * A page goes from tables that are large: in calls that each take little. Nothing is given back before the last; a page
 * that goes meanwhile has them all begin again.
 */
static void following_is_bounded(void **state)
{
    (void)state;
    enum { TABLES = 6, LEAVES = 8 * 512 };
    struct shadow *s[TABLES];
    struct domain_follower follower = {.changed = follow};
    u64 bytes;
    kit_begin(256);
    domain_follow(parent, &follower);
    gpa_t root = guest_table();
    for (u64 i = 0; i < LEAVES; i++) {
        *guest_entry(root, IOVA + i * K4, 1) = (i % (RAM / K4) * K4) | 3;
    }
    for (u32 i = 0; i < TABLES; i++) { /* roots over the same tables */
        gpa_t own = guest_table();
        memcpy(guest[own.v / PAGE_SIZE], guest[root.v / PAGE_SIZE], PAGE_SIZE);
        s[i] = kit_shadow(own, (u16)i);
        kit_sync(s[i]);
    }
    assert_int_equal(domain_unmap(parent, (gpa_t){2 * M2}, M2, &bytes), OK);
    most_steps = calls = 0;
    u32 flushes = 0;
    enum result r;
    do {
        r = domain_flush(parent, (gpa_t){2 * M2}, M2);
        if (++flushes == 5) {
            assert_int_equal(r, ERR_BUSY);
            assert_int_equal(domain_unmap(parent, (gpa_t){7 * M2}, K4, &bytes), OK);
        }
    } while (r == ERR_BUSY);
    assert_int_equal(r, OK);
    assert_true(flushes > 10 && calls == flushes);
    assert_true(most_steps <= DOMAIN_FOLLOW_STEPS);
    for (u32 i = 0; i < TABLES; i++) {
        for (u64 leaf = 0; leaf < LEAVES; leaf++) {
            u64 gpa = leaf % (RAM / K4) * K4;
            bool gone = gpa / M2 == 2 || gpa == 7 * M2;
            assert_int_equal(kit_at(s[i], IOVA + leaf * K4), gone ? 0 : (G1 + gpa) | 3);
        }
        shadow_give(&set, s[i], (u16)i);
    }
    assert_int_equal(domain_flush(parent, (gpa_t){0}, 0), OK); /* nobody has anything more to do */
    assert_int_equal(calls, flushes);
    domain_unfollow(parent, &follower);
    kit_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_table_and_by_id),
        cmocka_unit_test(passing_counts),
        cmocka_unit_test(invalidation),
        cmocka_unit_test(following_is_bounded),
    };
    return cmocka_run_group_tests_name("shadow_shadow", tests, NULL, NULL);
}
