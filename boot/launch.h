/* SPDX-License-Identifier: BSD-2-Clause */
/* Becoming a hypervisor, step by step, and the way back if a step fails. */
#ifndef NESTOR_BOOT_LAUNCH_H
#define NESTOR_BOOT_LAUNCH_H

#include "boot/machine.h"
#include "boot/uefi.h"

/*
 * True: this code now runs in VMX non-root mode, and the ACPI tables are what the guest may see.
 * False: nothing has changed, and the console says why. `volume` has the files of the configuration.
 */
bool launch(struct machine *machine, const struct config *config, const struct verdict *verdict, EFI_HANDLE volume,
            u64 boot_tsc);

#endif
