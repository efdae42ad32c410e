/* SPDX-License-Identifier: BSD-2-Clause */
/* What Nestor does on a machine: each thing that can be missing, by itself, with each choice of the user. */
#include "boot/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct machine machine;
static struct config config;
static struct verdict verdict;

/* Nesting units as in tests/unit/spec/test_caps.c. */
#define CAP 0x1000070500380e04ull
#define ECAP 0x0001c8000403ff02ull

static void build(void)
{
    memset(&machine, 0, sizeof(machine));
    memcpy(machine.cpu.vendor, "GenuineIntel", 13);
    machine.cpu.vmx = true;
    machine.cpu.no_execute = true;
    /* All of VMX: each of its capabilities is tested in vmx/test_caps.c. */
    memset(&machine.cpu.caps, 0xff, sizeof(machine.cpu.caps));
    machine.dmar_usable = true;
    machine.covered = true;
    machine.dmar.unit_count = 2;
    for (u32 i = 0; i < 2; i++) {
        machine.dmar.units[i].base.v = 0xfed90000 + i * 0x1000;
        machine.units[i] = (struct unit_registers){.cap = CAP, .ecap = ECAP};
    }
    config_defaults(&config);
}

static void check(bool start, bool isolated, enum vtd_ability ability, const char *why)
{
    verdict_reach(&machine, &config, &verdict);
    if (verdict.start != start || verdict.isolated != isolated || verdict.ability != ability ||
        strstr(verdict.why, why) == NULL) {
        fail_msg("start %d isolated %d ability %d: %s", verdict.start, verdict.isolated,
                 (int)verdict.ability, verdict.why);
    }
}

/* Native by default; the configuration may choose to run, unless `never`. */
static void check_native(const char *why, bool never)
{
    check(false, false, VTD_ABILITY_NONE, why);
    config.run_without_isolation = true;
    check(!never, false, VTD_ABILITY_NONE, why);
}

static void a_machine_with_everything(void **state)
{
    (void)state;
    build();
    check(true, true, VTD_ABILITY_NESTED, "every unit");
}

static void the_weakest_unit_decides(void **state)
{
    (void)state;
    build();
    machine.units[1].ecap &= ~(1ull << 26);
    check(true, true, VTD_ABILITY_SECOND_STAGE, "unit 1 at fed91000: no nested");
    machine.units[0].ecap &= ~(1ull << 43);
    check(true, true, VTD_ABILITY_LEGACY, "unit 0 at fed90000: no scalable mode");
    machine.units[1].ecap &= ~(1ull << 1);
    check_native("unit 1 at fed91000: no queued invalidation", false);
}

static void tables_and_devices(void **state)
{
    (void)state;
    build();
    machine.dmar_usable = false;
    strcpy(machine.dmar_reason, "no table at all");
    check_native("no table at all", false);
    build();
    machine.covered = false;
    machine.uncovered = (struct pci_function){3, 0x1f, 2};
    check_native("device 0000:03:1f.2 is in the scope of no unit", false);
}

/* A device that may not work is the user's to weigh; one that reaches memory past the units is not isolated. */
static void devices_in_doubt(void **state)
{
    (void)state;
    build();
    machine.doubts.count = 1;
    machine.doubts.list[0] = (struct doubtful){0, {0, 2, 0}, DOUBT_NEEDS_ATS};
    check(true, true, VTD_ABILITY_NESTED, "");
    config.native_if_doubtful = true;
    check(false, true, VTD_ABILITY_NESTED, "device 0000:00:02.0 asks for a device TLB");
    machine.doubts.count = 0;
    check(true, true, VTD_ABILITY_NESTED, "");
    config.native_if_doubtful = false;
    machine.doubts.limit_count = HANDOVER_LIMITS + 1;
    check(false, true, VTD_ABILITY_NESTED, "SIDP restricts 33 devices");
    build();
    machine.doubts.count = 1;
    machine.doubts.cached = true;
    machine.doubts.first_cached = (struct doubtful){2, {0x17, 1, 3}, DOUBT_CXL_CACHE};
    check_native("device 0002:17:01.3 reaches memory by CXL.cache", false);
}

