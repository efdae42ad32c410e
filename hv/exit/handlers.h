/* SPDX-License-Identifier: BSD-2-Clause */
/* The handlers of exit reasons that have a file of their own, exit_NAME() in NAME.c. The table is in exit.c. */
#ifndef NESTOR_HV_EXIT_HANDLERS_H
#define NESTOR_HV_EXIT_HANDLERS_H

#include "hv/vcpu/vcpu.h"

void exit_cpuid(struct vcpu *v);
void exit_cr_access(struct vcpu *v);
void exit_ept_violation(struct vcpu *v);
void exit_ept_misconfig(struct vcpu *v);   /* ept.c */
void exit_exception(struct vcpu *v);
void exit_init(struct vcpu *v);
void exit_io(struct vcpu *v);
void exit_machine_check(struct vcpu *v);    /* machine_check.c: one is due */
void exit_rdmsr(struct vcpu *v);
void exit_sipi(struct vcpu *v);             /* init.c */
void exit_triple_fault(struct vcpu *v);     /* exception.c; of the root: the machine resets */
void exit_undefined(struct vcpu *v);
void exit_vmcall(struct vcpu *v);
void exit_wrmsr(struct vcpu *v);

/*
 * A contributory fault in place of the instruction that exited, or of the event whose delivery exited: then it may
 * be a double fault, or the end of the guest (SDM 7.15). In exception.c.
 */
void exit_fault(struct vcpu *v, enum vector vector, u32 error);

#endif
