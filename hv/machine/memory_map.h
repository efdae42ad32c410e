/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's memory as the firmware listed it, asked whenever a guest names an address. */
#ifndef NESTOR_HV_MACHINE_MEMORY_MAP_H
#define NESTOR_HV_MACHINE_MEMORY_MAP_H

#include "hv/handover.h"

/* The lists stay in the handover and do not change while guests run. */
void memory_map_init(struct handover *h);
/* A part of one range is nobody's from now on. Before any guest runs. False: no range of memory has all of it. */
must_use bool memory_map_take(u64 base, u64 size);

/* All of [addr, addr + len) is of `kinds`, bits 1 << enum range_kind, and none of it is Nestor's own. */
bool memory_map_holds(u64 addr, u64 len, u32 kinds);

/* Bytes of such kinds; and of the config's regions. */
u64 memory_map_size(u32 kinds);
u64 memory_map_protected(void);

/* A part of [addr, addr + len) is in the config's list of what devices may not write to. */
bool memory_map_is_protected(u64 addr, u64 len);

#endif
