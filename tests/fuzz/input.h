/* SPDX-License-Identifier: BSD-2-Clause */
/* What fuzzers share: an input, taken from its front, past whose end everything is 0, and the check of a result. */
#ifndef NESTOR_FUZZ_INPUT_H
#define NESTOR_FUZZ_INPUT_H

#include "hv/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The next bytes in a block of their own, so that a read behind them is seen. The caller frees it. */
static inline void *input_take(struct input *in, size_t size)
{
    void *exact = malloc(size != 0 ? size : 1);
    must(exact != NULL && size <= in->left);
    memcpy(exact, in->at, size);
    in->at += size;
    in->left -= size;
    return exact;
}

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
