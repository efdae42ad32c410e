/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The faults the guest sees: the hardware's records as the guest's unit would have reported them,
 * in the guest's own records, FSTS and event. What is Nestor's business stays out. Storms do not
 * get here: vtd_fault_next() silences such a device.
 */
#ifndef NESTOR_IOMMU_VIOMMU_FAULT_H
#define NESTOR_IOMMU_VIOMMU_FAULT_H

#include "iommu/viommu/walk.h"

struct viommu;

/* The guest's view of a hardware fault reason; pure. */
enum fault_view { FAULT_HIDDEN, FAULT_SHOWN };
enum fault_view viommu_fault_map(u8 hardware_reason, const struct walk_result *guest, u8 *reason);

/* What a nested unit says of a fault of the hardware; false: nothing. */
struct viommu_fault_event;
bool viommu_fault_nested(struct viommu *v, const struct viommu_fault_event *event, u8 *reason);

void viommu_fault_reset(struct viommu *v);
/* Takes what the hardware recorded since the last call. */
void viommu_fault_poll(struct viommu *v);

/* FSTS: reading, setting a queue error bit, and what a write of ones clears. */
u32 viommu_fault_status(const struct viommu *v);
void viommu_fault_set_status(struct viommu *v, u32 bit);
void viommu_fault_clear(struct viommu *v, u32 bits);

/* FECTL was written: a held event goes out when the mask is gone. */
void viommu_fault_event_update(struct viommu *v);

/* Fault records, by byte offset of a qword in their block. */
u64 viommu_fault_record_read(const struct viommu *v, u32 offset);
void viommu_fault_record_write(struct viommu *v, u32 offset, u64 value);

/* TES fell to 0: the internal index restarts (VT-d 7.2.1). */
void viommu_fault_restart_index(struct viommu *v);

#endif
