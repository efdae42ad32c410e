/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nestor's memory: one range that the firmware's map lists as reserved, so that no OS touches it.
 * It holds the image, its page tables, the handover and the free pages for everything that comes
 * later.
 */
#ifndef NESTOR_BOOT_PLACE_H
#define NESTOR_BOOT_PLACE_H

#include "boot/areas.h"
#include "hv/handover.h"

struct placement {
    u64 base, size;
    struct handover *handover;  /* at its physical address */
    struct image_entry entry;
    u64 page_table;
    u64 stack;                  /* upper end of the shared stack, in the direct map */
};

struct place_request {
    u64 physical_end;           /* the direct map must reach to here */
    u64 pool_bytes;
    const struct areas *avoid;  /* memory that is not Nestor's to take */
};

/*
 * Memory of that size, a multiple of 2 MiB, in one piece, for as long as the machine runs. By its address, since the
 * firmware's own choice depends on what else is in use now.
 */
bool place_reserve(u64 size, const struct areas *avoid, u64 *base);
bool place_reserve_at(u64 size, u64 base);

/* ERR_NO_MEMORY or ERR_MALFORMED, with the reason in *why; then nothing is kept. */
must_use enum result place_image(const struct place_request *request, struct placement *out,
                                 const char **why);
void place_release(const struct placement *placement);

#endif
