/* SPDX-License-Identifier: BSD-2-Clause */
/* See partition_map.h. Offsets are those of the memory, so that large pages fit. */
#include "boot/partition_map.h"

#define AFTER_DEVICES (1ull << 32)

static void add(struct handover_partition *p, u64 gpa, u64 offset, u64 size)
{
    p->spans[p->span_count++] = (struct partition_span){.gpa = gpa, .hpa = p->memory_base + offset, .size = size};
}

void partition_map(struct handover_partition *partition)
{
    u64 size = partition->memory_size;
    u64 below = size < PARTITION_DEVICES ? size : PARTITION_DEVICES;
    partition->span_count = 0;
    add(partition, 0, 0, PARTITION_LOW_END);
    add(partition, PARTITION_TABLES, PARTITION_TABLES, PARTITION_TABLES_BYTES);
    add(partition, PARTITION_HIGH, PARTITION_HIGH, below - PARTITION_HIGH);
    if (size > below) {
        add(partition, AFTER_DEVICES, below, size - below);
    }
}

bool partition_map_is_ram(const struct partition_span *span)
{
    return span->gpa != PARTITION_TABLES;
}
