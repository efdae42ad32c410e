/* Running the image on every CPU, through the firmware's MP services (PI 1.7 volume 2, 13.3). */
#ifndef NESTOR_BOOT_CPUS_H
#define NESTOR_BOOT_CPUS_H

#include "boot/place.h"

/* How many CPUs the firmware has running, this one included. 0: there are several, and it cannot say how many. */
u32 cpus_count(u32 enabled_in_madt);

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
