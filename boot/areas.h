/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of the address space that no memory map lists: windows of host bridges, BARs, memory that may be plugged in.
 * Pure; the descriptors are those of UEFI's PCI protocols (QWORD address space descriptors, ACPI 6.5, 6.4.3.5.1).
 */
#ifndef NESTOR_BOOT_AREAS_H
#define NESTOR_BOOT_AREAS_H

#include "hv/types.h"

enum { AREAS = 256 };

struct area {
    u64 base, size;
};

struct areas {
    u32 count;
    u32 lost;                   /* that the list had no room for */
    struct area list[AREAS];
};

/* Grown to whole pages; an empty one, or one that wraps, is left out. One that follows another directly joins it. */
void areas_add(struct areas *areas, u64 base, u64 size);
/* The memory descriptors before the end tag; what is of another form ends the list. */
void areas_add_descriptors(struct areas *areas, const void *descriptors);
/* One of them is of I/O ports, some of which are in [first, first + count). */
bool areas_have_ports(const void *descriptors, u32 first, u32 count);

#endif
