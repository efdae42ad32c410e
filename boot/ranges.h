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

/* Is all of [base, base + size) listed? */
bool ranges_cover(const struct ranges *ranges, u64 base, u64 size);
/* First address past all that is listed. */
u64 ranges_end(const struct ranges *ranges);

#endif