static void what_needs_interrupt_remapping_stays_native(void **state)
{
    (void)state;
    build();
    machine.census.x2apic_locked = machine.census.x2apic_on = true;
    check_native("locked x2APIC", true);
    build();
    machine.census.x2apic_on = true;
    machine.census.x2apic_id = 6;
    check_native("left the CPU with APIC id 6 in x2APIC mode", true);
    build();
    machine.census.highest_id = 254;
    check(true, true, VTD_ABILITY_NESTED, "");
    machine.census.highest_id = 255;
    check_native("the CPU with APIC id 255", true);
    build();
    machine.units[1].ecap |= 1ull << 62;
    check_native("unit 1 at fed91000 demands interrupt remapping", true);
    build();
    machine.units[1].status |= 1u << 25;    /* IRES */
    machine.units[0].ecap &= ~8ull;         /* IR */
    machine.units[1].ecap |= 8;
    check_native("unit 1 at fed91000 remaps the firmware's interrupts, and not every unit can", true);
    machine.units[0].ecap |= 8;
    check(true, true, VTD_ABILITY_NESTED, "");
}

/* All ones in ECAP would be IRREQ as well, and take the choice away. */
static void units_that_are_not_there(void **state)
{
    (void)state;
    for (u32 i = 0; i < 2; i++) {
        build();
        machine.units[i] = (struct unit_registers){.version = ~0u, .status = ~0u, .cap = ~0ull, .ecap = ~0ull};
        check_native("its registers read all ones: nothing is there", false);
    }
    build();
    machine.units[0] = (struct unit_registers){.cap = ~0ull, .ecap = ~0ull};
    machine.units[1].ecap |= 1ull << 62;
    check_native("unit 1 at fed91000 demands interrupt remapping", true);
    build();
    machine.units[1] = (struct unit_registers){.cap = 0, .ecap = 0};
    check_native("unit 1 at fed91000", false);
}

static void cpus_that_stay_outside(void **state)
{
    (void)state;
    build();
    machine.census.stray = true;
    machine.census.stray_id = 9;
    machine.census.stray_why = "is somewhere else";
    check_native("the CPU with APIC id 9 is somewhere else", false);
    build();
    machine.census.missing = "no EPT";
    machine.census.missing_id = 4;
    check_native("the CPU with APIC id 4: no EPT", true);
}

static void each_cpu_feature(void **state)
{
    (void)state;
    build();
    machine.cpu.vmx = false;
    check_native("no VMX", true);
    build();
    machine.cpu.vendor[0] = 'A';
    check_native("not an Intel CPU", true);
    build();
    machine.cpu.no_execute = false;
    check_native("no-execute", true);
    build();
    machine.cpu.caps.word[VMX_WORD_MISC] = 0;
    check_native("no wait-for-SIPI", true);
}

static void vmx_in_words(void **state)
{
    (void)state;
    build();
    char text[CPU_VMX_TEXT];
    machine.cpu.caps = (struct vmx_caps){0};
    cpu_vmx_text(&machine.cpu, text);
    assert_string_equal(text, "");
    machine.cpu.caps.word[VMX_WORD_CPU2] = (1ull << 1 | 1ull << 3 | 1ull << 7) << 32;
    machine.cpu.caps.word[VMX_WORD_PIN] = 1ull << 6 << 32;
    machine.cpu.caps.word[VMX_WORD_EPT_VPID] = 1 << 6 | 1 << 16;
    cpu_vmx_text(&machine.cpu, text);
    assert_string_equal(text, "EPT 4-level 2M unrestricted-guest preemption-timer RDTSCP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_with_everything),
        cmocka_unit_test(the_weakest_unit_decides),
        cmocka_unit_test(tables_and_devices),
        cmocka_unit_test(devices_in_doubt),
        cmocka_unit_test(what_needs_interrupt_remapping_stays_native),
        cmocka_unit_test(units_that_are_not_there),
        cmocka_unit_test(cpus_that_stay_outside),
        cmocka_unit_test(each_cpu_feature),
        cmocka_unit_test(vmx_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
