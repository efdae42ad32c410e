/* SPDX-License-Identifier: BSD-2-Clause */
/* How often a test repeats something: a tenth of `full`, all of it in `make test-long`. */
#ifndef NESTOR_REPEAT_H
#define NESTOR_REPEAT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t repeat(uint64_t full)
{
    const char *all = getenv("NESTOR_LONG");
    return all != NULL && strcmp(all, "1") == 0 ? full : full / 10;
}

/* The same, unless that variable of the environment has another number. */
static inline uint64_t repeat_or(const char *variable, uint64_t full)
{
    const char *given = getenv(variable);
    return given != NULL ? strtoull(given, NULL, 0) : repeat(full);
}

#endif
