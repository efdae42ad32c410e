/* SPDX-License-Identifier: BSD-2-Clause */
/* What CPUID shows a guest. */
#include "hv/guest/cpuid_policy.h"
#include "hv/vmx/vmcs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct cpuid_guest plain = {.controls = ~0u, .entry_controls = ~0u,
                                         .features = CPUID_NESTOR_DMA_ISOLATION};

static void apply(u32 leaf, u32 subleaf, const struct cpuid_guest *guest, u64 *reg)
{
    for (u32 i = 0; i < CPUID_REGS; i++) {
        reg[i] = 0xffffffff;
    }
    cpuid_policy_apply(leaf, subleaf, guest, reg);
}

static void shows_exactly_these_bits(void **state)
{
    static const struct {
        u32 leaf, subleaf;
        u32 shown[4];      /* of EAX, EBX, ECX, EDX */
    } cases[] = {
        {0, 0, {~0u, ~0u, ~0u, ~0u}},
        /* ECX.27 has a test of its own. Reserved: ECX.16, EDX.10, 20 and 30. */
        {1, 0, {~0u, ~0u, ~(1u << 5 | 1u << 6 | 1u << 16 | 1u << 27), ~(1u << 10 | 1u << 20 | 1u << 30)}},
        {6, 0, {0x0057eff7, 0xf, 9, 0}},
        {7, 0, {2, ~(1u << 2 | 1u << 12 | 1u << 15 | 1u << 25),
                ~(1u << 4 | 1u << 13 | 1u << 15 | 1u << 23 | 1u << 26 | 1u << 29 | 1u << 30), 0xffd1ef1c}},
        {7, 1, {0xc4ac1dff, 0, 0, 0x00884530}},
        {7, 2, {0, 0, 0, 0xff}},
        {7, 3, {0, 0, 0, 0}},
        {8, 0, {0, 0, 0, 0}},
        {0xb, 1, {~0u, ~0u, ~0u, ~0u}},
        {0xd, 0, {0x602ff, ~0u, ~0u, 0}},
        {0xd, 1, {0x1f, ~0u, 0x1800, 0}},
        {0xd, 2, {~0u, ~0u, ~0u, ~0u}},
        {0xd, 8, {0, 0, 0, 0}},           /* PT */
        {0xd, 9, {~0u, ~0u, ~0u, ~0u}},
        {0xd, 10, {0, 0, 0, 0}},          /* PASID */
        {0xd, 11, {~0u, ~0u, ~0u, ~0u}},  /* CET */
        {0xd, 13, {0, 0, 0, 0}},          /* HDC */
        {0xd, 14, {0, 0, 0, 0}},          /* user interrupts */
        {0xd, 16, {0, 0, 0, 0}},          /* HWP */
        {0xd, 18, {~0u, ~0u, ~0u, ~0u}},  /* AMX */
        {0xd, 19, {0, 0, 0, 0}},          /* APX */
        {0x12, 0, {0, 0, 0, 0}},
        {0x12, 3, {0, 0, 0, 0}},
        {0x14, 0, {0, 0, 0, 0}},
        {0x14, 1, {0, 0, 0, 0}},
        {0x15, 0, {~0u, ~0u, ~0u, ~0u}},
        {0x20, 0, {0, 0, 0, 0}},
        {0x21, 0, {0, 0, 0, 0}},
        {0x23, 0, {~0u, ~0u, ~0u, ~0u}},
        {0x25, 0, {0, 0, 0, 0}},
        {0x80000000, 0, {~0u, ~0u, ~0u, ~0u}},
        {0x80000001, 0, {~0u, 0, 0x121, 0x2c100800}},
        {0x80000007, 0, {0, 0, 0, 0x100}},
        {0x80000008, 0, {0xffffff, 0x200, 0, 0}},
        {0x80000009, 0, {0, 0, 0, 0}},
        {0xc0000000, 0, {0, 0, 0, 0}},
    };
    static const u32 order[] = {CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        u64 reg[CPUID_REGS];
        apply(cases[i].leaf, cases[i].subleaf, &plain, reg);
        for (u32 r = 0; r < CPUID_REGS; r++) {
            u32 seen = (u32)reg[order[r]];
            if (seen != cases[i].shown[r]) {
                fail_msg("leaf %#x.%u, register %u: %#x", cases[i].leaf, cases[i].subleaf, r, seen);
            }
        }
    }
}

