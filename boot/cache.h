/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways of the L3 cache among partitions (SDM 18.19, CAT): masks, a bit a way. Pure. */
#ifndef NESTOR_BOOT_CACHE_H
#define NESTOR_BOOT_CACHE_H

#include "boot/config.h"

/* Some bits, all beside each other: the CPU takes no other mask. */
static inline bool cache_is_run(u32 mask)
{
    u32 lowest = mask & (~mask + 1);
    return mask != 0 && ((mask + lowest) & mask) == 0;
}

static inline u32 cache_all(u32 ways)
{
    return (u32)((1ull << ways) - 1);
}

/* What no partition has for itself: the root's, and theirs that have none. */
static inline u32 cache_rest(const struct config *config, u32 ways)
{
    u32 rest = cache_all(ways);
    for (u32 i = 0; i < config->partition_count; i++) {
        rest &= ~config->partitions[i].cache_ways;
    }
    return rest;
}

/* The class of a partition's CPUs: 0, the root's, or one of its own. */
static inline u32 cache_class(const struct config *config, const struct config_partition *partition)
{
    u32 class = 1;
    for (const struct config_partition *p = config->partitions; p != partition; p++) {
        class += p->cache_ways != 0 ? 1 : 0;
    }
    return partition->cache_ways != 0 ? class : 0;
}

#endif
