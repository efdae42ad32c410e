/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries: golden words, every capability that is missing, every value out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/hosted.h"

#define BIT(n) (1ull << (n))
#define ALL_ECAP (BIT(6) | BIT(7) | BIT(26) | BIT(31) | BIT(34) | BIT(43) | BIT(45) | BIT(46) |    \
                  BIT(47) | BIT(48) | 3)

static struct vtd_unit_info full(void)
{
    return (struct vtd_unit_info){
        .index = 3, .cap = 47ull << 16 | BIT(60), .ecap = ALL_ECAP, .haw = 46,
        .mode = VTD_MODE_SCALABLE, .nesting = true, .ss_levels = 1 << 4 | 1 << 5,
        .fs_levels = 1 << 4 | 1 << 5, .domain_ids = 256};
}

static const struct vtd_entry nested = {
    .pgtt = PGTT_NESTED, .did = 0x12, .ss_root = {0x123456000}, .ss_levels = 4,
    .fs_root = 0xabcdef000, .fs_width = 48};
static const struct vtd_entry second = {
    .pgtt = PGTT_SECOND_STAGE, .did = 0x34, .ss_root = {0x2000}, .ss_levels = 5};
static const struct vtd_entry first = {
    .pgtt = PGTT_FIRST_STAGE, .did = 0x56, .fs_root = 0x3000, .fs_width = 57, .sre = true,
    .wpe = true, .eafe = true};
static const struct vtd_entry pass = {.pgtt = PGTT_PASS_THROUGH, .did = 0x78};

/* VT-d 9.6: P 0, FPD 1, AW 4:2, PGTT 8:6, SSADE 9; DID 79:64, PWSNP 87, PGSNP 88; SRE 128, ... */
static void golden_words(void **state)
{
    (void)state;
    struct vtd_unit_info info = full();
    const struct { struct vtd_entry entry; u64 w[8]; } cases[] = {
        {nested, {0x1234560c9, 0x1800012, 0xabcdef000}},
        {second, {0x208d, 0x1800034, 0}},
        {first, {0x41, 0x1800056, 0x3095}},
        {pass, {0x101, 0x1800078, 0}},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct pasid_entry e;
        assert_int_equal(vtd_entry_encode(&info, &cases[i].entry, &e), OK);
        assert_memory_equal(e.w, cases[i].w, sizeof(e.w));
    }
}

static void host_owned_fields_follow_the_unit(void **state)
{
    (void)state;
    struct vtd_unit_info info = full();
    struct pasid_entry e;
    info.ecap &= ~(BIT(48) | BIT(7));
    assert_int_equal(vtd_entry_encode(&info, &nested, &e), OK);
    assert_int_equal(pasid_get(&e, PASID_PWSNP), 0);
    assert_int_equal(pasid_get(&e, PASID_PGSNP), 0);
    /* Memory types of the CPU's reset, where the unit has any: bits 127:96. */
    assert_int_equal(e.w[1] >> 32, 0);
    info.ecap |= BIT(25);
    assert_int_equal(vtd_entry_encode(&info, &nested, &e), OK);
    assert_int_equal(e.w[1] >> 32, 0x07460746);
    assert_int_equal(vtd_entry_encode(&info, &first, &e), OK);
    assert_int_equal(e.w[1] >> 32, 0x07460746);
    assert_int_equal(vtd_entry_encode(&info, &second, &e), OK);
    assert_int_equal(e.w[1] >> 32, 0);
}

static void each_missing_capability(void **state)
{
    (void)state;
    struct vtd_entry four = nested, three = second;
    four.sre = true;
    three.ss_levels = 3;
    const struct { struct vtd_entry entry; u64 ecap; u32 ss, fs; bool no_nest; const char *text; }
    cases[] = {
        {nested, 0, 0, 0, true, "nested translation"},
        {nested, BIT(47), 0, 0, false, "first-stage translation"},
        {first, BIT(47), 0, 0, false, "first-stage translation"},
        {second, BIT(46), 0, 0, false, "second-stage translation"},
        {pass, BIT(6), 0, 0, false, "pass-through"},
        {second, 0, 1 << 5, 0, false, "second-stage levels"},
        {three, 0, 0, 0, false, "second-stage levels"},
        {first, 0, 0, 1 << 5, false, "5-level first stage"},
        {four, BIT(31), 0, 0, false, "supervisor requests"},
        {first, BIT(34), 0, 0, false, "extended accessed flag"},
    };
    hosted_reset();
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct vtd_unit_info info = full();
        struct pasid_entry e;
        info.ecap &= ~cases[i].ecap;
        info.ss_levels &= ~cases[i].ss;
        info.fs_levels &= ~cases[i].fs;
        info.nesting = !cases[i].no_nest;
        hosted_clear_log();
        assert_int_equal(vtd_entry_encode(&info, &cases[i].entry, &e), ERR_UNSUPPORTED);
        assert_int_equal(hosted_log_lines(), 1);
        assert_non_null(strstr(hosted_log(), "unit 3"));
        assert_non_null(strstr(hosted_log(), cases[i].text));
    }
}

