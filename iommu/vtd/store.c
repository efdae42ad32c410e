/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores to what hardware may be walking at the same time, and the way from our caches to it. */
#include "iommu/vtd/state.h"

void vtd_store128(u64 *to, u64 low, u64 high)
{
    u64 old_low = to[0], old_high = to[1];
    bool done = false;
    do {
        __asm__ volatile("lock cmpxchg16b %1"
                         : "=@ccz"(done), "+m"(*(u64(*)[2])to), "+a"(old_low), "+d"(old_high)
                         : "b"(low), "c"(high)
                         : "memory");
    } while (!done);
}

void vtd_store_flush(const struct vtd_unit *unit, const void *p, size_t bytes)
{
    if (!unit->info.coherent) {
        port_flush_lines(p, bytes);
    }
}
