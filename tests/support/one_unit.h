/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hv/device/interrupts.c asks of the machine, where all functions are behind the unit of guest_kit_host.h and
 * have MSI-X. A program includes it once.
 */
#ifndef NESTOR_ONE_UNIT_H
#define NESTOR_ONE_UNIT_H

#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "tests/support/guest_kit_host.h"

u32 units_count(void)
{
    return 1;
}

struct vtd_unit *units_get(u32 i)
{
    return i == 0 ? host_unit() : NULL;
}

bool units_has_functions(u32 i)
{
    return i == 0;
}

u32 partition_sources_messages(const struct handover_function *f)
{
    return f->msix_vectors;
}

#endif
