/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes to control registers that would change a bit that VMX operation holds at 1 (CR0.NE, CR4.VMXE), or one of a
 * feature that the guest is not shown.
 */
#include "hv/exit/handlers.h"

#include "hv/guest/cpuid_policy.h"
#include "hv/machine/x86.h"
#include "hv/vcpu/panic.h"

enum { TYPE_MOV_TO = 0, CR0 = 0, CR4 = 4 };

static void change_shadow(enum vmcs_field shadow, u64 masked, u64 value)
{
    vmcs_write(shadow, (vmcs_read(shadow) & ~masked) | (value & masked));
}

/*
 * What the guest wants to write into the fixed bits goes into the shadow, and the instruction runs again. It does
 * not exit then, and the CPU itself does all that changing a control register involves; the fixed bits keep
 * their real value.
 */
void exit_cr_access(struct vcpu *v)
{
    u64 what = vmcs_read(VMCS_QUALIFICATION);
    u64 value = vcpu_reg(v, what >> 8 & 15);
    u32 cr = what & 15;
    if ((what >> 4 & 3) != TYPE_MOV_TO || (cr != CR0 && cr != CR4)) {
        panic_show_guest();
        panic("exit for control register access 0x%llx, which does not exit", what);
    }
    if (cr == CR4 && (value & CPUID_POLICY_CR4)) {
        vcpu_inject_error(VECTOR_GP, 0);
        return;
    }
    if (cr == CR0) {
        change_shadow(VMCS_CR0_SHADOW, v->cr0_fixed, value);
    } else {
        change_shadow(VMCS_CR4_SHADOW, v->cr4_fixed | CPUID_POLICY_CR4, value);
    }
    vcpu_repeat();
}
