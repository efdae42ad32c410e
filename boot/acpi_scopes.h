/* SPDX-License-Identifier: BSD-2-Clause */
/* The DMAR table without the device scopes that name certain functions. Pure. VT-d 8.3 to 8.9. */
#ifndef NESTOR_BOOT_ACPI_SCOPES_H
#define NESTOR_BOOT_ACPI_SCOPES_H

#include "boot/acpi.h"
#include "boot/coverage.h"
#include "hv/handover.h"

/*
 * Takes out the endpoint scopes, of any structure, that name one of these functions, by the bus numbers that are in
 * force. A structure may be left without any. The checksum is corrected.
 */
void acpi_hide_functions(const struct acpi_memory *m, const struct acpi_tables *tables, const struct pci_config *pci,
                         const struct handover_function *functions, u32 count);

#endif
