/* SPDX-License-Identifier: BSD-2-Clause */
/* What iommu/port.h needs to know on bare metal. */
#ifndef NESTOR_HV_MACHINE_PORT_H
#define NESTOR_HV_MACHINE_PORT_H

#include "hv/types.h"

/* First of all: the virtual address at which physical 0 is mapped, and all memory behind it. */
void port_init(u64 direct_map);

#endif
