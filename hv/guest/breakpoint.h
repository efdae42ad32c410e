/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The breakpoints of DR0 to DR3 that an access meets (SDM 18.2): for one that Nestor completes in the guest's place,
 * where the CPU does not look. Pure.
 */
#ifndef NESTOR_HV_GUEST_BREAKPOINT_H
#define NESTOR_HV_GUEST_BREAKPOINT_H

#include "hv/types.h"

/* As DR7 numbers them: an access of a kind meets breakpoints of its own kind; a read those on reads or writes alone. */
enum breakpoint_kind { BREAKPOINT_WRITE = 1, BREAKPOINT_PORT = 2, BREAKPOINT_READ = 3 };

/* Some breakpoint is on: without one, the others need not be read. */
static inline bool breakpoint_any(u64 dr7)
{
    return (dr7 & 0xff) != 0;
}

/* Bit n: the breakpoint of DRn is on and lies in the `width` bytes from `address` on. */
u32 breakpoint_met(u64 dr7, const u64 dr[4], u64 address, u32 width, enum breakpoint_kind kind);

#endif
