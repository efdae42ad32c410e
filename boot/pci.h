/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration space for coverage.h: by ports in segment 0, by the ECAM window elsewhere. */
#ifndef NESTOR_BOOT_PCI_H
#define NESTOR_BOOT_PCI_H

#include "boot/acpi.h"
#include "boot/coverage.h"

/* All buses of segment 0. */
struct pci_config pci_by_ports(void);
/* The window must stay valid as long as the result. */
struct pci_config pci_by_window(struct acpi_ecam *window);

#endif