#define WITH(base, field, value) ({ struct vtd_entry e_ = (base); e_.field = (value); e_; })

static void each_value_out_of_range(void **state)
{
    (void)state;
    const struct { struct vtd_entry entry; const char *text; } cases[] = {
        {WITH(pass, pgtt, (enum pgtt)0), "translation type"},
        {WITH(pass, pgtt, (enum pgtt)5), "translation type"},
        {WITH(pass, did, 0), "domain id"},
        {WITH(pass, did, 256), "domain id"},
        {WITH(second, ss_root.v, 0x2001), "second-stage root"},
        {WITH(second, ss_root.v, BIT(46)), "second-stage root"},
        {WITH(nested, fs_width, 39), "width"},
        {WITH(nested, fs_root, 0xfff), "first-stage root"},
        {WITH(nested, fs_root, BIT(48)), "first-stage root"},
        {WITH(first, fs_root, BIT(46)), "first-stage root"},
        {WITH(second, wpe, true), "without a first stage"},
    };
    struct vtd_unit_info info = full();
    hosted_reset();
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct pasid_entry e;
        hosted_clear_log();
        assert_int_equal(vtd_entry_encode(&info, &cases[i].entry, &e), ERR_INVALID);
        assert_int_equal(hosted_log_lines(), 1);
        assert_non_null(strstr(hosted_log(), cases[i].text));
    }
    /* A narrower second stage bounds the guest's root. */
    info.cap = 56ull << 16;
    struct pasid_entry e;
    struct vtd_entry narrow = WITH(nested, fs_root, BIT(48));
    assert_int_equal(vtd_entry_encode(&info, &narrow, &e), ERR_INVALID);
    narrow.fs_root = BIT(48) - PAGE_SIZE;
    assert_int_equal(vtd_entry_encode(&info, &narrow, &e), OK);
}

static void legacy_words(void **state)
{
    (void)state;
    struct vtd_unit_info info = full();
    u64 w[2];
    info.mode = VTD_MODE_LEGACY;
    assert_int_equal(vtd_entry_encode_legacy(&info, &second, w), OK);
    assert_int_equal(w[0], 0x2001);
    assert_int_equal(w[1], 0x3403);
    assert_int_equal(vtd_entry_encode_legacy(&info, &pass, w), OK);
    assert_int_equal(w[0], 0x9);
    assert_int_equal(w[1], 0x7803);
}

static void legacy_refusals(void **state)
{
    (void)state;
    const struct { struct vtd_entry entry; enum result r; } cases[] = {
        {nested, ERR_UNSUPPORTED},
        {WITH(second, ss_levels, 3), ERR_UNSUPPORTED},
        {WITH(second, ss_levels, 6), ERR_UNSUPPORTED},
        {WITH(second, did, 0), ERR_INVALID},
        {WITH(second, did, 256), ERR_INVALID},
        {WITH(second, ss_root.v, 0x2001), ERR_INVALID},
        {WITH(second, ss_root.v, BIT(46)), ERR_INVALID},
    };
    struct vtd_unit_info info = full();
    u64 w[2];
    hosted_reset();
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        hosted_clear_log();
        assert_int_equal(vtd_entry_encode_legacy(&info, &cases[i].entry, w), cases[i].r);
        assert_int_equal(hosted_log_lines(), 1);
    }
    info.ecap &= ~BIT(6);
    assert_int_equal(vtd_entry_encode_legacy(&info, &pass, w), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_words),
        cmocka_unit_test(host_owned_fields_follow_the_unit),
        cmocka_unit_test(each_missing_capability),
        cmocka_unit_test(each_value_out_of_range),
        cmocka_unit_test(legacy_words),
        cmocka_unit_test(legacy_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