static void names_the_hypervisor(void **state)
{
    const struct cpuid_guest guest = {.features = CPUID_NESTOR_VIOMMU};
    char name[13] = "";
    u64 reg[CPUID_REGS];
    (void)state;
    apply(0x40000000, 0, &guest, reg);
    memcpy(name, &reg[CPUID_EBX], 4);
    memcpy(name + 4, &reg[CPUID_ECX], 4);
    memcpy(name + 8, &reg[CPUID_EDX], 4);
    assert_string_equal(name, "NestorNestor");
    assert_int_equal(reg[CPUID_EAX], 0x40000001);
    apply(0x40000001, 7, &guest, reg);
    assert_int_equal(reg[CPUID_EAX], CPUID_NESTOR_VERSION);
    assert_int_equal(reg[CPUID_EBX], CPUID_NESTOR_VIOMMU);
    assert_int_equal(reg[CPUID_ECX], 0);
    assert_int_equal(reg[CPUID_EDX], 0);
    assert_int_equal(reg[CPUID_ECX] | reg[CPUID_EDX], 0);
    apply(0x400000ff, 0, &guest, reg);
    assert_int_equal(reg[0] | reg[1] | reg[2] | reg[3], 0);
    memset(reg, 0, sizeof(reg));
    cpuid_policy_apply(1, 0, &guest, reg);
    assert_int_equal(reg[CPUID_ECX], 0);
}

static void the_status_window_is_named(void **state)
{
    const struct cpuid_guest guest = {.features = CPUID_NESTOR_VIOMMU, .status_port = 0x9c0,
                                      .hypervisor_bit = HYPERVISOR_BIT_OFF};
    u64 reg[CPUID_REGS] = {0};
    (void)state;
    cpuid_policy_apply(CPUID_NESTOR_FEATURES, 0, &guest, reg);
    assert_int_equal(reg[CPUID_ECX], 0x9c0);
    assert_int_equal(reg[CPUID_EDX], STATUS_PROTOCOL);
    cpuid_policy_apply(CPUID_NESTOR, 0, &guest, reg);
    assert_int_equal(reg[CPUID_EBX], CPUID_NESTOR_EBX);
}

/* The exit handler asks first, so a leaf without a policy must come out unchanged. */
static void says_which_leafs_it_changes(void **state)
{
    const struct cpuid_guest nothing_on = {.cr4 = 0};
    (void)state;
    for (u32 i = 0; i < 0x300; i++) {
        u32 leaf = i < 0x100 ? i : i < 0x200 ? 0x40000000 - 0x180 + i : 0x80000000 - 0x200 + i;
        u64 reg[CPUID_REGS];
        bool changed = false;
        apply(leaf, 0, &nothing_on, reg);
        for (u32 r = 0; r < CPUID_REGS; r++) {
            changed |= reg[r] != 0xffffffff;
        }
        if (leaf != 0x0d) { /* its policy is about other subleafs, or about a control */
            assert_int_equal(cpuid_policy_has(leaf), changed);
        }
    }
    assert_true(cpuid_policy_has(0x0d));
    assert_true(cpuid_policy_has(0x400000ff) && cpuid_policy_has(0x40000100));
}

static void mirrors_the_guests_cr4(void **state)
{
    const struct cpuid_guest on = {.cr4 = 1 << 18 | 1 << 22};
    u64 reg[CPUID_REGS] = {0};
    (void)state;
    cpuid_policy_apply(1, 0, &on, reg);
    assert_int_equal(reg[CPUID_ECX], 1u << 27);
    apply(1, 0, &plain, reg);
    assert_int_equal(reg[CPUID_ECX] & 1u << 27, 0);
    memset(reg, 0, sizeof(reg));
    cpuid_policy_apply(7, 0, &on, reg);
    assert_int_equal(reg[CPUID_ECX], 1u << 4);
    memset(reg, 0, sizeof(reg));
    cpuid_policy_apply(7, 1, &on, reg);
    assert_int_equal(reg[CPUID_ECX], 0);
}

