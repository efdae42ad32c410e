/* SPDX-License-Identifier: BSD-2-Clause */
/* Definition blocks (AML): where they are, and whether one of them says that remapping units may come later. */
#ifndef NESTOR_BOOT_ACPI_BLOCKS_H
#define NESTOR_BOOT_ACPI_BLOCKS_H

#include "boot/acpi.h"

/*
 * The DSDT that FADT names (both, if its two fields differ), SSDTs and, with older firmware, PSDTs, one after another:
 * *next is 0 at first. NULL: there are no more.
 */
const u8 *acpi_next_block(const struct acpi_memory *m, const struct acpi_tables *tables, u32 *next, u32 *length);

/* A host bridge has the _DSM that tells of remapping units as they are plugged in (VT-d chapter 8). */
bool acpi_units_may_come(const struct acpi_memory *m, const struct acpi_tables *tables);

#endif
