/* SPDX-License-Identifier: BSD-2-Clause */
/* The console of the hypervisor: port_log() is in iommu/port.h; this is what sets it up. */
#ifndef NESTOR_HV_MACHINE_LOG_H
#define NESTOR_HV_MACHINE_LOG_H

#include "hv/handover.h"

void log_init(const struct handover *h);
/* From now on lines are printed without the lock, whoever holds it. */
void log_force(void);

#endif
