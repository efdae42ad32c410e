/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs: Nestor's own kicks are answered, those of remapping units are noted for work.c, all others are the guest's and
 * wait for its NMI window. One that comes together with one of Nestor's cannot be told apart and is taken for that, but
 * for those of performance counters (guest/pmi.h).
 */
#ifndef NESTOR_HV_VCPU_NMI_H
#define NESTOR_HV_VCPU_NMI_H

#include "hv/vcpu/vcpu.h"

/* An NMI in root mode; on the NMI stack, between any two instructions of root mode. */
void nmi_in_root(struct cpu *c);
/* The guest is about to begin on this CPU's own tables; an NMI that came before is its first. */
void nmi_begin(struct vcpu *v, struct cpu *starting);
/* An NMI in the guest: exit reason 0, vector 2. */
void nmi_exit(struct vcpu *v);
/* The guest can take an NMI now. */
void nmi_window_exit(struct vcpu *v);
/* One that another of the guest's CPUs has sent. */
void nmi_take(struct vcpu *v);
/* INIT: an NMI that waits is dropped. */
void nmi_forget(struct vcpu *v);

#endif
