/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function that a partition shall have: where its registers are, how it interrupts and how it is reset. Pure:
 * configuration space is reached through a function. PCI Local Bus 3.0 chapter 6, PCI Express 6.0 chapter 7.5.
 */
#ifndef NESTOR_BOOT_FUNCTION_H
#define NESTOR_BOOT_FUNCTION_H

#include "boot/coverage.h"
#include "hv/handover.h"

/* Registers of configuration space, dwords. */
enum {
    FUNCTION_ID = 0x00,
    FUNCTION_COMMAND = 0x04,            /* the status in its upper half is cleared by ones */
    FUNCTION_HEADER = 0x0c,
    FUNCTION_BAR = 0x10,
    FUNCTION_BUSES = 0x18,              /* of a bridge */
    FUNCTION_ROM = 0x30,
    FUNCTION_INTERRUPT = 0x3c,          /* its pin in the second byte */

    COMMAND_PORTS = 1 << 0,
    COMMAND_MEMORY = 1 << 1,
    COMMAND_MASTER = 1 << 2,
    COMMAND_NO_INTX = 1 << 10,

    CAPABILITY_EXPRESS = 0x10,
    EXPRESS_CAPABILITIES = 4,           /* of the device; control is behind it */
    EXPRESS_CONTROL = 8,
};

static inline struct pci_function function_of(u16 source_id)
{
    return (struct pci_function){(u8)(source_id >> 8), source_id >> 3 & 31, source_id & 7};
}

static inline u16 function_id(struct pci_function f)
{
    return (u16)(f.bus << 8 | f.device << 3 | f.function);
}

/* The offset of a capability below 100h; 0: it has none with that id. */
u8 function_capability(const struct pci_config *config, struct pci_function f, u8 id);
/* The value of the memory BAR at that offset, 0: there is none, or it has no address. Nothing is sized. */
u64 function_bar_address(const struct pci_config *config, struct pci_function f, u32 offset);

/*
 * All but `partition` and `segment`. Decoding is off while the BARs are sized, so nobody may use the function. NULL, or
 * what was expected of it; then *out is as far as that.
 */
const char *function_read(const struct pci_config *config, struct pci_function f, struct handover_function *out);

#endif
