/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX operation on and off, and what the CPU must be able to do for it. */
#ifndef NESTOR_HV_VMX_VMX_H
#define NESTOR_HV_VMX_VMX_H

#include "hv/machine/cpu.h"

/* ERR_UNSUPPORTED with a line for each capability of caps.h that this CPU lacks. */
must_use enum result vmx_check(u32 cpu_index);

/* What may be set of `want` in a field of controls, with what must be: `msr`, or `true_msr` where that exists. */
u32 vmx_controls(enum msr msr, enum msr true_msr, u32 want);

/* ERR_UNSUPPORTED, with a line: VMXON was refused; the CPU is as before. */
must_use enum result vmx_on(struct cpu *c);
/* Nothing happens on a CPU that is not in VMX operation. */
void vmx_off(struct cpu *c);

/* Makes a page of zeros the current VMCS. ERR_UNSUPPORTED, with a line, where the CPU refuses it. */
must_use enum result vmx_vmcs_load(hpa_t vmcs);

/* What the CPU holds of a VMCS goes back to memory, and it is current no longer. */
void vmx_vmcs_leave(hpa_t vmcs);

/* INVEPT of everything and INVVPID of one id, on this CPU. */
void vmx_invept_all(void);
void vmx_invvpid(u16 vpid);

#endif
