/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O ports of a partition that is not the root: a UART, reset and sleep registers. All others are not there. */
#ifndef NESTOR_HV_EXIT_PORTS_H
#define NESTOR_HV_EXIT_PORTS_H

#include "hv/vcpu/vcpu.h"

/* An exit for IN or OUT. */
void exit_ports(struct vcpu *v);

#endif
