/* SPDX-License-Identifier: BSD-2-Clause */
/* Which CPUs are accounted for: MADT against what the firmware's MP services know, and what each CPU says of itself. */
#include "boot/census.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct acpi_cpus madt;
static struct survey survey;
static struct census census;

/* CPUs with ids 0, 2, 4, ..., all of them enabled, known and well. */
static void build(u32 count)
{
    madt.count = survey.count = count;
    survey.services = true;
    for (u32 i = 0; i < count && i < ACPI_CPUS; i++) {
        madt.ids[i] = 2 * i;
        survey.list[i] = (struct surveyed_cpu){.apic_id = 2 * i, .enabled = true, .answered = true};
    }
}

static void take(void)
{
    census_take(&madt, &survey, &census);
}

static void check_stray(u32 id, const char *why)
{
    take();
    assert_true(census.stray);
    assert_int_equal(census.stray_id, id);
    if (strstr(census.stray_why, why) == NULL) {
        fail_msg("%s", census.stray_why);
    }
}

static void all_are_accounted_for(void **state)
{
    (void)state;
    static const u32 sizes[] = {1, 2, 112, 224, ACPI_CPUS};
    for (u32 i = 0; i < ARRAY_LEN(sizes); i++) {
        build(sizes[i]);
        take();
        assert_false(census.stray || census.x2apic_on || census.x2apic_locked);
        assert_null(census.missing);
        assert_int_equal(census.entering, sizes[i]);
        assert_int_equal(census.highest_id, 2 * (sizes[i] - 1));
        assert_int_equal(census.phantoms, 0);
    }
}

/* The boot CPU is number 0 wherever it is in the list; one that is turned off has no number. */
static void numbers_of_cpus(void **state)
{
    (void)state;
    static u32 ids[ACPI_CPUS];
    static const u32 wanted[] = {4, 0, 6};
    build(4);
    survey.list[1].enabled = false;
    assert_int_equal(census_ids(&survey, 4, ids), 3);
    assert_memory_equal(ids, wanted, sizeof(wanted));
    build(ACPI_CPUS + 1);
    assert_int_equal(census_ids(&survey, 0, ids), ACPI_CPUS);
    assert_int_equal(census_ids(&survey, 1, ids), ACPI_CPUS);
}

static void a_cpu_that_only_madt_knows(void **state)
{
    (void)state;
    build(4);
    madt.ids[madt.count++] = 9;
    check_stray(9, "listed in MADT and unknown");
    madt.ids[madt.count - 1] = 254;
    check_stray(254, "listed in MADT and unknown");
}

static void a_cpu_that_only_the_firmware_knows_enters_too(void **state)
{
    (void)state;
    build(4);
    madt.count = 2;
    take();
    assert_false(census.stray);
    assert_int_equal(census.entering, 4);
}

static void a_cpu_that_the_firmware_turned_off(void **state)
{
    (void)state;
    build(4);
    survey.list[2].enabled = survey.list[2].answered = false;
    check_stray(4, "turned off");
    assert_int_equal(census.entering, 3);
    madt.ids[2] = 6;               /* MADT does not list it either: nobody starts it */
    take();
    assert_false(census.stray);
}

static void a_cpu_that_does_not_answer(void **state)
{
    (void)state;
    build(4);
    survey.list[3].answered = false;
    check_stray(6, "does not run");
}

/* Wide ids exist in x2APIC mode only: without a CPU in it they are the firmware's mistake. */
static void ids_that_no_cpu_has(void **state)
{
    (void)state;
    build(16);
    madt.ids[madt.count++] = 0x17161514;
    madt.ids[madt.count++] = 255;
    take();
    assert_false(census.stray);
    assert_int_equal(census.phantoms, 2);
    assert_int_equal(census.phantom_id, 0x17161514);
    assert_int_equal(census.highest_id, 30);
    assert_int_equal(census.entering, 16);
    survey.list[5].x2apic_on = true;
    check_stray(0x17161514, "unknown");
    assert_int_equal(census.phantoms, 0);
    assert_true(census.x2apic_on);
    /* One that is there needs what wide ids need. */
    build(4);
    madt.ids[3] = survey.list[3].apic_id = 300;
    take();
    assert_false(census.stray);
    assert_int_equal(census.highest_id, 300);
}

/* Each CPU is asked: one that differs counts, wherever in the list. */
static void one_cpu_that_differs(void **state)
{
    (void)state;
    for (u32 i = 0; i < 4; i++) {
        build(4);
        survey.list[i].x2apic_locked = true;
        take();
        assert_true(census.x2apic_locked && census.x2apic_on);
        build(4);
        survey.list[i].x2apic_on = true;
        take();
        assert_true(census.x2apic_on && !census.x2apic_locked);
        build(4);
        survey.list[i].missing = "no EPT";
        take();
        assert_string_equal(census.missing, "no EPT");
        assert_int_equal(census.missing_id, 2 * i);
    }
}

static void without_mp_services(void **state)
{
    (void)state;
    build(1);
    survey.services = false;
    take();
    assert_false(census.stray);
    assert_int_equal(census.entering, 1);
    madt.count = 0;                /* no MADT */
    take();
    assert_false(census.stray);
    madt.count = 2;
    madt.ids[0] = 0;
    madt.ids[1] = 0x17161514;
    take();
    assert_false(census.stray);
    madt.ids[1] = 1;
    check_stray(1, "no MP services");
}

static void more_than_there_is_room_for(void **state)
{
    (void)state;
    build(ACPI_CPUS + 1);
    check_stray(0, "more than Nestor has room for");
    build(ACPI_CPUS);
    madt.count++;
    check_stray(0, "more than Nestor has room for");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_accounted_for),
        cmocka_unit_test(numbers_of_cpus),
        cmocka_unit_test(a_cpu_that_only_madt_knows),
        cmocka_unit_test(a_cpu_that_only_the_firmware_knows_enters_too),
        cmocka_unit_test(a_cpu_that_the_firmware_turned_off),
        cmocka_unit_test(a_cpu_that_does_not_answer),
        cmocka_unit_test(ids_that_no_cpu_has),
        cmocka_unit_test(one_cpu_that_differs),
        cmocka_unit_test(without_mp_services),
        cmocka_unit_test(more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
