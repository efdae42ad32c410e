/* CPUID: the CPU's answer, changed by hv/cpuid_policy.c. */
#include "hv/exit.h"

#include "hv/cpuid_policy.h"
#include "hv/partition.h"
#include "hv/x86.h"

void exit_cpuid(struct vcpu *v)
{
    struct guest_regs *g = v->regs;
    u32 leaf = (u32)g->gpr[REG_RAX], subleaf = (u32)g->gpr[REG_RCX];
    const struct cpuid_guest guest = {.cr4 = vmcs_read(VMCS_GUEST_CR4),
                                      .controls = v->cpu_controls2,
                                      .features = v->partition->cpuid_features};
    struct cpuid_regs r = cpuid(leaf, subleaf);
    u32 words[CPUID_REGS] = {r.eax, r.ebx, r.ecx, r.edx};
    cpuid_policy_apply(leaf, subleaf, &guest, words);
    g->gpr[REG_RAX] = words[CPUID_EAX];
    g->gpr[REG_RBX] = words[CPUID_EBX];
    g->gpr[REG_RCX] = words[CPUID_ECX];
    g->gpr[REG_RDX] = words[CPUID_EDX];
    vcpu_advance();
}
