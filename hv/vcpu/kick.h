/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kick is an NMI that one CPU sends to the others because the EPT has changed: each must have done its INVEPT
 * before a page that was taken out is used again. A guest cannot block NMIs in non-root mode (SDM 26.3), so the
 * answer never waits for it.
 */
#ifndef NESTOR_HV_VCPU_KICK_H
#define NESTOR_HV_VCPU_KICK_H

#include "hv/machine/cpu.h"

/*
 * For domain_config.cpu_flush: returns when every CPU that runs that partition's guest has done its INVEPT. A CPU that
 * is late is asked again; one that has not after ten seconds, in which the waiting CPU did run, is a fatal error.
 */
void kick_invalidate(void *partition);

/* That other CPU, if it runs its guest, exits soon, or after this exit once more. */
void kick_exit(struct cpu *c);

/* An NMI has come: if it is a kick, does this CPU's INVEPT; else false. */
bool kick_answer(struct cpu *c);

/* This CPU's INVEPT for all requests so far, after a time in which nobody waited for it. */
void kick_catch_up(struct cpu *c);

#endif
