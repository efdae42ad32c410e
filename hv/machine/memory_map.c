/* SPDX-License-Identifier: BSD-2-Clause */
/* See memory_map.h. */
#include "hv/machine/memory_map.h"

static struct handover *machine;

void memory_map_init(struct handover *h)
{
    machine = h;
}

static struct memory_range *search_range(u64 addr)
{
    u32 low = 0;
    u32 high = machine->range_count;
    while (low < high) {
        u32 middle = (low + high) / 2;
        struct memory_range *r = &machine->ranges[middle];
        if (addr < r->base) {
            high = middle;
        } else if (addr - r->base >= r->size) {
            low = middle + 1;
        } else {
            return r;
        }
    }
    return NULL;
}

/* Two more ranges, one of them perhaps empty, which no search minds. */
seldom bool memory_map_take(u64 base, u64 size)
{
    struct memory_range *r = search_range(base);
    if (r == NULL || r->kind == RANGE_MMIO || size > r->size - (base - r->base) ||
        (base < machine->memory_base + machine->memory_size && machine->memory_base < base + size) ||
        machine->range_count + 2 > HANDOVER_RANGES) {
        return false;
    }
    for (u32 i = machine->range_count - 1; &machine->ranges[i] != r; i--) {
        machine->ranges[i + 2] = machine->ranges[i];
    }
    u64 end = r->base + r->size;
    r[2] = (struct memory_range){base + size, end - (base + size), r->kind};
    r[1] = (struct memory_range){base, size, RANGE_MMIO};
    r->size = base - r->base;
    machine->range_count += 2;
    return true;
}

/*
 * Where the range is kept that was found last for the same part of memory: a guest's tables, code and queues are
 * looked at again and again. The map never changes, so any CPU's find will do.
 */
static const struct memory_range **last_found(u64 addr)
{
    static const struct memory_range *found[64];
    return &found[addr >> 16 & (ARRAY_LEN(found) - 1)];
}

/* The range that holds addr; NULL when none does. */
static const struct memory_range *find_range(u64 addr)
{
    const struct memory_range *r = search_range(addr);
    __atomic_store_n(last_found(addr), r, __ATOMIC_RELAXED);
    return r;
}

/* Bytes from addr on that are of a wanted kind and not Nestor's; 0 when addr itself is not. */
static u64 span_of_kinds(u64 addr, u32 kinds)
{
    const struct memory_range *r = find_range(addr);
    u64 own = machine->memory_base;
    if (r == NULL || !(kinds >> r->kind & 1)) {
        return 0;
    }
    u64 end = r->base + r->size;
    if (addr - own < machine->memory_size) {
        return 0;
    }
    return (addr < own && own < end ? own : end) - addr;
}

static not_inlined bool spans_hold(u64 addr, u64 len, u32 kinds)
{
    while (len != 0) {
        u64 span = span_of_kinds(addr, kinds);
        if (span == 0) {
            return false;
        }
        if (span >= len) {
            return true;
        }
        addr += span;
        len -= span;
    }
    return true;
}

/*
 * Nearly always one range holds all of it, the one that was found last, and Nestor's memory is elsewhere: a guest waits
 * for the answer. Nothing is called on the way to it.
 */
bool memory_map_holds(u64 addr, u64 len, u32 kinds)
{
    const struct memory_range *r = __atomic_load_n(last_found(addr), __ATOMIC_RELAXED);
    u64 into = r != NULL ? addr - r->base : 0;
    if (r != NULL && into < r->size && len <= r->size - into && (kinds >> r->kind & 1) != 0 &&
        (addr + len <= machine->memory_base || addr >= machine->memory_base + machine->memory_size)) {
        return true;
    }
    return spans_hold(addr, len, kinds);
}

bool memory_map_is_protected(u64 addr, u64 len)
{
    for (u32 i = 0; i < machine->protect_count; i++) {
        const struct protect_range *r = &machine->protect[i];
        if (addr < r->base + r->size && r->base < addr + len) {
            return true;
        }
    }
    return false;
}

seldom u64 memory_map_size(u32 kinds)
{
    u64 size = 0;
    for (u32 i = 0; i < machine->range_count; i++) {
        size += (kinds >> machine->ranges[i].kind & 1) != 0 ? machine->ranges[i].size : 0;
    }
    return size;
}

seldom u64 memory_map_protected(void)
{
    u64 size = 0;
    for (u32 i = 0; i < machine->protect_count; i++) {
        size += machine->protect[i].size;
    }
    return size;
}
