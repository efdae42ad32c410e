/* SPDX-License-Identifier: BSD-2-Clause */
/* One entry of the guest's: what it is by VT-d 9.8, and what it comes to on the partition's second stage. */
#include "unit/shadow/shadow_kit.h"

#define LARGE FIELD_MASK(SS_PS)
#define SNP FIELD_MASK(SS_SNP)
#define TM FIELD_MASK(SS_TM)

static void kinds(void **state)
{
    (void)state;
    static const struct { u64 entry; u32 level; enum shadow_kind kind; } cases[] = {
        {0, 1, SHADOW_HOLE},                        {TM | 1ull << 50 | LARGE, 2, SHADOW_HOLE},
        {K4 | 1, 1, SHADOW_LEAF},                   {K4 | 2, 1, SHADOW_LEAF},
        {K4 | 3 | SNP, 1, SHADOW_LEAF},             {K4 | 3 | TM, 1, SHADOW_RESERVED},
        {1ull << 46 | 3, 1, SHADOW_RESERVED},       {1ull << 45 | 3, 1, SHADOW_LEAF},
        {K4 | 3, 2, SHADOW_TABLE},                  {K4 | 3 | SNP, 2, SHADOW_RESERVED},
        {K4 | 3 | TM, 3, SHADOW_RESERVED},          {M2 | 3 | LARGE, 2, SHADOW_LEAF},
        {M2 | K4 | 3 | LARGE, 2, SHADOW_RESERVED},  {G1 | 3 | LARGE, 3, SHADOW_LEAF},
        {G1 | M2 | 3 | LARGE, 3, SHADOW_RESERVED},  {3 | LARGE, 4, SHADOW_RESERVED},
        {K4 | 3, 4, SHADOW_TABLE},
    };
    kit_begin(8);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(shadow_kind(&set, cases[i].entry, cases[i].level), cases[i].kind);
    }
    /* Without snoop control SNP is reserved, without large pages PS is. */
    struct shadow_config config = set.config;
    config.snoop = false;
    config.page_sizes = K4;
    shadow_init(&set, &config);
    assert_int_equal(shadow_kind(&set, K4 | 3 | SNP, 1), SHADOW_RESERVED);
    assert_int_equal(shadow_kind(&set, M2 | 3 | LARGE, 2), SHADOW_RESERVED);
    kit_end();
}

static u64 compose(u64 entry, u32 level, u64 access)
{
    u64 out;
    assert_true(shadow_compose(&set, entry, level, access, &out));
    return out;
}

static void access_of_both(void **state)
{
    (void)state;
    u64 out;
    kit_begin(8);
    assert_int_equal(domain_map(parent, (gpa_t){G1}, (hpa_t){3 * G1}, M2, PROT_READ, MEM_WB), OK);
    assert_int_equal(compose(K4 | 3, 1, 3), G1 + K4 + 3);
    assert_int_equal(compose(K4 | 3, 1, 1), G1 + K4 + 1);
    assert_int_equal(compose(K4 | 2, 1, 1), 0);
    assert_int_equal(compose(K4 | 3 | SNP, 1, 3), (G1 + K4 + 3) | SNP);
    assert_int_equal(compose((K4 | 3) | 0x3ull << 52 | 1ull << 9, 1, 3), G1 + K4 + 3); /* nothing else is taken over */
    assert_int_equal(compose(G1 | 3, 1, 3), 3 * G1 + 1);
    assert_int_equal(compose(G1 | 2, 1, 3), 0);
    assert_int_equal(compose((RAM + M2) | 3, 1, 3), 0);
    assert_int_equal(compose(M2 | 3 | LARGE, 2, 3), (G1 + M2 + 3) | LARGE);
    assert_int_equal(compose(0xfee00000 | 3, 1, 3), 0); /* requests there are interrupts */
    assert_false(shadow_compose(&set, 0 | 3 | LARGE, 3, 3, &out));
    u64 bytes;
    assert_int_equal(domain_unmap(parent, (gpa_t){G1}, M2, &bytes), OK);
    kit_end();
}

/* Where the second stage has a large page at an address that is none, pieces alone will do. */
static void odd_offsets(void **state)
{
    (void)state;
    u64 out, bytes;
    kit_begin(8);
    assert_int_equal(domain_map(parent, (gpa_t){G1}, (hpa_t){3 * G1 + K4}, M2, RW, MEM_WB), OK);
    assert_false(shadow_compose(&set, G1 | 3 | LARGE, 2, 3, &out));
    u64 piece = shadow_piece(G1 | 3 | LARGE, 2, 5);
    assert_int_equal(piece, (G1 + 5 * K4) | 3);
    assert_int_equal(compose(piece, 1, 3), (3 * G1 + 6 * K4) | 3);
    assert_int_equal(shadow_piece(G1 | 1 | LARGE, 3, 7), (G1 + 7 * M2) | 1 | LARGE);
    assert_int_equal(domain_unmap(parent, (gpa_t){G1}, M2, &bytes), OK);
    kit_end();
}

/* Four at a time or one by one: the same. */
static void runs(void **state)
{
    (void)state;
    u64 entries[11], single[11];
    kit_begin(8);
    for (u32 odd = 0; odd < 11; odd++) {
        for (u32 i = 0; i < 11; i++) {
            static const u64 odds[] = {0, RAM + M2 + 3, M2};
            entries[i] = i == odd ? odds[odd % 3] : (i * K4) | 3 | (i & 1 ? SNP : 0);
            single[i] = (entries[i] & 3) != 0 ? compose(entries[i], 1, 3) : 0;
        }
        assert_int_equal(shadow_compose_run(&set, entries, 1, 11, 3), 11);
        assert_memory_equal(entries, single, sizeof(entries));
    }
    for (u32 i = 0; i < 11; i++) {
        entries[i] = (i * M2) | 3 | (i == 6 ? 0 : LARGE);
    }
    assert_int_equal(shadow_compose_run(&set, entries, 2, 11, 3), 6); /* the next leads to a table */
    kit_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(access_of_both),
        cmocka_unit_test(odd_offsets),
        cmocka_unit_test(runs),
    };
    return cmocka_run_group_tests_name("shadow_entry", tests, NULL, NULL);
}
