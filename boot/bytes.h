/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers in what firmware and linkers make: little-endian, at any address. */
#ifndef NESTOR_BOOT_BYTES_H
#define NESTOR_BOOT_BYTES_H

#include "hv/types.h"

static inline u64 bytes_get(const u8 *bytes, u64 offset, u32 count)
{
    u64 value = 0;
    for (u32 i = 0; i < count; i++) {
        value |= (u64)bytes[offset + i] << (8 * i);
    }
    return value;
}

static inline void bytes_put(u8 *to, u64 value, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        to[i] = (u8)(value >> (8 * i));
    }
}

#endif
