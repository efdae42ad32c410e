/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines about a guest's devices. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0009, PASSED = 0x0018, EMPTY = 0x0210, DID = 7 };
#define IOVA 0x7f12345000ull
static const u16 three[] = {SID, PASSED, EMPTY};

static void a_line_for_each_device(void **state)
{
    (void)state;
    struct kit kit;
    u64 value;
    kit_start(&kit);
    kit_three_devices(&kit, three, DID, IOVA);
    kit_boot(&kit);
    assert_int_not_equal(kit_dma(&kit, SID, false, 0x1000, &value), 0);
    viommu_poll_faults(kit.v);
    hosted_clear_log();
    viommu_report_devices(kit.v);
    assert_int_equal(hosted_log_lines(), 3);
    const char *log = hosted_log();
    const char *nested = strstr(log, "00:01.1: PGTT = nested");
    assert_non_null(nested);
    assert_non_null(strstr(nested, "1 faults"));
    assert_non_null(strstr(log, "00:03.0: PGTT = second-stage"));
    assert_non_null(strstr(log, "02:02.0: PGTT = none (blocked)"));
    assert_true(kit_stop(&kit));
}

static void said_when_translation_goes_off(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    kit_three_devices(&kit, three, DID, IOVA);
    kit_boot(&kit);
    u32 said = 0;
    for (u32 i = 0; i < 100; i++) {
        hosted_clear_log();
        kit_translate(&kit, false);
        said += strstr(hosted_log(), "00:01.1: PGTT = nested") != NULL;
        kit_translate(&kit, true);
    }
    assert_int_equal(said, 10); /* the first eight times, the 16th and the 64th */
    assert_int_equal(kit_stats(&kit).translations, 100);
    /* Turning it off a second time has no effect. */
    kit_translate(&kit, false);
    hosted_clear_log();
    kit_translate(&kit, false);
    assert_int_equal(kit_stats(&kit).translations, 101);
    viommu_report_devices(kit.v);
    assert_int_equal(hosted_log_lines(), 0);
    assert_true(kit_stop(&kit));
}

static void many_devices_make_few_lines(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    for (u16 sid = 0; sid < 40; sid++) {
        kit_pass_through(&kit, (u16)(0x300 + sid), 0, DID);
    }
    kit_boot(&kit);
    hosted_clear_log();
    viommu_report_devices(kit.v);
    assert_int_equal(hosted_log_lines(), 17);
    assert_non_null(strstr(hosted_log(), "and 24 more devices"));
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_each_device),
        cmocka_unit_test(said_when_translation_goes_off),
        cmocka_unit_test(many_devices_make_few_lines),
    };
    return cmocka_run_group_tests_name("viommu_report", tests, NULL, NULL);
}
