/* SPDX-License-Identifier: BSD-2-Clause */
/* The status window of a partition: its ports, and what its reports say (hv/guest/status.h). */
#ifndef NESTOR_HV_EXIT_STATUS_H
#define NESTOR_HV_EXIT_STATUS_H

#include "hv/guest/window.h"
#include "hv/vcpu/vcpu.h"

/* An access of that size touches the window's ports. */
bool exit_status_is_port(const struct partition *p, u16 port, u32 size);

/* Counts an access that is none, and says so. */
void exit_status_refuse(struct vcpu *v, u16 port, u32 size);
/* Anything but an aligned double word reads ones, writes nothing and is refused as above. */
u32 exit_status_in(struct vcpu *v, u16 port, u32 size);
void exit_status_out(struct vcpu *v, u16 port, u32 size, u32 value);

#endif
