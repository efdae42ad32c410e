/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's event messages (design, decision 8). The unit's own registers carry them, so that a
 * completion or a fault interrupts the guest without an exit.
 */
#ifndef NESTOR_IOMMU_VIOMMU_EVENT_H
#define NESTOR_IOMMU_VIOMMU_EVENT_H

#include "hv/types.h"

struct viommu;
struct vtd_desc;

/* The guest wrote a register of FECTL..FEUADDR, or of IECTL..IEUADDR: the unit's get the same. */
void viommu_event_forward(struct viommu *v, bool fault_event);
/* Sends the message of FEDATA and FEADDR for a condition that only the guest's unit has. */
void viommu_event_send_fault(struct viommu *v);
/* Neither event for the guest, nothing pending: as out of reset. */
void viommu_event_mask_all(struct viommu *v);

/*
 * Of a unit that is not the root's: the wait descriptor behind one of the guest's that is to interrupt it, and whether
 * the unit has done it. Then the event is the guest's.
 */
struct vtd_desc viommu_event_ask(struct viommu *v);
bool viommu_event_came(struct viommu *v);

/* ICS, and IECTL.IP. */
u32 viommu_event_done_status(struct viommu *v);
void viommu_event_done_clear(struct viommu *v);
bool viommu_event_done_pending(struct viommu *v);

#endif
