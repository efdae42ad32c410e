/* RDMSR and WRMSR that exit: hv/msr_policy.c decides, this file does it. */
#include "hv/exit_msr.h"

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
        !msr_policy_read(msr, &value)) {
        refuse(v);
        return;
    }
    r->gpr[REG_RAX] = (u32)value;
    r->gpr[REG_RDX] = value >> 32;
    vcpu_advance();
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
    case MSR_WRITE_MTRR:
        if (!msr_write_checked(msr, value)) {
            refuse(v);
            return;
        }
        break;
    case MSR_WRITE_IGNORE:
        break;
    case MSR_WRITE_REFUSE:
        refuse(v);
        return;
    }
    vcpu_advance();
}
