/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INIT and start-up IPIs as a CPU latches them (SDM 10.4.4, 12.4.7.3), in one word that other CPUs write. Pure: what
 * follows the word from one of them, or from the CPU itself, is another word.
 */
#ifndef NESTOR_HV_GUEST_STARTUP_H
#define NESTOR_HV_GUEST_STARTUP_H

#include "hv/types.h"

enum startup_bit {
    STARTUP_VECTOR = 0xff,       /* with STARTUP_SIPI */
    STARTUP_SIPI = 1 << 8,       /* has come */
    STARTUP_INIT = 1 << 9,       /* has come; the CPU does not know yet */
    STARTUP_WAITS = 1 << 10,     /* the CPU has been reset and waits for its SIPI */
};

/* What was sent before is forgotten. */
u32 startup_after_init(u32 word);

/* Without effect on a CPU that neither waits for it nor is about to. */
u32 startup_after_sipi(u32 word, u32 vector);

/*
 * What the CPU has to do next, and the word when it does that: *next is `word` when there is nothing. A reset comes
 * before a start.
 */
enum startup_step { STARTUP_NOTHING, STARTUP_RESET, STARTUP_START };
enum startup_step startup_next(u32 word, u32 *next);

#endif
