/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Nestor lists for its tables, how much memory it needs for them, and where that goes. All of it is known before
 * anything is reserved. Pure.
 */
#ifndef NESTOR_BOOT_ROOM_H
#define NESTOR_BOOT_ROOM_H

#include "boot/areas.h"
#include "boot/ranges.h"
#include "iommu/spec/dmar.h"

/*
 * What the guest's CPUs and devices are to reach from the start, beside what the firmware's map lists: reserved regions
 * (VT-d 8.4: they stay mapped for their devices; firmware leaves stolen memory out of the map), memory that may appear,
 * windows of devices. Clipped to addresses below `limit`. ERR_NO_MEMORY: the list is full.
 */
struct room_extras {
    const struct vtd_dmar *dmar;        /* NULL: none */
    const struct areas *pluggable;
    const struct areas *windows;
    u64 limit;
};
must_use enum result room_list(const struct ranges *map, const struct room_extras *extras, struct ranges *out);

/* Page sizes (their bytes, or-ed) that a table of all of `list` can use, 4 KiB always among them. */
struct room_need {
    const struct ranges *list;
    u64 page_sizes;
    bool two_roots;                     /* a tree for DMA beside that of the CPU */
    u32 cpus, units, functions;
    u32 interrupt_tables;               /* of units that remap interrupts */
    u64 shadow_bytes;                   /* for shadows of the guest's tables */
    u64 partition_bytes;                /* for partitions beside the root */
};
/* Of a machine with that much RAM, unless the config says otherwise. */
u64 room_shadows(const struct ranges *map);
/* Pages of tables that map `list` one to one. */
u64 room_tables(const struct ranges *list, u64 page_sizes);
/*
 * Bytes of the page pool for one partition beside the root. devices: what its functions have of the address space, and
 * the root has not; attached: how often they have entries in both roots of a unit.
 */
u64 room_partition(const struct handover_partition *partition, const struct areas *devices, u32 attached,
                   u64 page_sizes);
/* Bytes of the page pool. */
u64 room_pool(const struct room_need *need);

/* Where the direct map must reach to: memory, and what else Nestor touches ([base, base + size), size 0: nothing). */
u64 room_physical_end(const struct ranges *list, const struct area *touched, u32 count);

/* Can [base, base + size) be the registers of a device: addresses that the CPU has, and no memory? */
bool room_is_for_device(const struct ranges *map, u32 physical_bits, u64 base, u64 size);

/*
 * A place of `size` bytes, aligned to 2 MiB, in free memory and outside of what must be avoided. The same on each start
 * of a machine: firmware takes memory from the top, so it is the lowest one above a mark that has room; an OS that
 * hibernated compares the memory map. False: there is none.
 */
bool room_find(const struct ranges *free_memory, const struct areas *avoid, u64 size, u64 *base);

#endif
