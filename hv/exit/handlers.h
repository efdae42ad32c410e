/* The handlers of exit reasons that have a file of their own, exit_NAME() in NAME.c. The table is in exit.c. */
#ifndef NESTOR_HV_EXIT_HANDLERS_H
#define NESTOR_HV_EXIT_HANDLERS_H

#include "hv/vcpu/vcpu.h"

void exit_cpuid(struct vcpu *v);
void exit_cr_access(struct vcpu *v);
void exit_ept_violation(struct vcpu *v);
void exit_exception(struct vcpu *v);
void exit_init(struct vcpu *v);
void exit_io(struct vcpu *v);
void exit_rdmsr(struct vcpu *v);
void exit_sipi(struct vcpu *v);             /* init.c */
void exit_triple_fault(struct vcpu *v);     /* exception.c; the machine resets */
void exit_undefined(struct vcpu *v);
void exit_vmcall(struct vcpu *v);
void exit_wrmsr(struct vcpu *v);

#endif
