/* The capability table tiles both registers and does what its rows say. */
#include "iommu/viommu/caps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void check_tiling(const struct cap_rule *rules, size_t count)
{
    u32 next = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rules[i].lo, next);
        assert_true(rules[i].hi >= rules[i].lo);
        assert_true(rules[i].why != NULL && rules[i].why[0] != '\0');
        next = rules[i].hi + 1u;
    }
    assert_int_equal(next, 64);
}

static void every_bit_has_one_row(void **state)
{
    (void)state;
    check_tiling(viommu_cap_rules, viommu_cap_rule_count);
    check_tiling(viommu_ecap_rules, viommu_ecap_rule_count);
}

static void hardware_with_everything(void **state)
{
    (void)state;
    u64 cap = viommu_caps_cap(~0ull);
    u64 ecap = viommu_caps_ecap(~0ull);
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

static void hardware_with_nothing(void **state)
{
    (void)state;
    assert_int_equal(viommu_caps_cap(0), 1ull << 7 | 1ull << 63);
    assert_int_equal(viommu_caps_ecap(0), 1ull << 0 | 1ull << 1 | 1ull << 6);
}

static void a_limit_keeps_the_smaller(void **state)
{
    (void)state;
    assert_int_equal((viommu_caps_cap(3ull << 40) >> 40) & 0xff, 3);
    assert_int_equal((viommu_caps_cap(200ull << 40) >> 40) & 0xff, VIOMMU_FAULT_RECORDS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_has_one_row),
        cmocka_unit_test(hardware_with_everything),
        cmocka_unit_test(hardware_with_nothing),
        cmocka_unit_test(a_limit_keeps_the_smaller),
    };
    return cmocka_run_group_tests_name("viommu_caps", tests, NULL, NULL);
}
