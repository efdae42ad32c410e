/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exits where there are several partitions. What is different then is handled here, all else as on a machine with one;
 * that machine's exits never come here, and so are as short as if there were no partitions.
 */
#include "hv/exit/apic.h"
#include "hv/exit/exit.h"
#include "hv/exit/handlers.h"
#include "hv/exit/pci.h"
#include "hv/exit/ports.h"
#include "hv/guest/cpuid_policy.h"
#include "hv/machine/checked.h"
#include "hv/machine/time.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/stop.h"
#include "hv/vcpu/work.h"
#include "hv/vmx/reason.h"
#include "iommu/port.h"

static void finish(bool done)
{
    if (done) {
        vcpu_advance();
    } else {
        vcpu_inject_error(VECTOR_GP, 0);
    }
}

static void tell_dropped(struct vcpu *v, u32 msr)
{
    if (limit_due(&v->partition->shared_msrs)) {
        port_log(LOG_WARNING, "CPU %u: write of MSR 0x%x, which other CPUs share, dropped", v->index, msr);
    }
}

static bool write_msr(struct vcpu *v)
{
    const struct guest_regs *r = v->regs;
    u32 msr = (u32)r->gpr[REG_RCX];
    u64 value = r->gpr[REG_RDX] << 32 | (u32)r->gpr[REG_RAX];
    u64 present = 0;
    if (msr == MSR_X2APIC_ICR) {
        finish(exit_apic_command(v, value));
        return true;
    }
    const struct msr_rule *rule = msr_policy_find(msr);
    bool apic = rule->class == MSR_CLASS_APIC && checked_msr_read(msr, &present);
    v->msr.boot_services = v->partition->boot_services;
    switch (msr_policy_write_shared(rule, &v->msr, present, &value)) {
    case MSR_SHARED_AS_ALONE:
        return false;
    case MSR_SHARED_DROP:
        tell_dropped(v, msr);
        finish(true);
        return true;
    case MSR_SHARED_IGNORE:
        finish(apic || rule->class != MSR_CLASS_APIC);
        return true;
    case MSR_SHARED_DO:
        finish(checked_msr_write(msr, value));
        return true;
    default:
        finish(false);
        return true;
    }
}

static bool read_msr(struct vcpu *v)
{
    struct guest_regs *r = v->regs;
    u32 msr = (u32)r->gpr[REG_RCX];
    const struct msr_rule *rule = msr_policy_find(msr);
    u64 value = 0;
    bool shown;
    bool reads = rule->class == MSR_CLASS_APIC || rule->class == MSR_CLASS_SHOW;
    bool there = !reads || checked_msr_read(msr, &value) || rule->class == MSR_CLASS_SHOW;
    if (!msr_policy_read_shared(rule, &v->msr, &value, &shown)) {
        return false;
    }
    if (there && shown) {
        r->gpr[REG_RAX] = (u32)value;
        r->gpr[REG_RDX] = value >> 32;
    }
    finish(there && shown);
    return true;
}

/* The register that says that x2APIC mode is locked is there. */
static bool read_features(struct vcpu *v)
{
    enum { LEAF_FEATURES = 7, ARCH_CAPABILITIES = 1 << 29 };
    struct guest_regs *r = v->regs;
    if ((u32)r->gpr[REG_RAX] != LEAF_FEATURES || (u32)r->gpr[REG_RCX] != 0) {
        return false;
    }
    exit_cpuid(v);
    r->gpr[REG_RDX] |= ARCH_CAPABILITIES;
    return true;
}

/* True: it is done. */
static bool handle(struct vcpu *v, u32 reason)
{
    bool confined = v->partition->config != NULL;
    if (reason == REASON_WRMSR) {
        return write_msr(v);
    }
    if (reason == REASON_RDMSR) {
        return read_msr(v);
    }
    if (reason == REASON_CPUID && read_features(v)) {
        return true;
    }
    if (reason == REASON_IO && exit_pci_port(v)) {
        return true;
    }
    if (!confined) {
        return reason == REASON_IO && exit_ports_given(v);
    }
    if (reason == REASON_CPUID && (u32)v->regs->gpr[REG_RAX] == CPUID_LEAF_TSC) {
        exit_cpuid(v);
        cpuid_policy_fill_rate((u32)time_tsc_khz(), v->regs->gpr);
        return true;
    }
    if (reason == REASON_IO) {
        exit_ports(v);
        return true;
    }
    if ((reason & REASON_ENTRY_FAILURE) != 0 && reason != (REASON_ENTRY_FAILURE | REASON_ENTRY_MACHINE_CHECK)) {
        stop_partition(v, vmx_reason_text(reason), true);
        return true;
    }
    return false;
}

void exit_shared(struct vcpu *v)
{
    u32 reason = (u32)vmcs_read(VMCS_EXIT_REASON);
    if (handle(v, reason)) {
        v->exits[reason & REASON_BASIC]++;   /* one of those above */
        work_check(v);
    } else {
        exit_handle(v);
    }
}
