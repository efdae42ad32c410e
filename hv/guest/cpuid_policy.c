/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of hidden features (SDM volume 2, "CPUID"). See cpuid_policy.h. */
#include "hv/guest/cpuid_policy.h"

#include "hv/vmx/vmcs.h"

enum { ANY_SUBLEAF = 0xffffffffu >> 1 };

/*
 * What is shown of a leaf, by register. What a table does not know is hidden: a feature of a later CPU may need a
 * control of VMX, an MSR that nobody listed, or store to physical addresses. Sorted by leaf.
 */
struct cpuid_rule {
    u32 leaf, subleaf;
    struct { u32 eax, ebx, ecx, edx; } shown;
    const char *reason;
};

#define ALL 0xffffffffu
#define BIT(n) (1u << (n))

enum { RULE_HIDDEN, RULE_PASS, RULE_01, RULE_06, RULE_07, RULE_07_1, RULE_07_2, RULE_0D, RULE_0D_1, RULE_0D_2,
       RULE_EXT_1, RULE_EXT_7, RULE_EXT_8, RULES };

static const struct cpuid_rule rules[RULES + 1] = {
    [RULE_01] = {0x01, ANY_SUBLEAF,
                 {ALL, ALL, ~(BIT(5) | BIT(6) | BIT(16)), ~(BIT(10) | BIT(20) | BIT(30))},
                 "VMX and SMX are Nestor's"},
    /* EAX 19, 23, 24: hardware feedback, thread director, their interrupt. */
    [RULE_06] = {0x06, ANY_SUBLEAF, {0x0057eff7, 0xf, BIT(0) | BIT(3), 0},
                 "hardware feedback and thread director store to physical addresses"},
    /* EBX 2, 12, 15, 25: SGX, whose memory is outside the EPT's types; cache monitoring, allocation; Intel PT. */
    [RULE_07] = {0x07, 0,
                 {2, ~(BIT(2) | BIT(12) | BIT(15) | BIT(25)),
    /* ECX 13, 23, 29, 30: encryption keys sit in physical addresses; key locker needs a control; ENQCMD; SGX. */
                  ~(BIT(13) | BIT(15) | BIT(23) | BIT(26) | BIT(29) | BIT(30)),
    /* EDX 1, 5, 18, 19: SGX's keys; user interrupts; PCONFIG; architectural LBRs. */
                  ~(BIT(0) | BIT(1) | BIT(5) | BIT(6) | BIT(7) | BIT(12) | BIT(17) | BIT(18) | BIT(19) | BIT(21))},
                 "physical addresses, the host's PASIDs, hidden MSRs, controls that are off"},
    /*
     * EAX 17, 20, 22, 27: FRED, NMI source, HRESET, MSR lists. EBX: PPIN, total storage encryption. ECX 5: immediate
     * forms of MSR accesses. EDX 13, 15, 17: user timer, user MSR accesses, user interrupts; 18: needs an exit
     * control; 21: APX, whose prefix the decoder of accesses to registers does not know.
     */
    [RULE_07_1] = {0x07, 1, {0xc4ac1dff, 0, 0, 0x00884530}, "need controls or MSRs that are hidden"},
    [RULE_07_2] = {0x07, 2, {0, 0, 0, 0xff}, "speculation control"},
    /* AVX-512, PKRU, AMX; not APX. */
    [RULE_0D] = {0x0d, 0, {0x000602ff, ALL, ALL, 0}, "state of what is hidden"},
    [RULE_0D_1] = {0x0d, 1, {0x1f, ALL, BIT(11) | BIT(12), 0},
                   "of XSAVES states CET alone: what the filter of IA32_XSS takes"},
    [RULE_0D_2] = {0x0d, ANY_SUBLEAF, {ALL, ALL, ALL, ALL}, "a component, by number"},
    [RULE_EXT_1] = {0x80000001, ANY_SUBLEAF,
                    {ALL, 0, BIT(0) | BIT(5) | BIT(8), BIT(11) | BIT(20) | BIT(26) | BIT(27) | BIT(29)},
                    "what Intel's CPUs have of these"},
    [RULE_EXT_7] = {0x80000007, ANY_SUBLEAF, {0, 0, 0, BIT(8)}, "invariant TSC"},
    [RULE_EXT_8] = {0x80000008, ANY_SUBLEAF, {0x00ffffff, BIT(9), 0, 0}, "address widths, WBNOINVD"},
};

