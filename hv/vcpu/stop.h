/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a partition that is not the root: all of its CPUs are told; what they do then is in life.c. */
#ifndef NESTOR_HV_VCPU_STOP_H
#define NESTOR_HV_VCPU_STOP_H

#include "hv/vcpu/vcpu.h"

/*
 * By one of its CPUs, which does not go back to its guest; one line says why, whoever is first. again: it may begin
 * again, as often as the config says.
 */
void stop_partition(struct vcpu *v, const char *why, bool again);

/*
 * By a CPU of the root, which the config lets: a partition that runs stops, one that is stopped starts, or it does one
 * after the other. seen: starts plus ends so far. False: it is not in that state, or not as it was seen.
 */
must_use bool stop_controlled(struct partition *p, u32 seen, bool stops, bool starts);

#endif
