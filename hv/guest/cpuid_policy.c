/* The table of hidden features (SDM volume 2, "CPUID"). See cpuid_policy.h. */
#include "hv/guest/cpuid_policy.h"

#include "hv/vmx/vmcs.h"

enum { ANY_SUBLEAF = 0xffffffffu >> 1 };

/* Bits that read as 0, by register. Sorted by leaf and indexed by it, as CPUID is the most frequent exit. */
struct cpuid_rule {
    u32 leaf, subleaf;
    struct { u32 eax, ebx, ecx, edx; } hidden;
    const char *reason;
};

#define ALL 0xffffffffu
#define WHOLE {ALL, ALL, ALL, ALL}

enum { RULE_NONE, RULE_01, RULE_06, RULE_07, RULE_07_1, RULE_0D, RULE_0D_8, RULE_0D_10, RULE_0D_14,
       RULE_0D_15, RULE_0F, RULE_10, RULE_12, RULE_14, RULE_19, RULE_1B, RULE_1C, RULE_20, RULES };

static const struct cpuid_rule rules[RULES + 1] = {
    [RULE_01] = {0x01, ANY_SUBLEAF, {0, 0, 1u << 5 | 1u << 6, 0}, "VMX and SMX are Nestor's"},
    [RULE_06] = {0x06, ANY_SUBLEAF, {1u << 19 | 1u << 23 | 1u << 24, 0, 0xff00, ALL},
                 "hardware feedback and thread director store to physical addresses"},
    /* EBX: SGX, whose memory is outside the EPT's types; cache monitoring and allocation; Intel PT. */
    [RULE_07] = {0x07, 0, {0, 1u << 2 | 1u << 12 | 1u << 15 | 1u << 25,
    /* ECX: encryption keys sit in physical addresses; key locker needs a control; ENQCMD; SGX. */
                           1u << 13 | 1u << 23 | 1u << 29 | 1u << 30,
    /* EDX: user interrupts; PCONFIG; architectural LBRs. */
                           1u << 5 | 1u << 18 | 1u << 19},
                 "physical addresses, the host's PASIDs, hidden MSRs, controls that are off"},
    /* FRED, HRESET, MSR lists; immediate forms of MSR accesses; MSR accesses by user code, user interrupts. */
    [RULE_07_1] = {0x07, 1, {1u << 17 | 1u << 22 | 1u << 27, 0, 1u << 5, 1u << 15 | 1u << 17},
                   "need controls"},
    [RULE_0D] = {0x0d, 1, {0, 0, 1u << 8 | 1u << 10 | 1u << 14 | 1u << 15, 0},
                 "XSAVES state of what is hidden: PT, PASID, user interrupts, LBRs"},
    [RULE_0D_8] = {0x0d, 8, WHOLE, "state of PT"},
    [RULE_0D_10] = {0x0d, 10, WHOLE, "state of PASID"},
    [RULE_0D_14] = {0x0d, 14, WHOLE, "state of user interrupts"},
    [RULE_0D_15] = {0x0d, 15, WHOLE, "state of LBRs"},
    [RULE_0F] = {0x0f, ANY_SUBLEAF, WHOLE, "cache monitoring"},
    [RULE_10] = {0x10, ANY_SUBLEAF, WHOLE, "cache allocation"},
    [RULE_12] = {0x12, ANY_SUBLEAF, WHOLE, "SGX"},
    [RULE_14] = {0x14, ANY_SUBLEAF, WHOLE, "Intel PT"},
    [RULE_19] = {0x19, ANY_SUBLEAF, WHOLE, "key locker"},
    [RULE_1B] = {0x1b, ANY_SUBLEAF, WHOLE, "PCONFIG"},
    [RULE_1C] = {0x1c, ANY_SUBLEAF, WHOLE, "architectural LBRs"},
    [RULE_20] = {0x20, ANY_SUBLEAF, WHOLE, "HRESET"},
};

