/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of the config's protected regions that need the machine. A mistake is reported like any
 * other in the file, with line and key. Pure.
 */
#ifndef NESTOR_BOOT_PROTECT_H
#define NESTOR_BOOT_PROTECT_H

#include "boot/config.h"
#include "boot/cpu.h"
#include "boot/ranges.h"
#include "iommu/spec/dmar.h"

struct protect_machine {
    const struct ranges *ranges;
    u64 own_base, own_size;     /* Nestor's memory */
    const struct vtd_dmar *dmar; /* NULL: none. Its reserved regions must stay mapped for their devices */
    bool rule;                  /* nesting will be offered, under the read-only rule */
};

/* False: *error names the first region that cannot be protected as asked. */
must_use bool protect_check(const struct config *config, const struct protect_machine *m,
                            struct config_error *error);

/* May the CPU's units have Intel 772415? Sapphire Rapids, and what shares its units. */
bool protect_cpu_is_affected(const struct cpu_facts *cpu);

#endif
