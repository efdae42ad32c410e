/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of a partition as Nestor reads it. See partition.h. */
#include "hv/machine/checked.h"
#include "hv/machine/memory_map.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

enum { KINDS_RAM = 1u << RANGE_RAM, KINDS_READABLE = 1u << RANGE_RAM | 1u << RANGE_RESERVED | 1u << RANGE_FIRMWARE };

bool partition_memory_is_ram(const struct partition *p, gpa_t gpa, u64 len)
{
    u64 at = partition_hpa(p, gpa).v;
    return memory_map_holds(at, len, KINDS_RAM) && !memory_map_is_protected(at, len);
}

const volatile void *partition_memory_at(const struct partition *p, gpa_t gpa, size_t len)
{
    hpa_t at = partition_hpa(p, gpa);
    return memory_map_holds(at.v, len, KINDS_READABLE) ? port_hpa_to_ptr(at) : NULL;
}

bool partition_memory_read(const struct partition *p, gpa_t gpa, void *to, size_t len)
{
    const volatile void *from = partition_memory_at(p, gpa, len);
    return from != NULL && checked_copy(to, from, len);
}
