/* VMX operation on and off, and what the CPU must be able to do for it. */
#ifndef NESTOR_HV_VMX_VMX_H
#define NESTOR_HV_VMX_VMX_H

#include "hv/machine/cpu.h"

/* ERR_UNSUPPORTED with a line for each capability of caps.h that this CPU lacks. */
must_use enum result vmx_check(u32 cpu_index);

/* The controls of a kind that can be set, of those in `want`, with those that must be. */
u32 vmx_controls(enum msr msr, enum msr true_msr, u32 want);

must_use enum result vmx_on(struct cpu *c);
void vmx_off(struct cpu *c);

must_use enum result vmx_vmcs_load(hpa_t vmcs);

/* INVEPT of everything and INVVPID of one id, on this CPU. */
void vmx_invept_all(void);
void vmx_invvpid(u16 vpid);

/* vmx_entry.asm */
u32 vmx_launch(struct cpu_restore *restore);
_Noreturn void vmx_restore(const struct cpu_restore *restore);
void vmx_first_exit(void);
void vmx_exit(void);

#endif
