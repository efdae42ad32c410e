/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors against words put together by hand from VT-d 6.5.2. */
#include "iommu/spec/desc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void expect(struct vtd_desc d, u64 low, u64 high)
{
    assert_int_equal(d.w[0], low);
    assert_int_equal(d.w[1], high);
    assert_int_equal(d.w[2] | d.w[3], 0);
}

static void constructors_write_the_words_of_6_5_2(void **state)
{
    (void)state;
    expect(vtd_desc_context_global(), 0x11, 0);
    expect(vtd_desc_context_device(0x1234, 0xabcd), 0x0000abcd12340031, 0);
    expect(vtd_desc_pasid_cache_global(), 0x37, 0);
    expect(vtd_desc_pasid_cache_domain(0x1234), 0x12340007, 0);
    expect(vtd_desc_pasid_cache(0x1234, 0xfedcb), 0x000fedcb12340017, 0);
    expect(vtd_desc_iotlb_global(), 0xd2, 0);
    expect(vtd_desc_iotlb_domain(0xffff), 0xffff00e2, 0);
    expect(vtd_desc_iotlb_pages(0x1234, 0x7654321200000, 9), 0x123400f2, 0x7654321200009);
    expect(vtd_desc_pasid_iotlb(0x1234, 0xfedcb), 0x000fedcb12340026, 0);
    expect(vtd_desc_pasid_iotlb_pages(0x1234, 0xfedcb, 0xffff800000000049), 0x000fedcb12340036, 0xffff800000000049);
    expect(vtd_desc_interrupt_entry_global(), 0x04, 0);
    expect(vtd_desc_interrupt_entries(0xabcd, 0), 0x0000abcd00000014, 0);
    expect(vtd_desc_interrupt_entries(0x8000, 15), 0x0000800078000014, 0);
    expect(vtd_desc_wait(0, 0, 0), 0x05, 0);
    expect(vtd_desc_wait(field_put(DESC_WAIT_IF, 1), 0, 0), 0x15, 0);
    expect(vtd_desc_wait(field_put(DESC_WAIT_SW, 1) | field_put(DESC_WAIT_FN, 1), 0x89abcdef, 0x123456780),
           0x89abcdef00000065, 0x123456780);
}

/* Bits of the first two words that the list names. */
static void check_list(const int *fields, size_t count, u64 low, u64 high)
{
    u64 seen[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        u32 word = field_word(fields[i]);
        assert_true(field_hi(fields[i]) >= field_lo(fields[i]));
        assert_int_equal(field_hi(fields[i]) / 64, word);
        assert_true(word < 2);
        assert_int_equal(seen[word] & field_mask(fields[i]), 0);
        seen[word] |= field_mask(fields[i]);
    }
    assert_int_equal(seen[0], low);
    assert_int_equal(seen[1], high);
}

static void lists_name_the_bits_that_may_be_set(void **state)
{
    (void)state;
#define CONTEXT_ROW(name, hi, lo) DESC_CONTEXT_CACHE_##name,
#define PASID_ROW(name, hi, lo) DESC_PASID_CACHE_##name,
#define IOTLB_ROW(name, hi, lo) DESC_IOTLB_##name,
#define PASID_IOTLB_ROW(name, hi, lo) DESC_PASID_IOTLB_##name,
#define IEC_ROW(name, hi, lo) DESC_INTERRUPT_ENTRY_##name,
#define WAIT_ROW(name, hi, lo) DESC_WAIT_##name,
    static const int context[] = {DESC_CONTEXT_CACHE_FIELDS(CONTEXT_ROW)};
    static const int pasid[] = {DESC_PASID_CACHE_FIELDS(PASID_ROW)};
    static const int iotlb[] = {DESC_IOTLB_FIELDS(IOTLB_ROW)};
    static const int pasid_iotlb[] = {DESC_PASID_IOTLB_FIELDS(PASID_IOTLB_ROW)};
    static const int iec[] = {DESC_INTERRUPT_ENTRY_FIELDS(IEC_ROW)};
    static const int wait[] = {DESC_WAIT_FIELDS(WAIT_ROW)};
    check_list(context, ARRAY_LEN(context), 0x0003ffffffff003f, 0);
    check_list(pasid, ARRAY_LEN(pasid), 0x000fffffffff003f, 0);
    check_list(iotlb, ARRAY_LEN(iotlb), 0x00000000ffff00ff, 0xfffffffffffff07f);
    check_list(pasid_iotlb, ARRAY_LEN(pasid_iotlb), 0x000fffffffff003f, 0xfffffffffffff07f);
    check_list(iec, ARRAY_LEN(iec), 0x0000fffff800001f, 0);
    check_list(wait, ARRAY_LEN(wait), 0xffffffff000000ff, 0xfffffffffffffffc);
}

static void function_masks_are_those_of_table_21(void **state)
{
    (void)state;
    static const u16 masks[] = {0, 4, 6, 7};
    for (u32 fm = 0; fm < ARRAY_LEN(masks); fm++) {
        assert_int_equal(desc_fm_mask(fm), masks[fm]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructors_write_the_words_of_6_5_2),
        cmocka_unit_test(lists_name_the_bits_that_may_be_set),
        cmocka_unit_test(function_masks_are_those_of_table_21),
    };
    return cmocka_run_group_tests_name("spec_desc", tests, NULL, NULL);
}
