/* SPDX-License-Identifier: BSD-2-Clause */
/* What the image is told: machine and configuration, as hv/handover.h has them. */
#ifndef NESTOR_BOOT_HAND_OVER_H
#define NESTOR_BOOT_HAND_OVER_H

#include "boot/machine.h"
#include "boot/partition.h"

/* Fields that place.c filled stay. `listed`: all that CPUs and devices reach from the start. */
void hand_over(const struct machine *m, const struct config *config, const struct ranges *listed,
               const struct partitions *partitions, struct handover *h);

#endif
