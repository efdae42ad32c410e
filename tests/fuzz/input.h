/* SPDX-License-Identifier: BSD-2-Clause */
/* What fuzzers share: an input, taken from its front, past whose end everything is 0, and the check of a result. */
#ifndef NESTOR_FUZZ_INPUT_H
#define NESTOR_FUZZ_INPUT_H

#include "hv/types.h"

#include <stdio.h>
#include <stdlib.h>

#define must(condition) ((condition) ? (void)0 : must_fail(__FILE__, __LINE__, #condition))

static inline void must_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    abort();
}

struct input {
    const u8 *at;
    size_t left;
};

static inline u8 input_byte(struct input *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->at++;
}

static inline u64 input_number(struct input *in, u32 bytes)
{
    u64 value = 0;
    for (u32 i = 0; i < bytes; i++) {
        value |= (u64)input_byte(in) << (8 * i);
    }
    return value;
}

#endif
