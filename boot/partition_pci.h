/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ACPI says to a partition of its PCI functions: a host bridge for each bus that holds some, with the windows of
 * their BARs, and where configuration space is. All addresses are the machine's. Pure. PCI Firmware 3.3 chapter 4;
 * ACPI 6.5 chapters 6.4.3.5 (resources) and 20.2 (AML).
 */
#ifndef NESTOR_BOOT_PARTITION_PCI_H
#define NESTOR_BOOT_PARTITION_PCI_H

#include "boot/areas.h"
#include "hv/handover.h"

struct partition_pci {
    u64 ecam_base;                                  /* of bus 0 */
    const struct handover_function *functions;      /* of all partitions */
    u32 count;
    u8 partition;                                   /* whose are meant: the index in handover.partitions */
    const struct vtd_dmar *dmar;                    /* of the machine; NULL: its guest has no units */
};

static inline bool partition_pci_is_meant(const struct partition_pci *pci, u32 index)
{
    return pci->functions[index].partition == pci->partition;
}

u32 partition_pci_count(const struct partition_pci *pci);
/*
 * Has the partition function 0 of the device, too? Systems look for the others only where that is (PCI 3.0, 3.2.2.3.4).
 */
bool partition_pci_is_found(const struct partition_pci *pci, u32 index);
/* The buses that hold some, in rising order. */
u32 partition_pci_buses(const struct partition_pci *pci, u8 buses[HANDOVER_FUNCTIONS]);
/* Where the partition's own memory is not: its BARs, configuration space. */
void partition_pci_areas(const struct partition_pci *pci, struct areas *out);

enum {
    PARTITION_PCI_AML = 32 << 10,
    PARTITION_PCI_MCFG = 16 * HANDOVER_FUNCTIONS,
};
/* The bridges, and configuration space as taken: bytes of AML, 0 without functions. */
u32 partition_pci_aml(const struct partition_pci *pci, u8 to[PARTITION_PCI_AML]);
/* What MCFG lists: bytes. */
u32 partition_pci_mcfg(const struct partition_pci *pci, u8 to[PARTITION_PCI_MCFG]);

/* Has the unit functions of the partition behind it that its guest has a unit for? */
bool partition_pci_has_unit(const struct partition_pci *pci, u32 unit);

#endif
