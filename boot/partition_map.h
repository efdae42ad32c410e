/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition's memory as it sees it, the same for all that have no PCI functions: RAM from 0 on, with the hole and the
 * BIOS area that PC software expects below 1 MiB, and with another hole where the local APIC and interrupt messages
 * are. The registers of PCI functions are where the machine has them, and RAM is around them. Pure.
 */
#ifndef NESTOR_BOOT_PARTITION_MAP_H
#define NESTOR_BOOT_PARTITION_MAP_H

#include "boot/areas.h"
#include "hv/handover.h"

enum {
    PARTITION_INFO = 0x90000,           /* what its boot protocol wants: zero page or multiboot information */
    PARTITION_LOW_END = 0xa0000,
    PARTITION_TABLES = 0xe0000,         /* RSDP, where an OS without EFI looks for it, and the other ACPI tables */
    PARTITION_RESET = 0xffff0,          /* what a CPU of old begins with: F000h:FFF0h */
    PARTITION_HIGH = 0x100000,
    PARTITION_TABLES_BYTES = PARTITION_HIGH - PARTITION_TABLES,
};
#define PARTITION_DEVICES 0xfec00000ull

/* Its spans, from memory_base and memory_size (a multiple of 2 MiB), around these: none of them begins below 2 MiB. */
void partition_map(struct handover_partition *partition, const struct areas *around);
/* Is that span ordinary RAM, rather than the one with the tables? */
bool partition_map_is_ram(const struct partition_span *span);

#endif
