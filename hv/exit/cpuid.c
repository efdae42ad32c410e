/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID: the CPU's answer, changed by hv/guest/cpuid_policy.c. */
#include "hv/exit/handlers.h"

#include "hv/guest/cpuid_policy.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"

_Static_assert((u32)CPUID_EAX == REG_RAX && (u32)CPUID_ECX == REG_RCX && (u32)CPUID_EDX == REG_RDX &&
               (u32)CPUID_EBX == REG_RBX, "the guest's registers are changed in place");

/* Kept out of line: CPUID is the most frequent exit, and most leaves are passed on as they are. */
static not_inlined void change(const struct vcpu *v, u32 leaf, u32 subleaf)
{
    const struct cpuid_guest guest = {.cr4 = vmcs_read(VMCS_GUEST_CR4),
                                      .controls = v->cpu_controls2,
                                      .entry_controls = v->entry_controls,
                                      .features = v->partition->cpuid_features,
                                      .status_port = v->partition->status_port,
                                      .physical_width = v->partition->physical_width,
                                      .hypervisor_bit = v->partition->hypervisor_bit,
                                      .apic_off = v->msr.apic_off};
    cpuid_policy_apply(leaf, subleaf, &guest, v->regs->gpr);
}

void exit_cpuid(struct vcpu *v)
{
    struct guest_regs *g = v->regs;
    u32 leaf = (u32)g->gpr[REG_RAX];
    u32 subleaf = (u32)g->gpr[REG_RCX];
    struct cpuid_regs r = cpuid(leaf, subleaf);
    g->gpr[REG_RAX] = r.eax;
    g->gpr[REG_RBX] = r.ebx;
    g->gpr[REG_RCX] = r.ecx;
    g->gpr[REG_RDX] = r.edx;
    if (cpuid_policy_has(leaf)) {
        change(v, leaf, subleaf);
    }
    vcpu_advance();
}
