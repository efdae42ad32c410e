/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O ports that the ACPI tables give a use. Pure. */
#ifndef NESTOR_BOOT_ACPI_PORTS_H
#define NESTOR_BOOT_ACPI_PORTS_H

#include "boot/acpi.h"

/* "FADT" or "SPCR" if that table names one of [first, first + count), else NULL. */
const char *acpi_ports_user(const struct acpi_memory *m, const struct acpi_tables *tables, u32 first, u32 count);

#endif