/* Hidden whole: SGX, cache monitoring and allocation, PT, key locker, PCONFIG, LBRs, HRESET, TDX, what is to come. */
static const u8 basic[] = {
    [0x00] = RULE_PASS, [0x01] = RULE_01, [0x02] = RULE_PASS, [0x03] = RULE_PASS, [0x04] = RULE_PASS,
    [0x05] = RULE_PASS, [0x06] = RULE_06, [0x07] = RULE_07, [0x09] = RULE_PASS, [0x0a] = RULE_PASS,
    [0x0b] = RULE_PASS, [0x0d] = RULE_0D, [0x15] = RULE_PASS, [0x16] = RULE_PASS, [0x17] = RULE_PASS,
    [0x18] = RULE_PASS, [0x1a] = RULE_PASS, [0x1d] = RULE_PASS, [0x1e] = RULE_PASS, [0x1f] = RULE_PASS,
    [0x23] = RULE_PASS, [0x24] = RULE_PASS,
};
static const u8 extended[] = {
    RULE_PASS, RULE_EXT_1, RULE_PASS, RULE_PASS, RULE_PASS, RULE_PASS, RULE_PASS, RULE_EXT_7, RULE_EXT_8,
};

static u32 find_rule(u32 leaf)
{
    if (leaf < ARRAY_LEN(basic)) {
        return basic[leaf];
    }
    return leaf - 0x80000000 < ARRAY_LEN(extended) ? extended[leaf - 0x80000000] : RULE_HIDDEN;
}

/* Components of XSAVES other than CET (PT, PASID, HDC, user interrupts, LBRs, HWP), and of XSAVE that are not shown. */
static bool is_hidden_component(u32 subleaf)
{
    return subleaf >= 2 && (subleaf >= 19 || (subleaf >= 8 && subleaf != 9 && subleaf != 11 && subleaf != 12 &&
                                              subleaf != 17 && subleaf != 18));
}

/* What is undefined or not switched in a guest without a control of VMX (SDM 26.3, 28.3.2.5). */
#define OF_ENTRY(control) ((u64)(control) << 32)
static const struct { u64 control; u32 leaf, subleaf, reg, bits; const char *name; } enabled[] = {
    {OF_ENTRY(ENTRY_LOAD_CET), 0x07, 0, CPUID_ECX, 1u << 7, "shadow stacks"},
    {CPU2_INVPCID, 0x07, 0, CPUID_EBX, 1u << 10, "INVPCID"},
    {CPU2_USER_WAIT, 0x07, 0, CPUID_ECX, 1u << 5, "TPAUSE, UMWAIT"},
    {CPU2_RDTSCP, 0x07, 0, CPUID_ECX, 1u << 22, "RDPID"},
    {OF_ENTRY(ENTRY_LOAD_CET), 0x07, 0, CPUID_EDX, 1u << 20, "indirect-branch tracking"},
    {CPU2_XSAVES, 0x0d, 1, CPUID_EAX, 1u << 3, "XSAVES"},
    {OF_ENTRY(ENTRY_LOAD_CET), 0x0d, 1, CPUID_ECX, 3u << 11, "CET's state"},
    {CPU2_RDTSCP, 0x80000001, ANY_SUBLEAF, CPUID_EDX, 1u << 27, "RDTSCP"},
};

static void clear(u64 *reg)
{
    for (u32 i = 0; i < CPUID_REGS; i++) {
        reg[i] = 0;
    }
}

/* 40000000h to 400000FFh, where a CPU without a hypervisor answers as to its highest basic leaf. */
static void answer_own(u32 leaf, const struct cpuid_guest *guest, u64 *reg)
{
    clear(reg);
    if (leaf == CPUID_NESTOR) {
        reg[CPUID_EAX] = CPUID_NESTOR_FEATURES;
        reg[CPUID_EBX] = CPUID_NESTOR_EBX;
        reg[CPUID_ECX] = CPUID_NESTOR_ECX;
        reg[CPUID_EDX] = CPUID_NESTOR_EDX;
    } else if (leaf == CPUID_NESTOR_FEATURES) {
        reg[CPUID_EAX] = CPUID_NESTOR_VERSION;
        reg[CPUID_EBX] = guest->features;
        reg[CPUID_ECX] = guest->status_port;
        reg[CPUID_EDX] = guest->status_port != 0 ? STATUS_PROTOCOL : 0;
    }
}

