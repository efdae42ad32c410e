/* SPDX-License-Identifier: BSD-2-Clause */
/* RDMSR and WRMSR that exit: hv/guest/msr_policy.c decides, this file does it. */
#include "hv/exit/handlers.h"

#include "hv/exit/apic.h"
#include "hv/guest/msr_policy.h"
#include "hv/machine/apic.h"
#include "hv/machine/checked.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

/*
 * Kernels find out by reading which registers there are: only writes are worth a warning. A guest that knows of the
 * hypervisor below from elsewhere than CPUID uses that one's registers over and over: one line for all of those.
 */
static void refuse(struct vcpu *v, const struct msr_rule *rule, u32 msr, bool write)
{
    struct partition *p = v->partition;
    bool foreign = rule->class == MSR_CLASS_FOREIGN;
    struct limit *refused = foreign ? &p->foreign_msrs[write] : &p->denied_msrs[write];
    if (limit_due(refused) && (!foreign || refused->count == 1)) {
        port_log(write ? LOG_WARNING : LOG_DEBUG, "CPU %u: %s of MSR 0x%x refused (attempt %llu)",
                 v->index, write ? "write" : "read", msr, refused->count);
    }
    vcpu_inject_error(VECTOR_GP, 0);
}

/* One that no table of ours lists was touched: whoever adds to the table wants to know which. */
static void tell_unknown(struct vcpu *v, const struct msr_rule *rule, u32 msr, const char *what)
{
    if (rule->class == MSR_CLASS_UNKNOWN && limit_due(&v->partition->unknown_msrs)) {
        port_log(LOG_WARNING, "CPU %u: MSR 0x%x is not in the table: %s", v->index, msr, what);
    }
}

void exit_rdmsr(struct vcpu *v)
{
    struct guest_regs *r = v->regs;
    u32 msr = (u32)r->gpr[REG_RCX];
    const struct msr_rule *rule = msr_policy_find(msr);
    u64 value = 0;
    tell_unknown(v, rule, msr, "read as the CPU has it");
    if ((msr_policy_reads_hardware(rule) && !checked_msr_read(msr, &value)) ||
        !msr_policy_read(rule, &v->msr, &value) ||
        (rule->class == MSR_CLASS_MTRR && !mtrr_read(&v->mtrr, msr, &value))) {
        refuse(v, rule, msr, false);
        return;
    }
    r->gpr[REG_RAX] = (u32)value;
    r->gpr[REG_RDX] = value >> 32;
    vcpu_advance();
}

static void finish(struct vcpu *v, const struct msr_rule *rule, u32 msr, bool written)
{
    if (written) {
        vcpu_advance();
    } else {
        refuse(v, rule, msr, true);
    }
}

/*
 * The memory types of the EPT are those of the partition's first CPU: there is one table, and the registers of all CPUs
 * must be equal (SDM 12.11.5), so an OS writes the same values on each. It turns the MTRRs off first, and the types
 * stay as they are until it has turned them on again. When a change takes long, the guest may take its interrupts in
 * between, and the instruction runs again.
 */
static void write_mtrr(struct vcpu *v, const struct msr_rule *rule, u32 msr, u64 value)
{
    if (!mtrr_write(&v->mtrr, msr, value)) {
        refuse(v, rule, msr, true);
    } else if (!vcpu_is_first(v) || !mtrr_is_settled(&v->mtrr) || partition_ept_retype(v->partition, &v->mtrr)) {
        vcpu_advance();
    } else {
        vcpu_repeat();
    }
}

static bool restart_apic(struct vcpu *v, u64 base, const struct msr_guest *guest)
{
    if (!apic_restart(base)) {
        return false;
    }
    v->msr = *guest;
    v->apic_logical = 0;
    v->apic_format = APIC_FLAT;
    if (guest->apic_off) {
        apic_pass_pins();
    }
    return true;
}

void exit_wrmsr(struct vcpu *v)
{
    struct guest_regs *r = v->regs;
    u32 msr = (u32)r->gpr[REG_RCX];
    const struct msr_rule *rule = msr_policy_find(msr);
    u64 value = r->gpr[REG_RDX] << 32 | (u32)r->gpr[REG_RAX];
    u64 present = 0;
    struct msr_guest guest = v->msr;
    guest.boot_services = v->partition->boot_services;
    tell_unknown(v, rule, msr, "a write changes nothing");
    if (msr_policy_reads_hardware(rule) && !checked_msr_read(msr, &present)) {
        refuse(v, rule, msr, true);
        return;
    }
    switch (msr_policy_write(rule, &guest, present, &value)) {
    case MSR_WRITE_KEEP:
        v->msr = guest;
        finish(v, rule, msr, checked_msr_write(msr, value));
        break;
    case MSR_WRITE_APIC:
        finish(v, rule, msr, restart_apic(v, value, &guest));
        break;
    case MSR_WRITE_DO:
        finish(v, rule, msr, checked_msr_write(msr, value));
        break;
    case MSR_WRITE_COMMAND:
        finish(v, rule, msr, exit_apic_command(v, value));
        break;
    case MSR_WRITE_MTRR:
        write_mtrr(v, rule, msr, value);
        break;
    case MSR_WRITE_IGNORE:
        finish(v, rule, msr, true);
        break;
    case MSR_WRITE_REFUSE:
        refuse(v, rule, msr, true);
        break;
    }
}
