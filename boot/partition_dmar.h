/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR table of a partition (VT-d chapter 8): its units, each where the machine's is, and by name the functions
 * that are behind it. No unit has all that others do not name; all remap interrupts, as whatever function is given away
 * is behind one that does. Pure.
 */
#ifndef NESTOR_BOOT_PARTITION_DMAR_H
#define NESTOR_BOOT_PARTITION_DMAR_H

#include "boot/partition_pci.h"

enum { PARTITION_DMAR = 12 + (16 + 8) * HANDOVER_FUNCTIONS };
/* What is behind the header of the table: bytes, 0 without units. */
u32 partition_dmar(const struct partition_pci *pci, u8 to[PARTITION_DMAR]);

#endif
