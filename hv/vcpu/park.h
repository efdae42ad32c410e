/* Taking CPUs out of non-root mode again, when another CPU could not enter it. */
#ifndef NESTOR_HV_VCPU_PARK_H
#define NESTOR_HV_VCPU_PARK_H

#include "hv/machine/cpu.h"

/*
 * Every CPU that has entered leaves VMX operation and halts, with translation by Nestor's own
 * tables, until the OS wakes it by INIT and SIPI as any other.
 */
void park_all(void);

/* The same for all but this CPU, which is about to halt; nobody waits. */
void park_others(void);

/* One CPU tells of a fatal error. What broke may break the others as well: they stop here, silently. */
void park_unless_first(void);

/* Does not return when one of these was called. */
void park_if_asked(struct cpu *c);

#endif
