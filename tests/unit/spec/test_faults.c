/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of fault reasons against what tables 15 and 30 print, and the fields of a fault record. */
#include "iommu/spec/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct reason {
    u8 number;
    const char *row;
    const char *text;
};

#define REASON(name, number, row, qualified, text) {(number), (row), (text)},
static const struct reason reasons[] = {VTD_FAULT_REASONS(REASON)};
#undef REASON

/* By hand from the tables: all reasons, and those whose column "qualified" says no. */
static const u8 all[] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x38, 0x39, 0x3a,
    0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x50, 0x51, 0x52,
    0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x60, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77,
    0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x89,
    0x90, 0x91, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
};
static const u8 unqualified[] = {
    0x01, 0x08, 0x09, 0x0a, 0x20, 0x21, 0x23, 0x25, 0x29, 0x2a, 0x2b, 0x30, 0x31, 0x32, 0x33, 0x34,
    0x38, 0x39, 0x3a, 0x40, 0x50, 0x58,
};

static void every_reason_is_listed_in_order(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(reasons), ARRAY_LEN(all));
    for (u32 i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(reasons[i].number, all[i]);
    }
}

/* The letters of a row say which table of the walk it is about; each row is there once. */
static void rows_are_those_of_table_30(void **state)
{
    (void)state;
    static const struct { u8 first, last; const char *letters; } ranges[] = {
        {0x01, 0x0e, "L"}, {0x20, 0x2b, "-"}, {0x30, 0x34, "RTA."}, {0x38, 0x3a, "SRT."}, {0x40, 0x49, "SCT."},
        {0x50, 0x52, "SPD."}, {0x58, 0x60, "SPT."}, {0x70, 0x77, "SFS."}, {0x78, 0x7d, "SSS."},
        {0x80, 0x89, "SGN."}, {0x90, 0x91, "SFS."}, {0xa0, 0xa5, "HPT."},
    };
    for (u32 i = 0; i < ARRAY_LEN(reasons); i++) {
        u32 at = 0;
        while (reasons[i].number > ranges[at].last) {
            at++;
        }
        assert_true(reasons[i].number >= ranges[at].first);
        assert_int_equal(strncmp(reasons[i].row, ranges[at].letters, strlen(ranges[at].letters)), 0);
        for (u32 k = 0; k < i; k++) {
            assert_true(strcmp(reasons[i].row, "-") == 0 || strcmp(reasons[i].row, reasons[k].row) != 0);
        }
    }
}

static void fpd_hides_what_the_tables_call_qualified(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(vtd_fault_is_qualified(all[i]), memchr(unqualified, all[i], sizeof(unqualified)) == NULL);
    }
    assert_false(vtd_fault_is_qualified(0xee));
}

static void every_reason_has_words(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(reasons); i++) {
        assert_string_equal(vtd_fault_text(reasons[i].number), reasons[i].text);
        assert_true(strlen(reasons[i].text) != 0);
    }
    assert_string_equal(vtd_fault_text(0xee), "reason unknown");
    assert_string_equal(vtd_fault_text(VTD_FAULT_NONE), "reason unknown");
}

/* A record put together by hand: an atomic request with PASID, privileged and for execution. */
static void a_record_is_read_by_its_fields(void **state)
{
    (void)state;
    struct fault_record r = {{0x123456789abcd000, 0xe5432185f0001a2b}};
    assert_int_equal(frcd_get(&r, FRCD_FI), 0x123456789abcd);
    assert_int_equal(frcd_get(&r, FRCD_SID), 0x1a2b);
    assert_int_equal(frcd_get(&r, FRCD_FR), 0x85);
    assert_int_equal(frcd_get(&r, FRCD_PV), 0x54321);
    assert_int_equal(frcd_get(&r, FRCD_AT), 2);
    static const enum frcd_field flags[] = {FRCD_T2, FRCD_PRIV, FRCD_EXE, FRCD_PP, FRCD_T1, FRCD_F};
    for (u32 i = 0; i < ARRAY_LEN(flags); i++) {
        assert_int_equal(frcd_get(&r, flags[i]), 1);
        frcd_set(&r, flags[i], 0);
    }
    assert_int_equal(r.w[1], 0x2543218500001a2b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_listed_in_order),
        cmocka_unit_test(rows_are_those_of_table_30),
        cmocka_unit_test(fpd_hides_what_the_tables_call_qualified),
        cmocka_unit_test(every_reason_has_words),
        cmocka_unit_test(a_record_is_read_by_its_fields),
    };
    return cmocka_run_group_tests_name("spec_faults", tests, NULL, NULL);
}
