/*
 * Is every PCI device in the scope of some remapping unit? A device that is in none could do DMA
 * that Nestor does not control. Pure: configuration space is reached through a function. VT-d
 * 8.3.1.
 */
#ifndef NESTOR_BOOT_COVERAGE_H
#define NESTOR_BOOT_COVERAGE_H

#include "iommu/spec/dmar.h"

struct pci_function {
    u8 bus, device, function;
};

struct pci_config {
    /* One aligned dword of configuration space; all ones where nothing answers. */
    u32 (*read)(void *ctx, struct pci_function f, u32 offset);
    void *ctx;
    u16 segment;
    u8 first_bus, last_bus;
    bool extended;           /* offsets above 255 are reached */
};

/* False: *uncovered is the first function that no unit has in its scope. */
bool coverage_complete(const struct vtd_dmar *dmar, const struct pci_config *config,
                       struct pci_function *uncovered);

/* Functions that there are, and those that they may add: VFs of SR-IOV, where extended configuration space is reached. */
u32 coverage_functions(const struct pci_config *config);

#endif
