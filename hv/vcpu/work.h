/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that no action of the guest waits for: what its remapping units left over, and reading the hardware units'
 * fault records. The VMX-preemption timer makes a CPU exit for it, and runs only while there is some: every 50 us
 * while a unit has work left, every 100 ms on the partition's first CPU for the faults.
 */
#ifndef NESTOR_HV_VCPU_WORK_H
#define NESTOR_HV_VCPU_WORK_H

#include "hv/vcpu/vcpu.h"

/* After each exit but CPUID: starts or stops the timer, as there is work or not. */
void work_check(struct vcpu *v);
/* The timer has expired: does a share of what is due. */
void work_timer_exit(struct vcpu *v);
/* An NMI has come in root mode, perhaps too late for this exit to look at what it brings: then there is another. */
void work_alert(struct vcpu *v);
/* A unit of the partition has work left over; this CPU goes on with it. */
void work_left(struct vcpu *v);
/*
 * This CPU stops running for now (INIT), or leaves the root: the root's first CPU takes over what it has left. One that
 * waits for its start-up IPI by software goes on with it itself, as it still takes the timer's exits.
 */
void work_hand_over(struct vcpu *v);

#endif
