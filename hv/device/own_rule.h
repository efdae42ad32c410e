/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space of a function as the partition has it that owns it: its addresses are the host's for good, pins
 * and ports are not there, and what other functions, bridges or the root could notice is read-only or hidden. Hardware
 * is reached by pci.h alone; whoever calls has that to himself.
 */
#ifndef NESTOR_HV_DEVICE_OWN_RULE_H
#define NESTOR_HV_DEVICE_OWN_RULE_H

#include "hv/device/device.h"

/* A register of 1, 2 or 4 bytes within a double word. */
u32 own_rule_read(const struct device *d, u32 offset, u32 size);

/* False: not all of it has had an effect. */
must_use bool own_rule_write(struct device *d, u32 offset, u32 size, u32 value);

#endif
