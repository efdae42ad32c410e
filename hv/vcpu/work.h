/*
 * Work of Nestor that no guest action waits for: what a vIOMMU left over, and the units' fault
 * records. The VMX-preemption timer runs on a CPU only while it has such work; the boot CPU also
 * looks at the faults, every 100 ms.
 */
#ifndef NESTOR_HV_VCPU_WORK_H
#define NESTOR_HV_VCPU_WORK_H

#include "hv/vcpu/vcpu.h"

/* After each exit but CPUID: does what is due and sets the timer. */
void work_check(struct vcpu *v);
void work_timer_exit(struct vcpu *v);
/* A vIOMMU of the partition has work left over; this CPU goes on with it. */
void work_left(struct vcpu *v);
/* This CPU stops running for now (INIT): the one that polls does what it has left. */
void work_hand_over(struct vcpu *v);

#endif
