/* RDMSR and WRMSR that exit: hv/msr_policy.c decides, this file does it. */
#include "hv/exit_msr.h"

#include "hv/ept.h"
#include "hv/exit.h"
#include "hv/msr_policy.h"
#include "hv/partition.h"
#include "hv/x86.h"

void exit_msr_fill_bitmap(u8 *bitmap)
{
    msr_policy_fill_bitmap(bitmap);
}

static void refuse(struct vcpu *v)
{
    __atomic_fetch_add(&v->partition->denied_msrs, 1, __ATOMIC_RELAXED);
    vcpu_inject_error(VECTOR_GP, 0);
}

void exit_rdmsr(struct vcpu *v)
{
    struct guest_regs *r = v->regs;
    u32 msr = (u32)r->gpr[REG_RCX];
    u64 value = 0;
    if ((msr_policy_reads_hardware(msr) && !msr_read_checked(msr, &value)) ||
        !msr_policy_read(msr, &value) ||
        (msr_policy_find(msr)->class == MSR_CLASS_MTRR && !mtrr_read(&v->mtrr, msr, &value))) {
        refuse(v);
        return;
    }
    r->gpr[REG_RAX] = (u32)value;
    r->gpr[REG_RDX] = value >> 32;
    vcpu_advance();
}

static void finish(struct vcpu *v, bool written)
{
    if (written) {
        vcpu_advance();
    } else {
        refuse(v);
    }
}

/*
 * The memory types of the EPT are those of the boot CPU: there is one table, and the SDM wants the
 * registers of all CPUs equal (12.11.5), so an OS writes the same into each, one after the other. While it
 * does they are off, and the types stay. A change that takes long lets the guest take its interrupts: the
 * instruction runs again.
 */
static void write_mtrr(struct vcpu *v, u32 msr, u64 value)
{
    if (!mtrr_write(&v->mtrr, msr, value)) {
        refuse(v);
    } else if (v->index != 0 || !mtrr_is_settled(&v->mtrr) ||
               ept_retype(v->partition, &v->mtrr)) {
        vcpu_advance();
    }
}

void exit_wrmsr(struct vcpu *v)
{
    struct guest_regs *r = v->regs;
    u32 msr = (u32)r->gpr[REG_RCX];
    u64 value = r->gpr[REG_RDX] << 32 | (u32)r->gpr[REG_RAX];
    u64 present = 0;
    if (msr_policy_reads_hardware(msr) && !msr_read_checked(msr, &present)) {
        refuse(v);
        return;
    }
    switch (msr_policy_write(msr, present, value)) {
    case MSR_WRITE_DO:
        finish(v, msr_write_checked(msr, value));
        break;
    case MSR_WRITE_MTRR:
        write_mtrr(v, msr, value);
        break;
    case MSR_WRITE_IGNORE:
        finish(v, true);
        break;
    case MSR_WRITE_REFUSE:
        refuse(v);
        break;
    }
}
