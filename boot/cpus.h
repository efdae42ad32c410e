/* Running the image on every CPU, through the firmware's MP services (PI 1.7 volume 2, 13.3). */
#ifndef NESTOR_BOOT_CPUS_H
#define NESTOR_BOOT_CPUS_H

#include "boot/place.h"

/* CPUs that the firmware has running, this one included; 0: it cannot say, though there are more. */
u32 cpus_count(u32 enabled_in_madt);

/* On this CPU: the image's prepare or abandon. */
must_use enum result cpus_prepare(const struct placement *placement);
enum result cpus_abandon(const struct placement *placement);

/*
 * enter on the other CPUs, one after the other, then on this one, which returns OK in VMX
 * non-root mode. After a failure some others may be in non-root mode: cpus_abandon().
 */
must_use enum result cpus_enter(const struct placement *placement);

#endif
