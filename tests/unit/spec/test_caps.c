/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CAP and ECAP: field lists, decoded values and what follows from them. The registers are
 * QEMU's, read from the running emulator with its options; the expected text was decoded by
 * hand from VT-d 11.4.2 and 11.4.3.
 */
#include "iommu/spec/caps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void check_list(const int *fields, size_t count, u64 reserved)
{
    u64 seen = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(field_hi(fields[i]) >= field_lo(fields[i]));
        assert_true(field_hi(fields[i]) < 64);
        assert_int_equal(seen & field_mask(fields[i]), 0);
        seen |= field_mask(fields[i]);
    }
    assert_int_equal(seen | reserved, ~0ull);
    assert_int_equal(seen & reserved, 0);
}

static void fields_tile_the_registers(void **state)
{
    (void)state;
#define CAP_ROW(name, hi, lo) VTD_CAP_##name,
#define ECAP_ROW(name, hi, lo) VTD_ECAP_##name,
    static const int cap[] = {VTD_CAP_FIELDS(CAP_ROW)};
    static const int ecap[] = {VTD_ECAP_FIELDS(ECAP_ROW)};
    /* Bits 3, 15:13, 23, 38, 58:57. */
    check_list(cap, ARRAY_LEN(cap), 1ull << 3 | 7ull << 13 | 1ull << 23 | 1ull << 38 | 3ull << 57);
    /* Bits 5, 19:18, 24, 28:27, 30, 32, 54, 63. */
    check_list(ecap, ARRAY_LEN(ecap), 1ull << 5 | 3ull << 18 | 1ull << 24 | 3ull << 27 |
                                          1ull << 30 | 1ull << 32 | 1ull << 54 | 1ull << 63);
}

struct decoded {
    u64 cap, ecap;
    const char *cap_text, *ecap_text;
    u32 domain_ids, ss_levels, fs_levels, mgaw, fault_offset, fault_records, iotlb, pasid, bytes;
    u64 page_sizes;
    enum vtd_ability ability;
};

enum { M2 = 1 << 21, G1 = 1 << 30 };

static const struct decoded units[] = {
    /* scalable-mode=on */
    {0x80d2008c222f0606, 0x0000480080f00f4a,
     "ND=65536 SAGAW=39,48 MGAW=48 FRO=0x220 SSLPS=2M,1G PSI NFR=1 MAMV=18 DWD DRD ESRTPS",
     "QI IR PT IRO=0xf0 MHMV=15 SRS SMTS SSTS",
     65536, 1 << 3 | 1 << 4, 0, 48, 0x220, 1, 0xf0, 0, 4096, 4096 | M2 | G1,
     VTD_ABILITY_SECOND_STAGE},
    /* scalable-mode=on,fsts=on */
    {0x81d2008c222f0606, 0x0000880000f00f4a,
     "ND=65536 SAGAW=39,48 MGAW=48 FRO=0x220 SSLPS=2M,1G PSI NFR=1 MAMV=18 DWD DRD FS1GP ESRTPS",
     "QI IR PT IRO=0xf0 MHMV=15 SMTS FSTS",
     65536, 1 << 3 | 1 << 4, 1 << 4, 48, 0x220, 1, 0xf0, 0, 4096, 4096 | M2 | G1,
     VTD_ABILITY_LEGACY},
    /* scalable-mode=on,fsts=on,svm=on,pasid-bits=20,device-iotlb=on,aw-bits=48 */
    {0x81d2008c222f0606, 0x00008d9a20f00f4e,
     "ND=65536 SAGAW=39,48 MGAW=48 FRO=0x220 SSLPS=2M,1G PSI NFR=1 MAMV=18 DWD DRD FS1GP ESRTPS",
     "QI DT IR PT IRO=0xf0 MHMV=15 PRS NWFS PSS=20 PASID PDS SMTS FSTS",
     65536, 1 << 3 | 1 << 4, 1 << 4, 48, 0x220, 1, 0xf0, 20, 4096, 4096 | M2 | G1,
     VTD_ABILITY_LEGACY},
    /* default */
    {0x80d2008c222f0606, 0x0000000000f00f4a,
     "ND=65536 SAGAW=39,48 MGAW=48 FRO=0x220 SSLPS=2M,1G PSI NFR=1 MAMV=18 DWD DRD ESRTPS",
     "QI IR PT IRO=0xf0 MHMV=15",
     65536, 1 << 3 | 1 << 4, 0, 48, 0x220, 1, 0xf0, 0, 4096, 4096 | M2 | G1, VTD_ABILITY_LEGACY},
    /* A nesting unit by hand: five levels, 8 records at 0x1000, IOTLB at 0x3ff0. */
    {0x1000070500380e04, 0x0001c8000403ff02,
     "ND=4096 SAGAW=39,48,57 MGAW=57 FRO=0x1000 SSLPS=2M NFR=8 FS5LP",
     "QI IRO=0x3ff0 NEST SMTS SSTS FSTS SMPWCS",
     4096, 1 << 3 | 1 << 4 | 1 << 5, 1 << 4 | 1 << 5, 57, 0x1000, 8, 0x3ff0, 0, 0x4000,
     4096 | M2, VTD_ABILITY_NESTED},
};

