/* What CPUID shows a guest. */
#include "hv/guest/cpuid_policy.h"
#include "hv/vmx/vmcs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct cpuid_guest plain = {.controls = ~0u, .features = CPUID_NESTOR_DMA_ISOLATION};

static void apply(u32 leaf, u32 subleaf, const struct cpuid_guest *guest, u64 *reg)
{
    for (u32 i = 0; i < CPUID_REGS; i++) {
        reg[i] = 0xffffffff;
    }
    cpuid_policy_apply(leaf, subleaf, guest, reg);
}

static void hides_exactly_these_bits(void **state)
{
    static const struct {
        u32 leaf, subleaf;
        u32 hidden[4];      /* of EAX, EBX, ECX, EDX */
    } cases[] = {
        {0, 0, {0, 0, 0, 0}},
        /* ECX.27 and 31 have tests of their own; all other bits of the CPU's pass. */
        {1, 0, {0, 0, 1u << 5 | 1u << 6 | 1u << 27, 0}},
        {6, 0, {1u << 19 | 1u << 23 | 1u << 24, 0, 0xff00, ~0u}},
        {7, 0, {0, 1u << 2 | 1u << 12 | 1u << 15 | 1u << 25,
                1u << 4 | 1u << 13 | 1u << 23 | 1u << 29 | 1u << 30,
                1u << 5 | 1u << 18 | 1u << 19}},
        {7, 1, {1u << 17 | 1u << 22 | 1u << 27, 0, 1u << 5, 1u << 15 | 1u << 17}},
        {7, 2, {0, 0, 0, 0}},
        {0xb, 1, {0, 0, 0, 0}},
        {0xd, 0, {0, 0, 0, 0}},
        {0xd, 1, {0, 0, 1u << 8 | 1u << 10 | 1u << 14 | 1u << 15, 0}},
        {0xd, 8, {~0u, ~0u, ~0u, ~0u}},
        {0xd, 9, {0, 0, 0, 0}},
        {0xd, 11, {0, 0, 0, 0}},
        {0x12, 0, {~0u, ~0u, ~0u, ~0u}},
        {0x12, 3, {~0u, ~0u, ~0u, ~0u}},
        {0x14, 0, {~0u, ~0u, ~0u, ~0u}},
        {0x14, 1, {~0u, ~0u, ~0u, ~0u}},
        {0x15, 0, {0, 0, 0, 0}},
        {0x20, 0, {~0u, ~0u, ~0u, ~0u}},
        {0x80000001, 0, {0, 0, 0, 0}},
        {0x80000008, 0, {0, 0, 0, 0}},
    };
    static const u32 order[] = {CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        u64 reg[CPUID_REGS];
        apply(cases[i].leaf, cases[i].subleaf, &plain, reg);
        for (u32 r = 0; r < CPUID_REGS; r++) {
            u32 seen = (u32)reg[order[r]];
            if (seen != ~cases[i].hidden[r]) {
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
    assert_int_equal(reg[CPUID_ECX] | reg[CPUID_EDX], 0);
    apply(0x400000ff, 0, &guest, reg);
    assert_int_equal(reg[0] | reg[1] | reg[2] | reg[3], 0);
    memset(reg, 0, sizeof(reg));
    cpuid_policy_apply(1, 0, &guest, reg);
    assert_int_equal(reg[CPUID_ECX], 1u << 31);
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
    assert_true(cpuid_policy_has(0x400000ff) && !cpuid_policy_has(0x40000100));
}

static void mirrors_the_guests_cr4(void **state)
{
    const struct cpuid_guest on = {.cr4 = 1 << 18 | 1 << 22};
    u64 reg[CPUID_REGS] = {0};
    (void)state;
    cpuid_policy_apply(1, 0, &on, reg);
    assert_int_equal(reg[CPUID_ECX], 1u << 27 | 1u << 31);
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
    static const struct { u32 control, leaf, subleaf, reg, hidden; } cases[] = {
        {CPU2_INVPCID, 7, 0, CPUID_EBX, 1u << 10},
        {CPU2_USER_WAIT, 7, 0, CPUID_ECX, 1u << 5},
        {CPU2_RDTSCP, 7, 0, CPUID_ECX, 1u << 22},
        {CPU2_XSAVES, 0xd, 1, CPUID_EAX, 1u << 3},
        {CPU2_RDTSCP, 0x80000001, 0, CPUID_EDX, 1u << 27},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cpuid_guest lacking = {.controls = ~cases[i].control};
        u64 with[CPUID_REGS];
        u64 without[CPUID_REGS];
        apply(cases[i].leaf, cases[i].subleaf, &plain, with);
        apply(cases[i].leaf, cases[i].subleaf, &lacking, without);
        for (u32 r = 0; r < CPUID_REGS; r++) {
            assert_int_equal(with[r] & ~without[r], r == cases[i].reg ? cases[i].hidden : 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_what_a_missing_control_disables),
        cmocka_unit_test(hides_exactly_these_bits),
        cmocka_unit_test(says_which_leafs_it_changes),
        cmocka_unit_test(names_the_hypervisor),
        cmocka_unit_test(mirrors_the_guests_cr4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