/* OSXSAVE and OSPKE mirror CR4: here the guest's, as CPUID has read Nestor's. */
static void mirror(u64 *reg, u32 bit, bool on)
{
    *reg = (*reg & ~bit) | (on ? bit : 0);
}

static void show(const struct cpuid_rule *rule, u32 subleaf, u64 *reg)
{
    for (u32 leaf = rule->leaf; rule->leaf == leaf; rule++) {
        if (rule->subleaf == subleaf || rule->subleaf == ANY_SUBLEAF) {
            reg[CPUID_EAX] &= rule->shown.eax;
            reg[CPUID_EBX] &= rule->shown.ebx;
            reg[CPUID_ECX] &= rule->shown.ecx;
            reg[CPUID_EDX] &= rule->shown.edx;
            return;
        }
    }
    clear(reg);
}

/* Leaves that enabled[] names. */
static bool depends_on_controls(u32 leaf)
{
    return leaf == 0x07 || leaf == 0x0d || leaf == 0x80000001;
}

static void hide_disabled(const struct cpuid_guest *guest, u32 leaf, u32 subleaf, u64 *reg)
{
    u64 on = guest->controls | OF_ENTRY(guest->entry_controls);
    for (u32 i = 0; i < ARRAY_LEN(enabled); i++) {
        if ((enabled[i].control & ~on) != 0 && enabled[i].leaf == leaf &&
            (enabled[i].subleaf == subleaf || enabled[i].subleaf == ANY_SUBLEAF)) {
            reg[enabled[i].reg] &= ~enabled[i].bits;
        }
    }
}

bool cpuid_policy_has(u32 leaf)
{
    return find_rule(leaf) != RULE_PASS;
}

/* The highest subleaf of leaf 7 that the table knows, at most. */
static void cap_subleaves(u64 *reg, u64 present)
{
    reg[CPUID_EAX] = present < 2 ? present : 2;
}

static void show_widths(const struct cpuid_guest *guest, u64 *reg)
{
    if (guest->physical_width != 0 && (reg[CPUID_EAX] & 0xff) > guest->physical_width) {
        reg[CPUID_EAX] = (reg[CPUID_EAX] & ~0xffull) | guest->physical_width;
    }
}

/* The TSC's rate as that of a crystal times 1; its unit is Hz, in 32 bits (SDM volume 2). */
void cpuid_policy_fill_rate(u32 tsc_khz, u64 *reg)
{
    if (reg[CPUID_EAX] == 0 || reg[CPUID_EBX] == 0 || reg[CPUID_ECX] == 0) {
        u32 times = 1 + tsc_khz / 4000000;
        reg[CPUID_EAX] = 1;
        reg[CPUID_EBX] = times;
        reg[CPUID_ECX] = (u32)((u64)tsc_khz * 1000 / times);
    }
}

void cpuid_policy_apply(u32 leaf, u32 subleaf, const struct cpuid_guest *guest, u64 *reg)
{
    u32 rule = find_rule(leaf);
    u64 subleaves = reg[CPUID_EAX];
    if (leaf >> 8 == CPUID_NESTOR >> 8) {
        answer_own(leaf, guest, reg);
        return;
    }
    if (rule == RULE_PASS) {
        return;
    }
    if (rule == RULE_HIDDEN || (leaf == 0x0d && is_hidden_component(subleaf))) {
        clear(reg);
        return;
    }
    show(&rules[rule], subleaf, reg);
    if (depends_on_controls(leaf)) {
        hide_disabled(guest, leaf, subleaf, reg);
    }
    if (leaf == 1) {
        mirror(&reg[CPUID_ECX], 1u << 27, (guest->cr4 & CR4_OSXSAVE) != 0);
        /* The local APIC's bit follows IA32_APIC_BASE (SDM 12.4.3), and Nestor has it on. */
        if (guest->apic_off) {
            reg[CPUID_EDX] &= ~(u64)BIT(9);
        }
        /* Kernels that see it and do not know who is there give up queued spinlocks, error reports and PMUs. */
        if (guest->hypervisor_bit != HYPERVISOR_BIT_AUTO) {
            mirror(&reg[CPUID_ECX], 1u << 31, guest->hypervisor_bit == HYPERVISOR_BIT_ON);
        }
    } else if (leaf == 7 && subleaf == 0) {
        mirror(&reg[CPUID_ECX], 1u << 4, (guest->cr4 & CR4_PKE) != 0);
        cap_subleaves(reg, subleaves);
    } else if (leaf == 0x80000008) {
        show_widths(guest, reg);
    }
}
