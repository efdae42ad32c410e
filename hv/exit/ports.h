/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O ports of a partition beside the root: a UART, reset and sleep registers, clocks. All others are not there. */
#ifndef NESTOR_HV_EXIT_PORTS_H
#define NESTOR_HV_EXIT_PORTS_H

#include "hv/vcpu/vcpu.h"

/* An exit for IN or OUT. */
void exit_ports(struct vcpu *v);
/* One of the root's, where there are partitions: true, and done, if the port is of a UART that one of them has. */
bool exit_ports_given(struct vcpu *v);

#endif
