/* SPDX-License-Identifier: BSD-2-Clause */
/* Where memory may appear later: hot-pluggable ranges in SRAT, CXL windows in CEDT. */
#ifndef NESTOR_BOOT_ACPI_MEMORY_H
#define NESTOR_BOOT_ACPI_MEMORY_H

#include "boot/acpi.h"
#include "boot/areas.h"

void acpi_read_pluggable(const struct acpi_memory *m, const struct acpi_tables *tables, struct areas *out);

#endif
