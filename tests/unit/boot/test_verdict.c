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

/* Allowed-1 halves of the control registers, SDM volume 3, appendix A.3. */
enum {
    PIN = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 6,
    CPU2 = 1 << 1 | 1 << 3 | 1 << 5 | 1 << 7,
    EXIT = 1 << 9 | 1 << 20 | 1 << 21,
    ENTRY = 1 << 9 | 1 << 15,
};
#define CPU (1u << 25 | 1u << 28 | 1u << 31)
#define EPT (1ull << 6 | 1ull << 14 | 1ull << 16 | 1ull << 20 | 1ull << 25)

/* Nesting units as in tests/unit/spec/test_caps.c. */
#define CAP 0x1000070500380e04ull
#define ECAP 0x0001c8000403ff02ull

static void build(void)
{
    memset(&machine, 0, sizeof(machine));
    memcpy(machine.cpu.vendor, "GenuineIntel", 13);
    machine.cpu.vmx = true;
    machine.cpu.no_execute = true;
    machine.cpu.feature_control = 5;
    machine.cpu.vmx_basic = 6ull << 50 | 1ull << 55;
    machine.cpu.pin_controls = (u64)PIN << 32;
    machine.cpu.cpu_controls = (u64)CPU << 32;
    machine.cpu.cpu_controls2 = (u64)CPU2 << 32;
    machine.cpu.exit_controls = (u64)EXIT << 32;
    machine.cpu.entry_controls = (u64)ENTRY << 32;
    machine.cpu.ept_vpid = EPT;
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

static void what_needs_interrupt_remapping_stays_native(void **state)
{
    (void)state;
    build();
    machine.cpu.x2apic_locked = true;
    check_native("x2APIC", true);
    build();
    machine.cpus.highest_apic_id = 254;
    check(true, true, VTD_ABILITY_NESTED, "");
    machine.cpus.highest_apic_id = 255;
    check_native("APIC id", true);
    build();
    machine.units[1].ecap |= 1ull << 62;
    check_native("IRREQ", true);
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
    machine.cpu.feature_control = 1;
    check_native("turned off by the firmware", true);
    machine.cpu.feature_control = 0;
    assert_null(cpu_missing(&machine.cpu));
    build();
    machine.cpu.vmx_basic = 0;
    check_native("write-back", true);
}

static u32 count_lost(u64 *word, u64 bits)
{
    u32 lost = 0;
    for (u32 bit = 0; bit < 64; bit++) {
        if ((bits >> bit & 1) == 0) {
            continue;
        }
        *word &= ~(1ull << bit);
        lost += cpu_missing(&machine.cpu) != NULL ? 1 : 0;
        *word |= 1ull << bit;
    }
    return lost;
}

/* Each control that Nestor needs is reported if it is missing; those it can do without are not. */
static void each_control(void **state)
{
    (void)state;
    build();
    assert_null(cpu_missing(&machine.cpu));
    assert_int_equal(count_lost(&machine.cpu.pin_controls, (u64)PIN << 32), 3);
    assert_int_equal(count_lost(&machine.cpu.cpu_controls, (u64)CPU << 32), 3);
    assert_int_equal(count_lost(&machine.cpu.cpu_controls2, (u64)CPU2 << 32), 3);
    assert_int_equal(count_lost(&machine.cpu.exit_controls, (u64)EXIT << 32), 3);
    assert_int_equal(count_lost(&machine.cpu.entry_controls, (u64)ENTRY << 32), 1);
    assert_int_equal(count_lost(&machine.cpu.ept_vpid, EPT), 5);
    char text[CPU_VMX_TEXT];
    cpu_vmx_text(&machine.cpu, text);
    assert_string_equal(text, "EPT 4-level 2M VPID unrestricted-guest preemption-timer RDTSCP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_with_everything),
        cmocka_unit_test(the_weakest_unit_decides),
        cmocka_unit_test(tables_and_devices),
        cmocka_unit_test(what_needs_interrupt_remapping_stays_native),
        cmocka_unit_test(each_cpu_feature),
        cmocka_unit_test(each_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
