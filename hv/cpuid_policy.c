/* The table of hidden features (SDM volume 2, "CPUID"). See cpuid_policy.h. */
#include "hv/cpuid_policy.h"

#include "hv/vmcs.h"

enum { ANY_SUBLEAF = 0xffffffffu >> 1 };

/* `hidden` bits read as 0; of all four registers where reg is CPUID_REGS. Sorted by leaf. */
struct cpuid_rule {
    u32 leaf, subleaf;
    u32 reg;
    u32 hidden;
    const char *reason;
};

static const struct cpuid_rule rules[] = {
    {0x01, ANY_SUBLEAF, CPUID_ECX, 1u << 5 | 1u << 6, "VMX and SMX are Nestor's"},
    {0x06, ANY_SUBLEAF, CPUID_EAX, 1u << 19 | 1u << 23 | 1u << 24,
     "hardware feedback and thread director store to physical addresses"},
    {0x06, ANY_SUBLEAF, CPUID_ECX, 0xff00, "thread director classes"},
    {0x06, ANY_SUBLEAF, CPUID_EDX, ~0u, "hardware feedback table"},
    {0x07, 0, CPUID_EBX, 1u << 2, "SGX: its memory is outside the EPT's types"},
    {0x07, 0, CPUID_EBX, 1u << 12 | 1u << 15, "cache monitoring and allocation: MSRs hidden"},
    {0x07, 0, CPUID_EBX, 1u << 25, "Intel PT stores to physical addresses"},
    {0x07, 0, CPUID_ECX, 1u << 13, "memory encryption keys sit in physical addresses"},
    {0x07, 0, CPUID_ECX, 1u << 23, "key locker needs a VM-execution control"},
    {0x07, 0, CPUID_ECX, 1u << 29 | 1u << 30, "ENQCMD uses the host's PASIDs; SGX"},
    {0x07, 0, CPUID_EDX, 1u << 5, "user interrupts: MSRs hidden"},
    {0x07, 0, CPUID_EDX, 1u << 18 | 1u << 19, "PCONFIG; architectural LBRs: MSRs hidden"},
    {0x07, 1, CPUID_EAX, 1u << 17 | 1u << 22 | 1u << 27, "FRED, HRESET, MSR lists need controls"},
    {0x07, 1, CPUID_ECX, 1u << 5, "immediate MSR forms need a control"},
    {0x07, 1, CPUID_EDX, 1u << 15 | 1u << 17, "user MSR accesses need a control; user interrupts"},
    {0x0d, 1, CPUID_ECX, 1u << 8 | 1u << 10 | 1u << 14 | 1u << 15,
     "XSAVES state of what is hidden: PT, PASID, user interrupts, LBRs"},
    {0x0d, 8, CPUID_REGS, ~0u, "state of PT"},
    {0x0d, 10, CPUID_REGS, ~0u, "state of PASID"},
    {0x0d, 14, CPUID_REGS, ~0u, "state of user interrupts"},
    {0x0d, 15, CPUID_REGS, ~0u, "state of LBRs"},
    {0x0f, ANY_SUBLEAF, CPUID_REGS, ~0u, "cache monitoring"},
    {0x10, ANY_SUBLEAF, CPUID_REGS, ~0u, "cache allocation"},
    {0x12, ANY_SUBLEAF, CPUID_REGS, ~0u, "SGX"},
    {0x14, ANY_SUBLEAF, CPUID_REGS, ~0u, "Intel PT"},
    {0x19, ANY_SUBLEAF, CPUID_REGS, ~0u, "key locker"},
    {0x1b, ANY_SUBLEAF, CPUID_REGS, ~0u, "PCONFIG"},
    {0x1c, ANY_SUBLEAF, CPUID_REGS, ~0u, "architectural LBRs"},
    {0x20, ANY_SUBLEAF, CPUID_REGS, ~0u, "HRESET"},
};

/* Instructions that are undefined in a guest without a VM-execution control (SDM 26.3). */
static const struct { u32 control; struct cpuid_rule rule; } enabled[] = {
    {CPU2_INVPCID, {0x07, 0, CPUID_EBX, 1u << 10, "INVPCID"}},
    {CPU2_USER_WAIT, {0x07, 0, CPUID_ECX, 1u << 5, "TPAUSE, UMWAIT"}},
    {CPU2_RDTSCP, {0x07, 0, CPUID_ECX, 1u << 22, "RDPID"}},
    {CPU2_XSAVES, {0x0d, 1, CPUID_EAX, 1u << 3, "XSAVES"}},
    {CPU2_RDTSCP, {0x80000001, ANY_SUBLEAF, CPUID_EDX, 1u << 27, "RDTSCP"}},
};

static void clear(u32 *reg)
{
    for (u32 i = 0; i < CPUID_REGS; i++) {
        reg[i] = 0;
    }
}

/* 40000000h to 400000FFh: CPUs answer with their highest basic leaf there. */
static void answer_own(u32 leaf, const struct cpuid_guest *guest, u32 *reg)
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

/* OSXSAVE and OSPKE mirror the guest's CR4; CPUID executed by Nestor mirrors Nestor's. */
static void mirror(u32 *reg, u32 bit, bool on)
{
    *reg = (*reg & ~bit) | (on ? bit : 0);
}

static void hide(const struct cpuid_rule *rule, u32 leaf, u32 subleaf, u32 *reg)
{
    if (rule->leaf != leaf || (rule->subleaf != subleaf && rule->subleaf != ANY_SUBLEAF)) {
        return;
    }
    if (rule->reg == CPUID_REGS) {
        clear(reg);
    } else {
        reg[rule->reg] &= ~rule->hidden;
    }
}

void cpuid_policy_apply(u32 leaf, u32 subleaf, const struct cpuid_guest *guest, u32 *reg)
{
    if (leaf >> 8 == CPUID_NESTOR >> 8) {
        answer_own(leaf, guest, reg);
        return;
    }
    for (u32 i = 0; i < ARRAY_LEN(rules) && rules[i].leaf <= leaf; i++) {
        hide(&rules[i], leaf, subleaf, reg);
    }
    for (u32 i = 0; i < ARRAY_LEN(enabled); i++) {
        if (!(guest->controls & enabled[i].control)) {
            hide(&enabled[i].rule, leaf, subleaf, reg);
        }
    }
    if (leaf == 1) {
        mirror(&reg[CPUID_ECX], 1u << 27, (guest->cr4 & 1 << 18) != 0);
        mirror(&reg[CPUID_ECX], 1u << 31, true);
    } else if (leaf == 7 && subleaf == 0) {
        mirror(&reg[CPUID_ECX], 1u << 4, (guest->cr4 & 1 << 22) != 0);
    }
}
