/* SPDX-License-Identifier: BSD-2-Clause */
/* The world of a reference unit that is there to be asked: what it writes is refused, and it interrupts nobody. */
#ifndef NESTOR_READER_H
#define NESTOR_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool reader_write(void *ctx, uint64_t addr, const void *from, size_t len)
{
    (void)ctx;
    (void)addr;
    (void)from;
    (void)len;
    return false;
}

static inline bool reader_exchange(void *ctx, uint64_t addr, uint64_t *expected, uint64_t desired, bool *swapped)
{
    (void)expected;
    *swapped = false;
    return reader_write(ctx, addr, &desired, sizeof(desired));
}

static inline void reader_interrupt(void *ctx, uint64_t addr, uint32_t data)
{
    (void)reader_write(ctx, addr, &data, sizeof(data));
}

#endif
