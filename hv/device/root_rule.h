/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space as the root has it where functions belong to others: it reads all but those, and writes what
 * cannot reach them, their addresses or their source-ids. Hardware is reached by pci.h alone; whoever calls has that to
 * himself.
 */
#ifndef NESTOR_HV_DEVICE_ROOT_RULE_H
#define NESTOR_HV_DEVICE_ROOT_RULE_H

#include "hv/types.h"

/* A register of 1, 2 or 4 bytes within a double word. */
u32 root_rule_read(u16 source_id, u32 offset, u32 size);

/* False: not all of it has reached the hardware. */
must_use bool root_rule_write(u16 source_id, u32 offset, u32 size, u32 value);

#endif
