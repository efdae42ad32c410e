/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's remapping units: looked at before anything is changed, and found by their registers' addresses. */
#ifndef NESTOR_HV_MACHINE_UNITS_H
#define NESTOR_HV_MACHINE_UNITS_H

#include "hv/handover.h"
#include "iommu/spec/dmar.h"
#include "iommu/vtd/vtd.h"

/*
 * Looks at all units of the DMAR table (NULL: there is none), changes nothing. The first that cannot be
 * controlled is an error.
 */
must_use enum result units_probe(const struct vtd_dmar *dmar);
/* What SIDP forbids a device's entries, in all units of its segment: see vtd_unit_limit(). */
must_use enum result units_limit(const struct device_limit *limits, u32 limit_count);
u32 units_count(void);
struct vtd_unit *units_get(u32 i);
/*
 * Is it of segment 0, as all functions of partitions beside the root are (handover_function.h)? To the others their
 * source-ids are those of other devices.
 */
bool units_has_functions(u32 i);

/* The unit whose register page holds addr, and where in it; false for anything else. */
bool units_find(u64 addr, u32 *i, u32 *offset);

/* What one table for all of them and the CPU may look like. */
struct units_common {
    u64 page_sizes;
    bool coherent, nesting;
    bool interrupts;      /* firmware says that the platform remaps interrupts (VT-d 8.1), and all can */
    u32 without;          /* the first that cannot; units_count(): none */
};
struct units_common units_get_common(void);

/* The most levels that a unit's walks of a table of `levels` can have, 0: none; and the bits of address these are. */
u32 units_levels(u32 i, u32 levels);
u32 units_width(u32 i, u32 levels);

/*
 * Of a unit's domain ids, how many a guest's own entries may have, beside `others` partitions that are not the root:
 * half is shared by the others, the root has the rest, without id 0 and those of the second stages. One at least.
 */
u32 units_share_ids(u32 domain_ids, u32 others, bool root);

#endif
