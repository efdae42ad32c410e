/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of PCI functions that belong to partitions, in the second stages of these and of the root. */
#ifndef NESTOR_HV_PARTITION_EPT_FUNCTIONS_H
#define NESTOR_HV_PARTITION_EPT_FUNCTIONS_H

#include "hv/partition/ept_map.h"
#include "hv/partition/partition.h"

/* For the root: what they decode, and all configuration space as soon as there is one, is a hole. */
void ept_functions_hide(struct ept_map_range *list, u32 *count, const struct handover *h);

/*
 * For their owner: memory BARs at the host's addresses, never cached whatever its MTRRs say, but for pages with a table
 * of MSI-X.
 */
must_use enum result ept_functions_map(const struct partition *p, const struct handover *h);

#endif