static void hides_what_a_missing_control_disables(void **state)
{
    static const struct { u32 control, entry, leaf, subleaf, reg, hidden; } cases[] = {
        {CPU2_INVPCID, 0, 7, 0, CPUID_EBX, 1u << 10},
        {CPU2_USER_WAIT, 0, 7, 0, CPUID_ECX, 1u << 5},
        {CPU2_RDTSCP, 0, 7, 0, CPUID_ECX, 1u << 22},
        {CPU2_XSAVES, 0, 0xd, 1, CPUID_EAX, 1u << 3},
        {CPU2_RDTSCP, 0, 0x80000001, 0, CPUID_EDX, 1u << 27},
        {0, ENTRY_LOAD_CET, 7, 0, CPUID_ECX, 1u << 7},
        {0, ENTRY_LOAD_CET, 7, 0, CPUID_EDX, 1u << 20},
        {0, ENTRY_LOAD_CET, 0xd, 1, CPUID_ECX, 3u << 11},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cpuid_guest lacking = {.controls = ~cases[i].control, .entry_controls = ~cases[i].entry};
        u64 with[CPUID_REGS];
        u64 without[CPUID_REGS];
        apply(cases[i].leaf, cases[i].subleaf, &plain, with);
        apply(cases[i].leaf, cases[i].subleaf, &lacking, without);
        u32 hidden[CPUID_REGS] = {0};
        for (u32 k = 0; k < ARRAY_LEN(cases); k++) {
            bool same = cases[k].control == cases[i].control && cases[k].entry == cases[i].entry;
            hidden[cases[k].reg] |= same && cases[k].leaf == cases[i].leaf ? cases[k].hidden : 0;
        }
        for (u32 r = 0; r < CPUID_REGS; r++) {
            assert_int_equal(with[r] & ~without[r], hidden[r]);
        }
    }
}

/* As the CPU, or a hypervisor below, has it, unless the configuration says otherwise. */
static void the_hypervisor_bit(void **state)
{
    static const struct { enum hypervisor_bit mode; u32 cpu, shown; } cases[] = {
        {HYPERVISOR_BIT_AUTO, 0, 0}, {HYPERVISOR_BIT_AUTO, 1u << 31, 1u << 31},
        {HYPERVISOR_BIT_ON, 0, 1u << 31}, {HYPERVISOR_BIT_ON, 1u << 31, 1u << 31},
        {HYPERVISOR_BIT_OFF, 0, 0}, {HYPERVISOR_BIT_OFF, 1u << 31, 0},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cpuid_guest guest = {.hypervisor_bit = cases[i].mode};
        u64 reg[CPUID_REGS] = {[CPUID_ECX] = cases[i].cpu};
        cpuid_policy_apply(1, 0, &guest, reg);
        assert_int_equal(reg[CPUID_ECX], cases[i].shown);
    }
}

static void a_local_apic_that_is_off(void **state)
{
    (void)state;
    for (u32 off = 0; off < 2; off++) {
        const struct cpuid_guest guest = {.apic_off = off != 0};
        u64 reg[CPUID_REGS] = {[CPUID_EDX] = 1u << 9 | 1u << 8};
        cpuid_policy_apply(1, 0, &guest, reg);
        assert_int_equal(reg[CPUID_EDX], (off ? 0 : 1u << 9) | 1u << 8);
    }
}

static void key_ids_are_no_address_bits(void **state)
{
    static const struct { u32 width, cpu, shown; } cases[] = {{0, 52, 52}, {46, 52, 46}, {46, 39, 39}, {52, 52, 52}};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cpuid_guest guest = {.physical_width = cases[i].width};
        u64 reg[CPUID_REGS] = {[CPUID_EAX] = 57u << 8 | cases[i].cpu};
        cpuid_policy_apply(0x80000008, 0, &guest, reg);
        assert_int_equal(reg[CPUID_EAX], 57u << 8 | cases[i].shown);
    }
}

static void the_rate_of_the_tsc(void **state)
{
    static const u32 rates[] = {1000, 2100000, 3999999, 4000000, 4294967, 5200000};
    u64 reg[CPUID_REGS];
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(rates); i++) {
        memset(reg, 0, sizeof(reg));
        cpuid_policy_fill_rate(rates[i], reg);
        assert_int_equal(reg[CPUID_EAX], 1);
        assert_in_range(rates[i] * 1000ull - reg[CPUID_EBX] * reg[CPUID_ECX] / reg[CPUID_EAX], 0, 1);
        assert_int_equal(reg[CPUID_ECX] >> 32, 0);
        for (u32 r = 0; r < CPUID_REGS; r++) {
            reg[r] = r + 2;     /* the CPU knows */
        }
        cpuid_policy_fill_rate(rates[i], reg);
        assert_true(reg[0] == 2 && reg[1] == 3 && reg[2] == 4 && reg[3] == 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_what_a_missing_control_disables),
        cmocka_unit_test(shows_exactly_these_bits),
        cmocka_unit_test(the_hypervisor_bit),
        cmocka_unit_test(a_local_apic_that_is_off),
        cmocka_unit_test(key_ids_are_no_address_bits),
        cmocka_unit_test(says_which_leafs_it_changes),
        cmocka_unit_test(names_the_hypervisor),
        cmocka_unit_test(mirrors_the_guests_cr4),
        cmocka_unit_test(the_status_window_is_named),
        cmocka_unit_test(the_rate_of_the_tsc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
