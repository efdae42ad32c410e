/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can a guest's kernel move a unit's registers away, and how many are there? A register of the chipset says where they
 * are, and firmware may have locked it. Answered only for chipsets whose lock bit is known. Pure, like
 * coverage.h.
 */
#ifndef NESTOR_BOOT_BASE_REGISTERS_H
#define NESTOR_BOOT_BASE_REGISTERS_H

#include "boot/coverage.h"

struct base_registers {
    u32 locked, open, unknown;          /* units */
    struct pci_function first_open;     /* its VTBAR can still be written */
};

/* config must reach all 4 KiB of a function's space. NULL if nothing does; then every unit is unknown. */
void base_registers_check(const struct vtd_dmar *dmar, const struct pci_config *config,
                          struct base_registers *out);

/* VTBAR decodes 8 KiB, whatever the table says: no unit that has one keeps fewer bytes of registers. */
void base_registers_widen(struct vtd_dmar *dmar, const struct pci_config *config);

enum { BASE_REGISTERS_TEXT = 200 };
void base_registers_text(const struct base_registers *b, char text[static BASE_REGISTERS_TEXT]);

#endif
