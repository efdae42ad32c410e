/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of a guest's table that are read again: in one go and in pieces, with and without room; what a fault says. */
#include "unit/shadow/shadow_kit.h"

#define LARGE FIELD_MASK(SS_PS)
#define IOVA 0x7f00345000ull

static void a_part_and_the_whole(void **state)
{
    (void)state;
    kit_begin(64);
    gpa_t root = guest_table();
    struct shadow *s = kit_shadow(root, 1);
    *guest_entry(root, IOVA, 1) = 5 * K4 | 3;
    *guest_entry(root, IOVA + K4, 1) = 6 * K4 | 1;
    *guest_entry(root, G1, 2) = M2 | 3 | LARGE;
    u64 at = IOVA;
    u32 budget = ~0u;
    assert_true(shadow_sync(&set, s, &at, IOVA + K4, &budget));
    assert_int_equal(kit_at(s, IOVA), G1 + 5 * K4 + 3);
    assert_int_equal(kit_at(s, IOVA + K4), 0); /* not announced */
    assert_int_equal(kit_at(s, G1), 0);
    kit_sync(s);
    assert_int_equal(kit_at(s, IOVA + K4), G1 + 6 * K4 + 1);
    assert_int_equal(kit_at(s, G1 + 9 * K4), G1 + M2 + 9 * K4 + 3);
    guest_entry(root, IOVA, 3)[0] = 0; /* with all below it */
    kit_sync(s);
    assert_int_equal(kit_at(s, IOVA), 0);
    assert_int_equal(kit_at(s, G1), G1 + M2 + 3);
    shadow_give(&set, s, 1);
    kit_end();
}

/* A large page over a hole of the partition's, and over one that is not as large: by pieces, as small as it takes. */
static void large_pages_in_pieces(void **state)
{
    (void)state;
    u64 bytes;
    kit_begin(64);
    gpa_t root = guest_table();
    struct shadow *s = kit_shadow(root, 1);
    assert_int_equal(domain_unmap(parent, (gpa_t){M2 + 3 * K4}, K4, &bytes), OK);
    assert_int_equal(domain_flush(parent, (gpa_t){M2}, M2), OK);
    *guest_entry(root, G1, 3) = 0 | 3 | LARGE;
    kit_sync(s);
    assert_int_equal(kit_at(s, G1), G1 + 3);
    assert_int_equal(kit_at(s, G1 + M2 + 2 * K4), G1 + M2 + 2 * K4 + 3);
    assert_int_equal(kit_at(s, G1 + M2 + 3 * K4), 0);
    assert_int_equal(kit_at(s, G1 + M2 + 4 * K4), G1 + M2 + 4 * K4 + 3);
    assert_int_equal(kit_at(s, G1 + RAM), 0);
    assert_int_equal(domain_table_pages(shadow_domain(s)), 4); /* 4K pages where the hole is, nowhere else */
    shadow_give(&set, s, 1);
    kit_end();
}

/* The same comes out whatever the budgets are, and each of them is kept. */
static void budgets(void **state)
{
    (void)state;
    for (u32 most = 1; most < 200; most = 2 * most + 1) {
        kit_begin(64);
        gpa_t root = guest_table();
        struct shadow *s = kit_shadow(root, 1);
        for (u64 i = 0; i < 2000; i++) {
            *guest_entry(root, IOVA + i * K4, 1) = i % 7 == 0 ? 0 : (i * K4) | 3;
        }
        u64 at = 0;
        u32 calls = 0;
        for (bool done = false; !done; calls++) {
            u32 budget = most;
            u64 before = at;
            done = shadow_sync(&set, s, &at, 0, &budget);
            assert_true(at > before);
            assert_true(done || budget == 0);
        }
        assert_true(calls * (most + 128) > 2000 / 8);
        for (u64 i = 0; i < 2000; i++) {
            assert_int_equal(kit_at(s, IOVA + i * K4), i % 7 == 0 ? 0 : (G1 + i * K4) | 3);
        }
        shadow_give(&set, s, 1);
        kit_end();
    }
}

/* What is not memory is not there; without room nothing of before stays. */
static void what_goes_wrong(void **state)
{
    (void)state;
    kit_begin(8);
    gpa_t root = guest_table();
    struct shadow *s = kit_shadow(root, 1);
    *guest_entry(root, IOVA, 1) = 5 * K4 | 3;
    kit_sync(s);
    assert_int_equal(memory.left, 4);
    *guest_entry(root, IOVA, 1) = 6 * K4 | 3;
    *guest_entry(root, G1, 1) = K4 | 3; /* two more tables: the half of 8 pages is used */
    kit_sync(s);
    assert_int_equal(kit_at(s, IOVA), G1 + 6 * K4 + 3);
    assert_int_equal(kit_at(s, G1), 0);
    assert_int_equal(hosted_log_lines(), 1);
    *guest_entry(root, IOVA, 2) = GUEST_PAGES * K4 | 3; /* a table outside of memory */
    kit_sync(s);
    assert_int_equal(kit_at(s, IOVA), 0);
    assert_int_equal(hosted_log_lines(), 1);
    shadow_give(&set, s, 1);
    kit_end();
}

static void reasons(void **state)
{
    (void)state;
    kit_begin(8);
    gpa_t root = guest_table();
    *guest_entry(root, IOVA, 1) = 5 * K4 | 1;
    *guest_entry(root, IOVA + K4, 1) = 5 * K4 | 3 | FIELD_MASK(SS_TM);
    *guest_entry(root, IOVA + 2 * K4, 1) = 0xfee00000 | 3;
    *guest_entry(root, G1, 2) = GUEST_PAGES * K4 | 3;
    static const struct { u64 addr; bool write; enum vtd_fault_reason why; } cases[] = {
        {IOVA, false, VTD_FAULT_NONE},
        {IOVA, true, VTD_FAULT_LEGACY_WRITE},
        {IOVA + K4, false, VTD_FAULT_LEGACY_SS_ENTRY_RESERVED},
        {IOVA + 2 * K4, true, VTD_FAULT_LEGACY_INTERRUPT_RANGE},
        {IOVA + 3 * K4, false, VTD_FAULT_LEGACY_READ},
        {G1, false, VTD_FAULT_LEGACY_SS_ENTRY_ACCESS},
        {1ull << 48, false, VTD_FAULT_LEGACY_ADDRESS_WIDTH},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(shadow_judge(&set, root, 4, cases[i].addr, !cases[i].write, cases[i].write), cases[i].why);
    }
    assert_int_equal(shadow_judge(&set, (gpa_t){GUEST_PAGES * K4}, 4, 0, true, false),
                     VTD_FAULT_LEGACY_CONTEXT_INVALID);
    kit_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_and_the_whole),
        cmocka_unit_test(large_pages_in_pieces),
        cmocka_unit_test(budgets),
        cmocka_unit_test(what_goes_wrong),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests_name("shadow_sync", tests, NULL, NULL);
}
