/* SPDX-License-Identifier: BSD-2-Clause */
/* Field lists of entries: no field spans two words or meets another, and what no list names is reserved. */
#include "iommu/spec/entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* Bits of each word that the list names, against those counted by hand in chapter 9. */
static void check_list(const int *fields, size_t count, const u64 *named, u32 words)
{
    u64 seen[8] = {0};
    for (size_t i = 0; i < count; i++) {
        u32 word = field_word(fields[i]);
        assert_true(field_hi(fields[i]) >= field_lo(fields[i]));
        assert_int_equal(field_hi(fields[i]) / 64, word);
        assert_true(word < words);
        assert_int_equal(seen[word] & field_mask(fields[i]), 0);
        assert_int_equal(FIELD_MASK(fields[i]), field_mask(fields[i]));
        seen[word] |= field_mask(fields[i]);
    }
    for (u32 i = 0; i < words; i++) {
        assert_int_equal(seen[i], named[i]);
    }
}

#define LIST(prefix, list) \
    static const int prefix##_fields[] = {list(prefix##_ROW)}
#define CHECK(prefix, ...) do { \
        const u64 named[] = {__VA_ARGS__}; \
        check_list(prefix##_fields, ARRAY_LEN(prefix##_fields), named, ARRAY_LEN(named)); \
    } while (0)

#define ROOT_ROW(name, hi, lo) ROOT_##name,
#define CONTEXT_ROW(name, hi, lo) CONTEXT_##name,
#define LEGACY_CONTEXT_ROW(name, hi, lo) LEGACY_CONTEXT_##name,
#define PASID_DIR_ROW(name, hi, lo) PASID_DIR_##name,
#define PASID_ROW(name, hi, lo) PASID_##name,
#define FS_ROW(name, hi, lo) FS_##name,
#define IRTE_ROW(name, hi, lo) IRTE_##name,
#define POSTED_IRTE_ROW(name, hi, lo) POSTED_IRTE_##name,
LIST(ROOT, ROOT_ENTRY);
LIST(CONTEXT, CONTEXT_ENTRY);
LIST(LEGACY_CONTEXT, LEGACY_CONTEXT_ENTRY);
LIST(PASID_DIR, PASID_DIR_ENTRY);
LIST(PASID, PASID_ENTRY);
LIST(FS, FS_ENTRY);
LIST(IRTE, IRTE_ENTRY);
LIST(POSTED_IRTE, POSTED_IRTE_ENTRY);

static void lists_name_what_chapter_9_names(void **state)
{
    (void)state;
    CHECK(ROOT, 0xfffffffffffff001, 0xfffffffffffff001);
    CHECK(CONTEXT, 0xfffffffffffffe7f, 0x1fffff, 0, 0);
    CHECK(LEGACY_CONTEXT, 0xfffffffffffff00f, 0xffff7f);
    CHECK(PASID_DIR, 0xfffffffffffff003);
    CHECK(PASID, 0xfffffffffffff3df, 0xffffffff0780ffff, 0xfffffffffffff0fd, 0, 0xfffffffffffff007, 0xffff, 0, 0);
    CHECK(FS, 0x000ffffffffff081);
    CHECK(IRTE, 0xffffffff00ff8fff, 0xfffff);
    CHECK(POSTED_IRTE, 0xffffffc000ffcf03, 0xffffffff000fffff);
}

static void a_field_is_set_and_read_alone(void **state)
{
    (void)state;
    struct pasid_entry e = {{0}};
    for (u32 i = 0; i < ARRAY_LEN(PASID_fields); i++) {
        enum pasid_field f = (enum pasid_field)PASID_fields[i];
        u64 all = field_mask((int)f) >> field_lo((int)f) % 64;
        pasid_set(&e, f, ~0ull);
        assert_int_equal(pasid_get(&e, f), all);
        for (u32 k = 0; k < 8; k++) {
            assert_int_equal(e.w[k], k == field_word((int)f) ? field_put((int)f, all) : 0);
        }
        pasid_set(&e, f, 0);
    }
}

/* A remapped entry put together by hand from VT-d 9.9, and what its parts say. */
static void an_interrupt_entry(void **state)
{
    (void)state;
    struct irte e = {{0}};
    irte_set(&e, IRTE_P, 1);
    irte_set(&e, IRTE_RH, 1);
    irte_set(&e, IRTE_DLM, 1);
    irte_set(&e, IRTE_V, 0x31);
    irte_set(&e, IRTE_DST, 0x00030004);
    irte_set(&e, IRTE_SID, 0x12f8);
    irte_set(&e, IRTE_SQ, 3);
    irte_set(&e, IRTE_SVT, SVT_SID);
    assert_int_equal(e.w[0], 0x0003000400310029);
    assert_int_equal(e.w[1], 0x712f8);
    assert_int_equal(field_get(e.w, IRTE_XAPIC_DST), 0);
    assert_int_equal(irte_first_bus(&e), 0x12);
    assert_int_equal(irte_last_bus(&e), 0xf8);
    static const u16 masks[] = {0, 4, 6, 7};
    for (u32 sq = 0; sq < ARRAY_LEN(masks); sq++) {
        assert_int_equal(irte_sq_mask(sq), masks[sq]);
    }
    assert_int_equal(irta_entries(0), 2);
    assert_int_equal(irta_entries(15), IRTE_TABLE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_name_what_chapter_9_names),
        cmocka_unit_test(a_field_is_set_and_read_alone),
        cmocka_unit_test(an_interrupt_entry),
    };
    return cmocka_run_group_tests_name("spec_entries", tests, NULL, NULL);
}
