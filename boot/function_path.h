/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is above and beside a PCI function: which source-ids can its requests have, and whose requests can have its?
 * Pure. PCI Express 6.0 chapters 6.12 (ACS), 6.13 (ARI), 7.5.3.
 */
#ifndef NESTOR_BOOT_FUNCTION_PATH_H
#define NESTOR_BOOT_FUNCTION_PATH_H

#include "boot/coverage.h"

/*
 * NULL: every request from below passes a port that lets through only source-ids of the buses below, and none goes to
 * another device's registers past the units, or will once function_path_close() was called. Else what was expected.
 */
const char *function_path_open(const struct pci_config *config, struct pci_function f);
/*
 * Turns on what ACS has, in all ports above, and redirection in those beside them; what is above forwards no ARI, and
 * lets DMA and accesses through. False: a port does not take it.
 */
bool function_path_close(const struct pci_config *config, struct pci_function f);

/*
 * Turns on source validation in every port there is, so that no device behind one is taken for a function on another's
 * buses. How many root ports do not have it or do not take it; *first is the first of them, if any.
 */
u32 function_path_validate(const struct pci_config *config, struct pci_function *first);

/* What is behind the same port: buses. On a root bus nothing checks source-ids. */
struct function_reach {
    bool root_bus;
    u8 first_bus, last_bus;
};
struct function_reach function_path_reach(const struct pci_config *config, struct pci_function f);

/*
 * Could one of them use the other's source-id, or reach its registers past the units: are they of one device, or behind
 * the same port? For functions of one device on a root bus ACS of both can rule it out; what other devices there send
 * is not asked.
 */
bool function_path_shared(const struct pci_config *config, struct pci_function f, const struct function_reach *reach,
                          struct pci_function other);

#endif
