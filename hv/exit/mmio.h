/* Accesses of a guest to pages that are in no mapping: remapping units and Nestor's own memory. */
#ifndef NESTOR_HV_EXIT_MMIO_H
#define NESTOR_HV_EXIT_MMIO_H

#include "hv/vcpu/vcpu.h"
#include "iommu/viommu/viommu.h"

/*
 * gpa is a hole of the EPT, or a page that does not allow what was tried; the instruction is completed, or
 * the guest gets a fault and the console a line. `unit`: the one whose register at `offset` that is, or NULL.
 */
void exit_mmio(struct vcpu *v, u64 gpa, struct viommu *unit, u32 offset);

/* One access to a register, with what follows for the CPU that made it. */
u64 exit_mmio_read(struct vcpu *v, struct viommu *unit, u32 offset, u32 width);
void exit_mmio_write(struct vcpu *v, struct viommu *unit, u32 offset, u32 width, u64 value);

#endif
