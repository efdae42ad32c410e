/*
 * Can a guest's kernel move a unit's registers away? Where they answer is in a register of the chipset, which
 * firmware may have locked. Said only of chipsets whose lock is known; pure, as coverage.h.
 */
#ifndef NESTOR_BOOT_BASE_REGISTERS_H
#define NESTOR_BOOT_BASE_REGISTERS_H

#include "boot/coverage.h"

struct base_registers {
    u32 locked, open, unknown;          /* units */
    struct pci_function first_open;     /* has a VTBAR that can be written */
};

/* config must reach all 4 KiB of a function; NULL where nothing does: then all are unknown. */
void base_registers_check(const struct vtd_dmar *dmar, const struct pci_config *config,
                          struct base_registers *out);

enum { BASE_REGISTERS_TEXT = 200 };
void base_registers_text(const struct base_registers *b, char text[static BASE_REGISTERS_TEXT]);

#endif
