/* SPDX-License-Identifier: BSD-2-Clause */
/* Which ways of the L3 cache this CPU fills (SDM 18.19, CAT). */
#ifndef NESTOR_HV_MACHINE_CACHE_H
#define NESTOR_HV_MACHINE_CACHE_H

#include "hv/types.h"

/*
 * It is of that class from now on, to which those ways belong; class 0, that of CPUs of which nothing is said, keeps
 * the rest. The masks are its package's. False: the CPU does not take them.
 */
must_use bool cache_take(u32 class, u32 ways, u32 rest);

#endif
