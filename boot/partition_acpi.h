/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables of a partition: a machine with reduced hardware, which has CPUs, a way to reset and to switch off,
 * and perhaps a UART and PCI functions. Pure.
 */
#ifndef NESTOR_BOOT_PARTITION_ACPI_H
#define NESTOR_BOOT_PARTITION_ACPI_H

#include "boot/partition_map.h"
#include "boot/partition_pci.h"

/* For PARTITION_TABLES: RSDP first, then what it leads to. */
struct partition_tables {
    u32 size;
    u8 bytes[PARTITION_TABLES_BYTES];
};

/* apic_ids: of all CPUs of the machine, by Nestor's numbers. */
void partition_acpi_build(const struct handover_partition *partition, const u32 *apic_ids, u32 cpus,
                          const struct partition_pci *pci, struct partition_tables *out);

#endif
