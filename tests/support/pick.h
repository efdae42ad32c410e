/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that look random, for a test of one thread: from a seed on, the same in each run. */
#ifndef NESTOR_PICK_H
#define NESTOR_PICK_H

#include <stdlib.h>

#include "hv/types.h"

static u64 seed;

/* Below limit. */
static u32 pick(u32 limit)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(seed >> 33) % limit;
}

/* NESTOR_SEED of the environment, if it is there. */
static inline u64 pick_seed_or(u64 usual)
{
    const char *given = getenv("NESTOR_SEED");
    return given != NULL ? strtoull(given, NULL, 0) : usual;
}

#endif
