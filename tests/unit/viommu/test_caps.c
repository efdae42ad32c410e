/* SPDX-License-Identifier: BSD-2-Clause */
/* The capability tables name each field of the specification once, and do what their rows say. */
#include "iommu/viommu/caps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "iommu/spec/caps.h"

#define AS_FIELD(name, hi, lo) FIELD(hi, lo),
static const u16 cap_fields[] = {VTD_CAP_FIELDS(AS_FIELD)};
static const u16 ecap_fields[] = {VTD_ECAP_FIELDS(AS_FIELD)};

static u64 nested_cap(u64 hardware, bool interrupts)
{
    return viommu_caps_cap(&viommu_caps_nested, hardware, interrupts);
}

static u64 nested_ecap(u64 hardware, bool interrupts)
{
    return viommu_caps_ecap(&viommu_caps_nested, hardware, interrupts);
}

static const struct cap_contract *const contracts[] = {&viommu_caps_nested, &viommu_caps_shadowed};

/* In the order of the list, so that a row that is missing, or twice there, is found. */
static void every_field_has_one_row(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(contracts); k++) {
        assert_int_equal(contracts[k]->cap_count, ARRAY_LEN(cap_fields));
        for (size_t i = 0; i < ARRAY_LEN(cap_fields); i++) {
            assert_int_equal(contracts[k]->cap[i].field, cap_fields[i]);
        }
        assert_int_equal(contracts[k]->ecap_count, ARRAY_LEN(ecap_fields));
        for (size_t i = 0; i < ARRAY_LEN(ecap_fields); i++) {
            assert_int_equal(contracts[k]->ecap[i].field, ecap_fields[i]);
        }
    }
}

/* Bits that no field of the list has are deprecated or reserved. */
static void what_has_no_name_is_zero(void **state)
{
    (void)state;
    u64 cap_named = 0, ecap_named = 0;
    for (size_t i = 0; i < ARRAY_LEN(cap_fields); i++) {
        cap_named |= field_mask(cap_fields[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(ecap_fields); i++) {
        ecap_named |= field_mask(ecap_fields[i]);
    }
    for (size_t k = 0; k < ARRAY_LEN(contracts); k++) {
        assert_int_equal(viommu_caps_cap(contracts[k], ~0ull, false) & ~cap_named, 0);
        assert_int_equal(viommu_caps_ecap(contracts[k], ~0ull, false) & ~ecap_named, 0);
    }
}

/* Legacy mode with caching mode, whatever the hardware is; sizes and widths at most the hardware's. */
static void shadowed_is_legacy_mode(void **state)
{
    (void)state;
    u64 cap = viommu_caps_cap(&viommu_caps_shadowed, ~0ull, true);
    u64 ecap = viommu_caps_ecap(&viommu_caps_shadowed, ~0ull, true);
    assert_int_equal(ecap, 1ull << 62 | 1ull << 61 | 0xfull << 20 | 0x3ffull << 8 | 0xdb);
    assert_int_equal((cap >> 48) & 0x3f, 18);
    assert_int_equal(cap & (1ull << 4 | 1ull << 5 | 1ull << 6 | 1ull << 56 | 1ull << 59 | 1ull << 60 | 1ull << 61), 0);
    assert_int_equal((cap >> 8) & 0x1f, 0x1f);
    /* Without 1 GiB pages 2 MiB are the largest reach; SAGAW 48, ND 4, MGAW 48, 2 MiB. */
    cap = viommu_caps_cap(&viommu_caps_shadowed, 1ull << 34 | 47ull << 16 | 4ull << 8 | 4, false);
    assert_int_equal(cap, 1ull << 63 | 9ull << 48 | 1ull << 39 | 1ull << 34 | 47ull << 16 | 4ull << 8 | 1ull << 7 | 4);
    assert_int_equal(viommu_caps_ecap(&viommu_caps_shadowed, 0, false), 0x43);
}

static void hardware_with_everything(void **state)
{
    (void)state;
    u64 cap = nested_cap(~0ull, false);
    u64 ecap = nested_ecap(~0ull, false);
    assert_int_equal((cap >> 7) & 1, 1);          /* CM */
    assert_int_equal((cap >> 8) & 0x1f, 0);       /* SAGAW */
    assert_int_equal((cap >> 34) & 0xf, 0);       /* SSLPS */
    assert_int_equal((cap >> 40) & 0xff, VIOMMU_FAULT_RECORDS - 1);
    assert_int_equal((cap >> 59) & 1, 0);         /* PI */
    assert_int_equal((cap >> 16) & 0x3f, 0x3f);   /* MGAW kept */
    static const u8 off[] = {2, 3, 4, 7, 26, 29, 44, 45, 46, 51, 52, 55, 57, 60, 62};
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        assert_int_equal((ecap >> off[i]) & 1, 0);
    }
    static const u8 on[] = {0, 1, 6, 31, 34, 40, 43, 47, 48, 49};
    for (size_t i = 0; i < ARRAY_LEN(on); i++) {
        assert_int_equal((ecap >> on[i]) & 1, 1);
    }
}

/* All that belongs to it is shown, or none of it; posted interrupts never. */
static void interrupt_remapping_as_the_hardware_has_it(void **state)
{
    (void)state;
    u64 more = nested_ecap(~0ull, true) & ~nested_ecap(~0ull, false);
    assert_int_equal(more, 1ull << 3 | 1ull << 4 | 15ull << 20 | 1ull << 61 | 1ull << 62);
    assert_int_equal(nested_cap(~0ull, true) & ~nested_cap(~0ull, false), 1ull << 62);
    const u64 some = 1ull << 3 | 7ull << 20;
    assert_int_equal(nested_ecap(some, true) & ~nested_ecap(0, false), some);
    assert_int_equal(nested_ecap(0, true), nested_ecap(0, false));
}

static void hardware_with_nothing(void **state)
{
    (void)state;
    assert_int_equal(nested_cap(0, false), 1ull << 7 | 1ull << 63);
    assert_int_equal(nested_ecap(0, false), 1ull << 0 | 1ull << 1 | 1ull << 6);
}

static void a_limit_keeps_the_smaller(void **state)
{
    (void)state;
    assert_int_equal((nested_cap(3ull << 40, false) >> 40) & 0xff, 3);
    assert_int_equal((nested_cap(200ull << 40, false) >> 40) & 0xff, VIOMMU_FAULT_RECORDS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_one_row),
        cmocka_unit_test(what_has_no_name_is_zero),
        cmocka_unit_test(shadowed_is_legacy_mode),
        cmocka_unit_test(hardware_with_everything),
        cmocka_unit_test(interrupt_remapping_as_the_hardware_has_it),
        cmocka_unit_test(hardware_with_nothing),
        cmocka_unit_test(a_limit_keeps_the_smaller),
    };
    return cmocka_run_group_tests_name("viommu_caps", tests, NULL, NULL);
}
