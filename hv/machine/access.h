/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers by a width that a guest has chosen: 1, 2, 4 bytes, in memory also 8. */
#ifndef NESTOR_HV_MACHINE_ACCESS_H
#define NESTOR_HV_MACHINE_ACCESS_H

#include "hv/types.h"

/* at: where it is mapped. */
u64 access_read(u64 at, u32 width);
void access_write(u64 at, u32 width, u64 value);

u32 access_in(u16 port, u32 width);
void access_out(u16 port, u32 width, u32 value);

#endif
