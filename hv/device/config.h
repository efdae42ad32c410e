/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space as a guest reaches it, by ports and by the ECAM window: the root where a function is another's,
 * and whoever has a function. It is one for all CPUs, and what is done to it is done by one CPU at a time.
 */
#ifndef NESTOR_HV_DEVICE_CONFIG_H
#define NESTOR_HV_DEVICE_CONFIG_H

#include "hv/device/device.h"

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, CONFIG_END = 0xd00 };

/* 1, 2 or 4 bytes: the address register as a whole, or anything that has a byte of the data. */
static inline bool config_has_port(u16 port, u32 size)
{
    return (port == CONFIG_ADDRESS && size == 4) || (port + size > CONFIG_DATA && port < CONFIG_END);
}
/* In the window, all of which exits: the EPT has no page that is read-only for the CPU and for DMA as well. */
bool config_is_in_window(u64 gpa);

/* Of such ports. */
u32 config_in(struct partition *p, u16 port, u32 size);
void config_out(struct partition *p, u16 port, u32 size, u32 value);
/* 1, 2, 4 or 8 bytes. */
u64 config_load(struct partition *p, u64 gpa, u32 size);
void config_store(struct partition *p, u64 gpa, u32 size, u64 value);

#endif
