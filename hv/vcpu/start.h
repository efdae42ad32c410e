/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INIT and start-up IPI: what they do to a CPU, and how one reaches another.
 *
 * On hardware they reach it by themselves. A hypervisor below Nestor loses a SIPI that comes before the CPU is in its
 * wait for one (SDM 27.2 has it so in root mode), and may not run that CPU for milliseconds. There, what a guest writes
 * to the interrupt command register is looked at: the two are noted in the CPU they are for, which is made to exit.
 * It waits for the SIPI halted, in a state that only an NMI ends, so that it still answers kicks.
 */
#ifndef NESTOR_HV_VCPU_START_H
#define NESTOR_HV_VCPU_START_H

#include "hv/vcpu/vcpu.h"

/*
 * INIT: what must not outlive it. The registers may follow later. That of a partition's first CPU is the end of the
 * partition's life, of the root's the machine's.
 */
void start_init(struct vcpu *v);
/* The registers after INIT, and a start at the page of that number. */
void start_at(struct vcpu *v, u32 vector);

/*
 * A partition that nothing has started: its first CPU in flat 32-bit protected mode without paging, at that address,
 * all else as after INIT. Its other CPUs, and those of one that is stopped, wait for a start-up IPI by software.
 */
struct start_registers { u32 eip, eax, ebx, esi; };
void start_flat(struct vcpu *v, const struct start_registers *at);
void start_wait(struct vcpu *v);

/* By software: to that CPU, from any. */
void start_send_init(struct vcpu *v);
void start_send_sipi(struct vcpu *v, u32 vector);
void start_send_nmi(struct vcpu *v);
/* On the CPU itself, for ALERT_STARTUP: does what was sent. */
void start_serve(struct vcpu *v);

#endif
