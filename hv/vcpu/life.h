/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How partitions beside the root get their CPUs, begin, end and begin again.
 *
 * All CPUs enter as the root's. When the firmware is done with them, those of other partitions are fetched by a kick,
 * and each leaves the root for good: at the root's first INIT or start-up IPI to a single CPU after its boot services
 * end, or two seconds later. One to all others is the firmware's, which parks them. A CPU that has arrived waits for a
 * start-up IPI by software. When all have, the first loads the partition's memory and begins. The end of a partition is
 * the same without the move: its CPUs arrive again.
 */
#ifndef NESTOR_HV_VCPU_LIFE_H
#define NESTOR_HV_VCPU_LIFE_H

#include "hv/vcpu/vcpu.h"

/* The firmware's boot services end; on a CPU of the root. */
void life_boot_services_end(struct partition *root);
/* The root starts a CPU of its own. */
void life_root_starts(struct partition *root);
/* Now and then on the root's first CPU. */
void life_poll(struct partition *root);

/* ALERT_LIFE: this CPU moves, or its partition ends. Does not return where the CPU has moved. */
void life_serve(struct vcpu *v);

#endif