static const u8 first_rule[] = {
    [0x01] = RULE_01, [0x06] = RULE_06, [0x07] = RULE_07, [0x0d] = RULE_0D, [0x0f] = RULE_0F,
    [0x10] = RULE_10, [0x12] = RULE_12, [0x14] = RULE_14, [0x19] = RULE_19, [0x1b] = RULE_1B,
    [0x1c] = RULE_1C, [0x20] = RULE_20,
};

/* Instructions that are undefined in a guest without a VM-execution control (SDM 26.3). */
static const struct { u32 control, leaf, subleaf, reg, bit; const char *name; } enabled[] = {
    {CPU2_INVPCID, 0x07, 0, CPUID_EBX, 1u << 10, "INVPCID"},
    {CPU2_USER_WAIT, 0x07, 0, CPUID_ECX, 1u << 5, "TPAUSE, UMWAIT"},
    {CPU2_RDTSCP, 0x07, 0, CPUID_ECX, 1u << 22, "RDPID"},
    {CPU2_XSAVES, 0x0d, 1, CPUID_EAX, 1u << 3, "XSAVES"},
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
        reg[CPUID_EBX] = 0x7473654e; /* "Nest" */
        reg[CPUID_ECX] = 0x654e726f; /* "orNe" */
        reg[CPUID_EDX] = 0x726f7473; /* "stor" */
    } else if (leaf == CPUID_NESTOR_FEATURES) {
        reg[CPUID_EAX] = CPUID_NESTOR_VERSION;
        reg[CPUID_EBX] = guest->features;
    }
}

/* OSXSAVE and OSPKE mirror CR4: here the guest's, as CPUID has read Nestor's. */
static void mirror(u64 *reg, u32 bit, bool on)
{
    *reg = (*reg & ~bit) | (on ? bit : 0);
}

static void hide(const struct cpuid_rule *rule, u32 subleaf, u64 *reg)
{
    for (u32 leaf = rule->leaf; rule->leaf == leaf; rule++) {
        if (rule->subleaf == subleaf || rule->subleaf == ANY_SUBLEAF) {
            reg[CPUID_EAX] &= ~rule->hidden.eax;
            reg[CPUID_EBX] &= ~rule->hidden.ebx;
            reg[CPUID_ECX] &= ~rule->hidden.ecx;
            reg[CPUID_EDX] &= ~rule->hidden.edx;
            return;
        }
    }
}

static void hide_disabled(u32 controls, u32 leaf, u32 subleaf, u64 *reg)
{
    for (u32 i = 0; i < ARRAY_LEN(enabled); i++) {
        if (!(controls & enabled[i].control) && enabled[i].leaf == leaf &&
            (enabled[i].subleaf == subleaf || enabled[i].subleaf == ANY_SUBLEAF)) {
            reg[enabled[i].reg] &= ~enabled[i].bit;
        }
    }
}

bool cpuid_policy_has(u32 leaf)
{
    return leaf < ARRAY_LEN(first_rule) ? first_rule[leaf] != RULE_NONE
                                        : leaf == 0x80000001 || leaf >> 8 == CPUID_NESTOR >> 8;
}

void cpuid_policy_apply(u32 leaf, u32 subleaf, const struct cpuid_guest *guest, u64 *reg)
{
    if (leaf >> 8 == CPUID_NESTOR >> 8) {
        answer_own(leaf, guest, reg);
        return;
    }
    if (leaf == 7 || leaf == 0x0d || leaf == 0x80000001) {
        hide_disabled(guest->controls, leaf, subleaf, reg);
    }
    if (leaf >= ARRAY_LEN(first_rule) || first_rule[leaf] == RULE_NONE) {
        return;
    }
    hide(&rules[first_rule[leaf]], subleaf, reg);
    if (leaf == 1) {
        mirror(&reg[CPUID_ECX], 1u << 27, (guest->cr4 & CR4_OSXSAVE) != 0);
        mirror(&reg[CPUID_ECX], 1u << 31, true);
    } else if (leaf == 7 && subleaf == 0) {
        mirror(&reg[CPUID_ECX], 1u << 4, (guest->cr4 & CR4_PKE) != 0);
    }
}
