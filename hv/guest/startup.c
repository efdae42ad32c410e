/* SPDX-License-Identifier: BSD-2-Clause */
/* See startup.h. */
#include "hv/guest/startup.h"

u32 startup_after_init(u32 word)
{
    return (word & STARTUP_WAITS) | STARTUP_INIT;
}

u32 startup_after_sipi(u32 word, u32 vector)
{
    u32 ready = word & (STARTUP_INIT | STARTUP_WAITS);
    return ready != 0 ? ready | STARTUP_SIPI | vector : word;
}

enum startup_step startup_next(u32 word, u32 *next)
{
    *next = word;
    if (word & STARTUP_INIT) {
        *next = (word & ~(u32)STARTUP_INIT) | STARTUP_WAITS;
        return STARTUP_RESET;
    }
    if ((word & STARTUP_WAITS) && (word & STARTUP_SIPI)) {
        *next = 0;
        return STARTUP_START;
    }
    return STARTUP_NOTHING;
}
