/* SPDX-License-Identifier: BSD-2-Clause */
/* The DMAR table as nestor.efi and `nestorctl check` take it, each reading it in its own way. Pure. */
#ifndef NESTOR_BOOT_DMAR_H
#define NESTOR_BOOT_DMAR_H

#include "iommu/spec/dmar.h"

/* True: *dmar is what the table says. Else why[] has the reason; size 0: there is no table. */
bool dmar_take(const void *table, size_t size, struct vtd_dmar *dmar, char *why, size_t why_size);

#endif
