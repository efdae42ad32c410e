/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest descriptors: one row per case, words in, command or IQEI out. */
#include "iommu/viommu/desc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { LEGACY = 0, SCALABLE = 1 };
#define ECAP_SCALABLE (1ull << 43)

struct desc_case {
    const char *name;
    u64 w[4];
    int mode;
    enum iqei expected;
};

static const struct desc_case cases[] = {
    {"context global", {0x11}, SCALABLE, IQEI_NONE},
    {"context domain", {0x21}, SCALABLE, IQEI_NONE},
    {"context device fm", {0x0003123400000031}, SCALABLE, IQEI_NONE},
    {"context granularity 0", {0x01}, SCALABLE, IQEI_RESERVED},
    {"context reserved bit 6", {0x51}, SCALABLE, IQEI_RESERVED},
    {"context reserved bit 50", {0x0004000000000011}, SCALABLE, IQEI_RESERVED},
    {"context upper word", {0x11, 1}, SCALABLE, IQEI_RESERVED},
    {"context third word", {0x11, 0, 1}, SCALABLE, IQEI_RESERVED},
    {"context fourth word", {0x11, 0, 0, 1}, SCALABLE, IQEI_RESERVED},
    {"context in legacy mode", {0x11}, LEGACY, IQEI_NONE},
    {"iotlb global", {0x12}, SCALABLE, IQEI_NONE},
    {"iotlb domain drain", {0x50000 | 0xe2}, SCALABLE, IQEI_NONE},
    {"iotlb page", {0x32, 0x7000 | 0x40 | 9}, SCALABLE, IQEI_NONE},
    {"iotlb granularity 0", {0x02}, SCALABLE, IQEI_RESERVED},
    {"iotlb reserved bit 8", {0x112}, SCALABLE, IQEI_RESERVED},
    {"iotlb reserved address bit", {0x32, 0x80}, SCALABLE, IQEI_RESERVED},
    {"device tlb", {0x03}, SCALABLE, IQEI_TYPE},
    {"interrupt entry cache", {0x0000ffff08000014}, SCALABLE, IQEI_NONE},
    {"interrupt entry cache reserved", {0x24}, SCALABLE, IQEI_RESERVED},
    {"iotlb page over MAMV", {0x32, 19}, SCALABLE, IQEI_RESERVED},
    {"wait with nothing", {0x05}, SCALABLE, IQEI_NONE},
    {"wait with both", {0x35, 0x1000}, SCALABLE, IQEI_NONE},
    {"wait fence", {0x65, 0x1000}, SCALABLE, IQEI_NONE},
    {"wait page request drain", {0x85}, SCALABLE, IQEI_RESERVED},
    {"wait misaligned address", {0x25, 0x1001}, SCALABLE, IQEI_RESERVED},
    {"pasid iotlb all", {0x26}, SCALABLE, IQEI_NONE},
    {"pasid iotlb page", {0x000fffff00010036, 0xfffff00000000073}, SCALABLE, IQEI_NONE},
    {"pasid iotlb granularity 0", {0x06}, SCALABLE, IQEI_RESERVED},
    {"pasid iotlb granularity 1", {0x16}, SCALABLE, IQEI_RESERVED},
    {"pasid iotlb high pasid", {0x0010000000000026}, SCALABLE, IQEI_RESERVED},
    {"pasid iotlb in legacy mode", {0x26}, LEGACY, IQEI_TYPE},
    {"pasid cache domain", {0x07}, SCALABLE, IQEI_NONE},
    {"pasid cache pasid", {0x17}, SCALABLE, IQEI_NONE},
    {"pasid cache granularity 2", {0x27}, SCALABLE, IQEI_RESERVED},
    {"pasid cache global", {0x37}, SCALABLE, IQEI_NONE},
    {"pasid cache second word", {0x37, 1}, SCALABLE, IQEI_RESERVED},
    {"pasid cache in legacy mode", {0x37}, LEGACY, IQEI_TYPE},
    {"pasid device tlb", {0x08}, SCALABLE, IQEI_TYPE},
    {"page group response", {0x09}, SCALABLE, IQEI_TYPE},
    {"type A", {0x0a}, SCALABLE, IQEI_TYPE},
    {"type 0", {0x00}, SCALABLE, IQEI_TYPE},
    {"type high bits", {0x211}, SCALABLE, IQEI_TYPE},
};

#define CAP (18ull << 48 | 1ull << 39 | 6) /* MAMV, PSI, ND */

static const struct desc_rules rules_of[] = {
    [LEGACY] = {.cap = CAP, .did_mask = 0xffff, .haw = 46, .wide = true, .rtaddr = 0},
    [SCALABLE] = {.cap = CAP, .did_mask = 0xffff, .haw = 46, .wide = true, .rtaddr = 1u << 10},
};

static void each_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct viommu_cmd cmd;
        enum iqei got = viommu_desc_decode(&rules_of[cases[i].mode], cases[i].w, &cmd);
        if (got != cases[i].expected) {
            fail_msg("%s: %d, expected %d", cases[i].name, got, cases[i].expected);
        }
    }
}

static void fields_land_where_printed(void **state)
{
    (void)state;
    struct viommu_cmd cmd;
    const u64 context[4] = {0x0002567800000031};
    assert_int_equal(viommu_desc_decode(&rules_of[SCALABLE], context, &cmd), IQEI_NONE);
    assert_int_equal(cmd.sid, 0x5678);
    assert_int_equal(cmd.function_mask, 2);
    assert_int_equal(cmd.granularity, VGRAN_DEVICE);
    const u64 page[4] = {0x000abcde12340036, 0x123456789a000 | 0x40 | 5};
    assert_int_equal(viommu_desc_decode(&rules_of[SCALABLE], page, &cmd), IQEI_NONE);
    assert_int_equal(cmd.pasid, 0xabcde);
    assert_int_equal(cmd.did, 0x1234);
    assert_int_equal(cmd.reach, page[1]);
    const u64 wait[4] = {0xcafe000000000025, ~0ull << 2};
    assert_int_equal(viommu_desc_decode(&rules_of[SCALABLE], wait, &cmd), IQEI_NONE);
    assert_int_equal(cmd.status_data, 0xcafe0000);
    assert_int_equal(cmd.status_addr, (1ull << 46) - 4); /* bits at HAW and above are ignored */
    assert_int_equal(cmd.wait_flags, FIELD_MASK(DESC_WAIT_SW));
}

static void width_must_fit_the_mode(void **state)
{
    (void)state;
    struct desc_rules rules = rules_of[SCALABLE];
    assert_int_equal(viommu_desc_check_mode(&rules, ECAP_SCALABLE), IQEI_NONE);
    rules.wide = false;
    assert_int_equal(viommu_desc_check_mode(&rules, ECAP_SCALABLE), IQEI_WIDTH);
    rules.rtaddr = 0;
    assert_int_equal(viommu_desc_check_mode(&rules, ECAP_SCALABLE), IQEI_NONE);
    rules.wide = true; /* a bit that a unit without scalable mode does not have */
    assert_int_equal(viommu_desc_check_mode(&rules, ECAP_SCALABLE), IQEI_NONE);
    assert_int_equal(viommu_desc_check_mode(&rules, 0), IQEI_WIDTH);
    rules.rtaddr = 2u << 10;
    assert_int_equal(viommu_desc_check_mode(&rules, ECAP_SCALABLE), IQEI_TTM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(fields_land_where_printed),
        cmocka_unit_test(width_must_fit_the_mode),
    };
    return cmocka_run_group_tests_name("viommu_desc", tests, NULL, NULL);
}
