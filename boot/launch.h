/* Becoming a hypervisor: the steps, and their way back. */
#ifndef NESTOR_BOOT_LAUNCH_H
#define NESTOR_BOOT_LAUNCH_H

#include "boot/machine.h"

/*
 * True: this code runs in VMX non-root mode now, and the ACPI tables are as the guest may
 * see them. False: nothing has changed, and the console says why.
 */
bool launch(struct machine *machine, const struct config *config, const struct verdict *verdict,
            u64 boot_tsc);

#endif
