/* SPDX-License-Identifier: BSD-2-Clause */
/* Running the image on every CPU, through the firmware's MP services (PI 1.7 volume 2, 13.3). */
#ifndef NESTOR_BOOT_CPUS_H
#define NESTOR_BOOT_CPUS_H

#include "boot/census.h"
#include "boot/place.h"

/* Asks the firmware which CPUs there are, and each of them what it can do. */
void cpus_survey(struct survey *out);

/* Calls the image's prepare or abandon on this CPU. */
must_use enum result cpus_prepare(const struct placement *placement);
enum result cpus_abandon(const struct placement *placement);

/*
 * Calls enter on the other CPUs, one after another, then on this one, which comes back with OK in
 * VMX non-root mode. After a failure some of the others may be in non-root mode: call
 * cpus_abandon().
 */
must_use enum result cpus_enter(const struct placement *placement);

#endif
