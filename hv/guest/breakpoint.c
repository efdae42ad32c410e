/* SPDX-License-Identifier: BSD-2-Clause */
/* See breakpoint.h. */
#include "hv/guest/breakpoint.h"

/* DR7.RWn and LENn (SDM 18.2.4). */
static bool is_of_kind(u32 rw, enum breakpoint_kind kind)
{
    return rw == (u32)kind || (kind == BREAKPOINT_WRITE && rw == BREAKPOINT_READ);
}

u32 breakpoint_met(u64 dr7, const u64 dr[4], u64 address, u32 width, enum breakpoint_kind kind)
{
    static const u8 lengths[] = {1, 2, 8, 4};
    u32 met = 0;
    for (u32 n = 0; n < 4; n++) {
        u32 on = (u32)(dr7 >> 2 * n) & 3;
        u32 how = (u32)(dr7 >> (16 + 4 * n)) & 15;
        u32 length = lengths[how >> 2];
        u64 at = dr[n] & ~(u64)(length - 1);
        if (on != 0 && is_of_kind(how & 3, kind) && (address - at < length || at - address < width)) {
            met |= 1u << n;
        }
    }
    return met;
}
