/*
 * NMIs: Nestor's own kicks are answered, the others are the guest's and wait for its NMI
 * window. One that comes together with a kick cannot be told apart and is taken for the kick.
 */
#ifndef NESTOR_HV_VCPU_NMI_H
#define NESTOR_HV_VCPU_NMI_H

#include "hv/machine/cpu.h"
#include "hv/vcpu/vcpu.h"

void nmi_in_root(struct cpu *c);       /* also on the NMI stack, anywhere in root mode */
void nmi_exit(struct vcpu *v);         /* exit reason 0, vector 2 */
void nmi_window_exit(struct vcpu *v);
void nmi_forget(struct vcpu *v);       /* INIT: one that waits is dropped */

/* Ends the blocking of NMIs in root mode (entry.asm). */
void nmi_unblock(void);

#endif
