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

enum { IR = 1 << 3, EIM = 1 << 4, BOTH = IR | EIM };
#define IRREQ (1ull << 62)

/* What both units have of interrupt remapping, and the platform. */
static void remap(u64 bits, bool platform)
{
    machine.dmar.intr_remap = platform;
    for (u32 i = 0; i < 2; i++) {
        machine.units[i].ecap = (machine.units[i].ecap & ~(u64)BOTH) | bits;
    }
}

static void lock(void)
{
    machine.census.x2apic_locked = machine.census.x2apic_on = true;
}

static void wide_id(void)
{
    machine.census.highest_id = 300;
}

/* With it on every unit it is the guest's; each thing that is missing ends that. */
static void check_needs_remapping(void (*need)(void), const char *why)
{
    static const struct { u64 bits; bool platform; const char *missing; } without[] = {
        {0, true, "not every unit has it"}, {IR, true, "with 32-bit destinations"}, {BOTH, false, "does not offer"},
    };
    for (u32 i = 0; i < ARRAY_LEN(without); i++) {
        build();
        need();
        remap(without[i].bits, without[i].platform);
        check_native(why, true);
        assert_non_null(strstr(verdict.why, without[i].missing));
    }
    build();
    need();
    remap(BOTH, true);
    check(true, true, VTD_ABILITY_NESTED, "every unit");
    machine.units[1].ecap &= ~(1ull << 26); /* shadowed units have it, too */
    check(true, true, VTD_ABILITY_SECOND_STAGE, "unit 1");
    config.guest_iommu = GUEST_IOMMU_NESTED;
    check_native(why, true);
    assert_non_null(strstr(verdict.why, "no unit is shown"));
}

static void x2apic(void **state)
{
    (void)state;
    check_needs_remapping(lock, "locked x2APIC");
    check_needs_remapping(wide_id, "the CPU with APIC id 300");
    build();
    machine.census.highest_id = 254;
    check(true, true, VTD_ABILITY_NESTED, "");
    machine.census.highest_id = 255;
    check_native("the CPU with APIC id 255", true);
    build();
    machine.census.x2apic_on = true;    /* not locked */
    check(true, true, VTD_ABILITY_NESTED, "every unit");
}

/* Eight-bit destinations will do. */
static void units_that_demand_or_do_remapping(void **state)
{
    (void)state;
    for (u32 irreq = 0; irreq < 2; irreq++) {
        build();
        remap(IR, true);
        machine.units[1].status |= irreq ? 0 : 1u << 25;    /* IRES */
        machine.units[1].ecap |= irreq ? IRREQ : 0;
        check(true, true, VTD_ABILITY_NESTED, "every unit");
        machine.units[0].ecap &= ~(u64)IR;
        check_native(irreq ? "unit 1 at fed91000 demands interrupt remapping (ECAP.IRREQ): not every unit has it"
                           : "unit 1 at fed91000 remaps the firmware's interrupts: not every unit has it", true);
        remap(IR, false);
        check_native("the DMAR table does not offer that", true);
    }
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

/* What the config asks for, by what the least able unit can. */
static void guest_units(void **state)
{
    (void)state;
    static const struct { enum vtd_ability ability; enum guest_iommu got[4]; } cases[] = {
        {VTD_ABILITY_NESTED, {GUEST_IOMMU_NESTED, GUEST_IOMMU_NESTED, GUEST_IOMMU_SHADOW, GUEST_IOMMU_NONE}},
        {VTD_ABILITY_SECOND_STAGE, {GUEST_IOMMU_SHADOW, GUEST_IOMMU_NONE, GUEST_IOMMU_SHADOW, GUEST_IOMMU_NONE}},
        {VTD_ABILITY_LEGACY, {GUEST_IOMMU_SHADOW, GUEST_IOMMU_NONE, GUEST_IOMMU_SHADOW, GUEST_IOMMU_NONE}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (u32 asked = GUEST_IOMMU_AUTO; asked <= GUEST_IOMMU_NONE; asked++) {
            build();
            config.guest_iommu = (enum guest_iommu)asked;
            machine.units[1].ecap &= ~(cases[i].ability < VTD_ABILITY_NESTED ? 1ull << 26 : 0);
            machine.units[1].ecap &= ~(cases[i].ability < VTD_ABILITY_SECOND_STAGE ? 1ull << 43 : 0);
            check(true, true, cases[i].ability, "");
            assert_int_equal(verdict.guest_iommu, cases[i].got[asked]);
            const char *decides = cases[i].ability == VTD_ABILITY_NESTED ? "every unit" : "unit 1";
            assert_non_null(strstr(verdict.units_why, decides));
        }
    }
    build();
    machine.units[1].ecap &= ~(1ull << 1); /* no queued invalidation: nothing can be shown */
    config.run_without_isolation = true;
    check(true, false, VTD_ABILITY_NONE, "unit 1");
    assert_int_equal(verdict.guest_iommu, GUEST_IOMMU_NONE);
    build();
    machine.dmar_usable = false;
    verdict_reach(&machine, &config, &verdict);
    assert_int_equal(verdict.guest_iommu, GUEST_IOMMU_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_with_everything),
        cmocka_unit_test(the_weakest_unit_decides),
        cmocka_unit_test(guest_units),
        cmocka_unit_test(tables_and_devices),
        cmocka_unit_test(devices_in_doubt),
        cmocka_unit_test(x2apic),
        cmocka_unit_test(units_that_demand_or_do_remapping),
        cmocka_unit_test(units_that_are_not_there),
        cmocka_unit_test(cpus_that_stay_outside),
        cmocka_unit_test(each_cpu_feature),
        cmocka_unit_test(vmx_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
