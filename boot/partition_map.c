/* SPDX-License-Identifier: BSD-2-Clause */
/* See partition_map.h. Offsets are those of the memory, so that large pages fit. */
#include "boot/partition_map.h"

#define AFTER_DEVICES (1ull << 32)
#define GRANULE_MASK ((2ull << 20) - 1)

static void add(struct handover_partition *p, u64 gpa, u64 offset, u64 size)
{
    p->spans[p->span_count++] = (struct partition_span){.gpa = gpa, .hpa = p->memory_base + offset, .size = size};
}

/* RAM from 0 on ends where the first thing is that is no RAM. */
static u64 low_end(u64 size, const struct areas *around)
{
    u64 end = size < PARTITION_DEVICES ? size : PARTITION_DEVICES;
    for (u32 i = 0; i < around->count; i++) {
        end = around->list[i].base < end ? around->list[i].base & ~GRANULE_MASK : end;
    }
    return end;
}

/* The first place from 4 GiB on that has nothing else. */
static u64 high_start(u64 size, const struct areas *around)
{
    u64 start = AFTER_DEVICES;
    for (u32 i = 0; i < around->count; i++) {
        u64 end = around->list[i].base + around->list[i].size;
        if (around->list[i].base < start + size && start < end) {
            start = (end + GRANULE_MASK) & ~GRANULE_MASK;
            i = ~0u;
        }
    }
    return start;
}

void partition_map(struct handover_partition *partition, const struct areas *around)
{
    u64 size = partition->memory_size;
    u64 below = low_end(size, around);
    partition->span_count = 0;
    add(partition, 0, 0, PARTITION_LOW_END);
    add(partition, PARTITION_TABLES, PARTITION_TABLES, PARTITION_TABLES_BYTES);
    add(partition, PARTITION_HIGH, PARTITION_HIGH, below - PARTITION_HIGH);
    if (size > below) {
        add(partition, high_start(size - below, around), below, size - below);
    }
}

bool partition_map_is_ram(const struct partition_span *span)
{
    return span->gpa != PARTITION_TABLES;
}
