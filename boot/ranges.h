/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's memory map as sorted, merged ranges. Pure. */
#ifndef NESTOR_BOOT_RANGES_H
#define NESTOR_BOOT_RANGES_H

#include "hv/handover.h"

struct ranges {
    struct memory_range list[HANDOVER_RANGES];
    u32 count;
};

/* What a UEFI memory type (UEFI 2.10 chapter 7.2) means to Nestor. */
enum range_kind ranges_kind_of(u32 efi_type);

/*
 * descriptors: `count` descriptors of `stride` bytes, as GetMemoryMap() gives them.
 * ERR_NO_MEMORY: more ranges than there is room for; ERR_MALFORMED: they overlap or wrap.
 */
must_use enum result ranges_from_map(const void *descriptors, size_t count, size_t stride,
                                     struct ranges *out);

/* Conventional memory alone, all of it RANGE_RAM. */
must_use enum result ranges_free_from_map(const void *descriptors, size_t count, size_t stride, struct ranges *out);

/* Lists what of [base, base + size), whole pages below 2^63, is not listed yet. ERR_NO_MEMORY: not all of it. */
must_use enum result ranges_add(struct ranges *ranges, u64 base, u64 size, enum range_kind kind);

/* Is all of [base, base + size) listed? */
bool ranges_cover(const struct ranges *ranges, u64 base, u64 size);
/* Does memory lie in [base, base + size)? What is reserved may be registers. */
bool ranges_meet_memory(const struct ranges *ranges, u64 base, u64 size);

#endif
