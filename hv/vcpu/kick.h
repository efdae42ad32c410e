/*
 * Other CPUs, when the EPT has changed: each must have done its INVEPT before a page is used
 * again. They are told by NMI, which a guest cannot block in non-root mode (SDM 26.3).
 */
#ifndef NESTOR_HV_VCPU_KICK_H
#define NESTOR_HV_VCPU_KICK_H

#include "hv/machine/cpu.h"

/* domain_config.cpu_flush: INVEPT on every CPU that runs a guest, done on return. */
void kick_invalidate(void *unused);

/* An NMI has come: does this CPU's INVEPT if that is what it was sent for, else false. */
bool kick_answer(struct cpu *c);

/* This CPU's INVEPT for all that was asked so far: it was not waited for. */
void kick_catch_up(struct cpu *c);

#endif
