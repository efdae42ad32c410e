/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can the partitions of the configuration have the PCI functions that it gives them? Each is looked at with all that is
 * above and beside it; then its BARs are sized, so no driver may run meanwhile. Pure.
 */
#ifndef NESTOR_BOOT_FUNCTION_CHECK_H
#define NESTOR_BOOT_FUNCTION_CHECK_H

#include "boot/machine.h"

struct function_machine {
    const struct machine *machine;
    const struct pci_config *config;    /* of segment 0, with extended space; NULL: MCFG does not have it */
    const char *interrupts_missing;     /* to keep interrupts apart; NULL: nothing */
    bool loaded_known;
    struct pci_function loaded_from;    /* the device that has the volume Nestor was started from */
    struct serial serial;               /* that Nestor speaks on */
};

/* What the partitions get. */
struct functions {
    u32 count, taken;
    struct handover_function list[HANDOVER_FUNCTIONS];
};

/* What names it in the file. */
const struct config_device *function_device(const struct config *config, const struct handover_function *function);

/* What the text alone shows: one given twice, too many, a segment. The first mistake in *error, and false. */
bool function_check_text(const struct config *config, struct config_error *error);
/* Then, with the machine. */
bool function_check(const struct config *config, const struct function_machine *machine, struct functions *out,
                    struct config_error *error);

#endif
