/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI functions that belong to partitions beside the root: whose each is, and where. Which they are does not change
 * while guests run.
 */
#ifndef NESTOR_HV_DEVICE_DEVICE_H
#define NESTOR_HV_DEVICE_DEVICE_H

#include "hv/device/interrupts.h"
#include "hv/handover.h"

struct partition;

struct device {
    struct partition *owner;                    /* not the root */
    const struct handover_function *function;   /* as boot/ found it */
    u16 express_control, express_control2;      /* as the firmware left them, but for the time-out of completions */
    u8 sizing;                                  /* of its BARs those whose size its guest has asked for, as bits */
    u8 power;                                   /* the state that its guest has put it in; it is always D0 */
    struct interrupts interrupts;
};

/* All that boot/ hands over, after the partitions were made. */
must_use enum result device_create(const struct handover *h);

/* In the order of the handover; NULL behind the last. */
struct device *device_get(u32 i);

/* The partition's function of that source-id, whoever else has it: NULL. */
struct device *device_of(const struct partition *p, u16 source_id);

/* The partition's function with a memory BAR at gpa, which is where the host has it; NULL: there is none. */
struct device *device_at(const struct partition *p, u64 gpa);

#endif
