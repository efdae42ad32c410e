/* SPDX-License-Identifier: BSD-2-Clause */
/* What each device's DMA goes through: the functions that the system knows, and those that only Nestor does. */
#ifndef NESTOR_TOOLS_NESTORCTL_DEVICES_H
#define NESTOR_TOOLS_NESTORCTL_DEVICES_H

#include "tools/nestorctl/ctl.h"

struct device {
    u32 function;               /* segment << 16 | source-id */
    const struct status_device *state;
    bool listed;                /* it has a record of its own; else it goes through its unit's default */
    bool assumed;               /* nobody says which unit it is behind */
};

/* Reads all that Nestor knows of devices. */
enum ctl_status devices_read(struct ctl *c);
/* After that, in order: units' defaults, then each device. */
u32 devices_defaults(const struct status_device **first);
/* In words. */
const char *devices_state(const struct ctl *c, const struct status_device *d);
void devices_each(struct ctl *c, void (*visit)(struct ctl *c, const struct device *d, void *to), void *to);

#endif
