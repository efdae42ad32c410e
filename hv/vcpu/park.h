/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parked CPU has left VMX operation and halts for good, on Nestor's own page tables: when another CPU could not
 * enter the guest, or after a fatal error. The OS can wake it by INIT and SIPI as any other.
 */
#ifndef NESTOR_HV_VCPU_PARK_H
#define NESTOR_HV_VCPU_PARK_H

#include "hv/machine/cpu.h"

/*
 * Parks every CPU that has entered, by a CPU that has not. False, and a line: one stays, though 100 ms were waited in
 * which the waiting CPU did run.
 */
must_use bool park_all(void);

/* The same for all but this CPU, which is about to halt; nobody waits. */
void park_others(void);

/* One CPU reports a fatal error. What broke may break the others as well: they stop here, silently. */
void park_unless_first(void);

/* On an NMI: does not return if this CPU is to be parked. */
void park_if_asked(struct cpu *c);

#endif
