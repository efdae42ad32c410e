/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of shadow_memory: counted before they are taken, by units that do not know of each other. */
#include "iommu/shadow/state.h"

u32 shadow_memory_take(struct shadow_set *set, struct shadow *s, u32 count)
{
    struct shadow_memory *memory = set->config.memory;
    u32 most = memory->pages / 2;
    u32 own = s->charged < most ? most - s->charged : 0;
    u32 left = __atomic_load_n(&memory->left, __ATOMIC_RELAXED);
    u32 taken;
    count = least(count, own);
    do {
        taken = least(count, left);
    } while (!__atomic_compare_exchange_n(&memory->left, &left, left - taken, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    s->charged += taken;
    return taken;
}

void shadow_memory_give(struct shadow_set *set, struct shadow *s, u32 count)
{
    s->charged -= count;
    __atomic_fetch_add(&set->config.memory->left, count, __ATOMIC_RELAXED);
}

void shadow_memory_settle(struct shadow_set *set, struct shadow *s)
{
    u32 has = domain_table_pages(s->domain);
    if (s->charged > has) {
        shadow_memory_give(set, s, s->charged - has);
    }
}
