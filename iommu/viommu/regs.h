/* SPDX-License-Identifier: BSD-2-Clause */
/* The register engine: accesses of any size against the table of registers.h. */
#ifndef NESTOR_IOMMU_VIOMMU_REGS_H
#define NESTOR_IOMMU_VIOMMU_REGS_H

#include "hv/types.h"

struct viommu;

/* All registers at their reset values. */
void viommu_regs_reset(struct viommu *v);

/*
 * One access of size bytes at any offset. What VT-d 11.2 does not allow reads 0 and writes
 * nothing. A write leaves what takes time to the caller: see run_pending() in viommu.c.
 */
u64 viommu_regs_read(struct viommu *v, u32 offset, u32 size);
void viommu_regs_write(struct viommu *v, u32 offset, u32 size, u64 value);

#endif
