/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware lets go of PCI functions that partitions get. */
#ifndef NESTOR_BOOT_FUNCTION_TAKE_H
#define NESTOR_BOOT_FUNCTION_TAKE_H

#include "boot/function_check.h"
#include "boot/uefi.h"

/* The function that a handle's device hangs on; false: it hangs on none. */
bool function_take_find(EFI_HANDLE device, struct pci_function *out);

/*
 * Stops the firmware's drivers, then the function: no bus master, no INTx; the ports above check source-ids. NULL, or
 * what was expected.
 */
const char *function_take(const struct pci_config *config, const struct handover_function *function);
/* The firmware may use it again. */
void function_take_back(const struct pci_config *config, const struct handover_function *function);

#endif
