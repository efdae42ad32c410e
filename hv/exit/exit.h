/* VM exits: one table, one handler per reason. */
#ifndef NESTOR_HV_EXIT_EXIT_H
#define NESTOR_HV_EXIT_EXIT_H

#include "hv/vcpu/vcpu.h"

/* Called by vmx_entry.asm. A first VM entry that fails goes back to hv_enter(); a later one is the end. */
void exit_first(struct vcpu *v, struct guest_regs *regs);
void exit_handle(struct vcpu *v, struct guest_regs *regs);
_Noreturn void exit_resume_failed(struct vcpu *v);

/* By basic exit reason; NULL for a number that the SDM does not name. */
extern const char *const exit_texts[REASON_LIMIT];
const char *exit_reason_text(u32 reason);

/* Handlers in files of their own. */
void exit_cpuid(struct vcpu *v);
void exit_cr_access(struct vcpu *v);
void exit_ept_violation(struct vcpu *v);
void exit_exception(struct vcpu *v);
void exit_init(struct vcpu *v);
void exit_io(struct vcpu *v);
void exit_rdmsr(struct vcpu *v);
void exit_sipi(struct vcpu *v);
void exit_triple_fault(struct vcpu *v);
void exit_wrmsr(struct vcpu *v);

#endif
