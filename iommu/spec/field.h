/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of registers, structures and descriptors, by the bit numbers that the specification
 * prints: those of a structure go from 0 to 511.
 */
#ifndef NESTOR_IOMMU_SPEC_FIELD_H
#define NESTOR_IOMMU_SPEC_FIELD_H

#include "hv/types.h"

/* A field is its two bit numbers in one int; words are 64 bits, no field spans two. */
#define FIELD(hi, lo) ((hi) << 10 | (lo))

static inline u32 field_lo(int field)
{
    return (u32)field & 0x3ff;
}

static inline u32 field_hi(int field)
{
    return (u32)field >> 10;
}

static inline u32 field_word(int field)
{
    return field_lo(field) / 64;
}

/* The field's bits in its word. */
static inline u64 field_mask(int field)
{
    u32 width = field_hi(field) - field_lo(field) + 1;
    return (~0ull >> (64 - width)) << (field_lo(field) % 64);
}

/* The same where a constant is needed. */
#define FIELD_MASK(field) (~0ull >> (63 - ((field) >> 10) + ((field) & 0x3ff)) << ((field) & 63))

static inline u64 field_get(const u64 *words, int field)
{
    u32 width = field_hi(field) - field_lo(field) + 1;
    return words[field_word(field)] >> (field_lo(field) % 64) & (~0ull >> (64 - width));
}

static inline void field_set(u64 *words, int field, u64 value)
{
    u64 mask = field_mask(field);
    u64 *word = &words[field_word(field)];
    *word = (*word & ~mask) | ((value << (field_lo(field) % 64)) & mask);
}

/* A value at its place in the field's word; it must not be wider than the field. */
static inline u64 field_put(int field, u64 value)
{
    return value << (field_lo(field) % 64);
}

#endif
