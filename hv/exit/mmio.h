/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses of a guest to pages that the EPT does not map: remapping units and Nestor's own memory. */
#ifndef NESTOR_HV_EXIT_MMIO_H
#define NESTOR_HV_EXIT_MMIO_H

#include "hv/vcpu/vcpu.h"

struct viommu;

/*
 * gpa is in a hole of the EPT, or in a page that does not allow what was tried: the instruction is completed, or the
 * guest gets a fault and the console a line. `unit`: where gpa is the register at `offset` of one; else NULL.
 */
void exit_mmio(struct vcpu *v, u64 gpa, struct viommu *unit, u32 offset);

#endif