static void registers_are_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        const struct decoded *u = &units[i];
        char text[VTD_CAPS_TEXT];
        const char *why;
        assert_int_equal(vtd_cap_domain_ids(u->cap), u->domain_ids);
        assert_int_equal(vtd_cap_ss_levels(u->cap), u->ss_levels);
        assert_int_equal(vtd_caps_fs_levels(u->cap, u->ecap), u->fs_levels);
        assert_int_equal(vtd_cap_mgaw(u->cap), u->mgaw);
        assert_int_equal(vtd_cap_fault_offset(u->cap), u->fault_offset);
        assert_int_equal(vtd_cap_fault_records(u->cap), u->fault_records);
        assert_int_equal(vtd_ecap_iotlb_offset(u->ecap), u->iotlb);
        assert_int_equal(vtd_ecap_pasid_width(u->ecap), u->pasid);
        assert_int_equal(vtd_caps_register_bytes(u->cap, u->ecap), u->bytes);
        assert_int_equal(vtd_cap_ss_page_sizes(u->cap), u->page_sizes);
        vtd_cap_text(u->cap, text);
        assert_string_equal(text, u->cap_text);
        vtd_ecap_text(u->ecap, text);
        assert_string_equal(text, u->ecap_text);
        assert_int_equal(vtd_caps_ability(u->cap, u->ecap, &why), u->ability);
        assert_non_null(why);
    }
}

static const struct { const char *name; u64 cap_off, ecap_off; enum vtd_ability left; } lacks[] = {
    {"QI", 0, 1ull << 1, VTD_ABILITY_NONE},
    {"SAGAW", 0x1full << 8, 0, VTD_ABILITY_NONE},
    {"SMTS", 0, 1ull << 43, VTD_ABILITY_LEGACY},
    {"SSTS", 0, 1ull << 46, VTD_ABILITY_LEGACY},
    {"4 and 5 levels", 0xcull << 8, 0, VTD_ABILITY_LEGACY},
    {"NEST", 0, 1ull << 26, VTD_ABILITY_SECOND_STAGE},
    {"FSTS", 0, 1ull << 47, VTD_ABILITY_SECOND_STAGE},
};

static void each_missing_capability_costs_what_it_must(void **state)
{
    (void)state;
    const struct decoded *nesting = &units[ARRAY_LEN(units) - 1];
    for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
        const char *why;
        enum vtd_ability ability = vtd_caps_ability(nesting->cap & ~lacks[i].cap_off,
                                                    nesting->ecap & ~lacks[i].ecap_off, &why);
        if (ability != lacks[i].left) {
            fail_msg("without %s: %s (%s)", lacks[i].name, vtd_ability_text(ability), why);
        }
    }
}

static void a_unit_that_is_not_there(void **state)
{
    (void)state;
    const char *why;
    char text[VTD_CAPS_TEXT];
    assert_int_equal(vtd_caps_ability(~0ull, ~0ull, &why), VTD_ABILITY_NONE);
    assert_int_equal(vtd_caps_ability(0x7, 0, &why), VTD_ABILITY_NONE);
    assert_int_equal(vtd_cap_domain_ids(0x7), 0);
    assert_int_equal(vtd_cap_did_mask(0), 0xf);
    assert_int_equal(vtd_cap_did_mask(0x6), 0xffff);
    vtd_cap_text(~0ull, text);
    assert_true(strlen(text) < VTD_CAPS_TEXT - 1);
    assert_non_null(strstr(text, "ESRTPS"));
    vtd_ecap_text(~0ull, text);
    assert_true(strlen(text) < VTD_CAPS_TEXT - 1);
    assert_non_null(strstr(text, "IRREQ"));
    vtd_ecap_text(0, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_tile_the_registers),
        cmocka_unit_test(registers_are_decoded),
        cmocka_unit_test(each_missing_capability_costs_what_it_must),
        cmocka_unit_test(a_unit_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
