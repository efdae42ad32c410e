/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A decoded guest entry becomes a host entry: nested on the partition's second stage, the second
 * stage alone (the guest's pass-through), or nothing. The decision is pure; carrying it out
 * writes only what differs. Domain id, SSPTPTR, AW, snoop and memory types are the host's and
 * never come from the guest.
 */
#ifndef NESTOR_IOMMU_VIOMMU_BIND_H
#define NESTOR_IOMMU_VIOMMU_BIND_H

#include "iommu/viommu/state.h"

/* What should be in the hardware for a guest entry. Pure. */
void viommu_bind_plan(const struct guest_entry *entry, struct bind_plan *out);

/* Makes the hardware's (sid, pasid) agree with the guest's entry; true if it had to change. */
bool viommu_bind_sync(struct viommu *v, struct viommu_device *device, u16 sid, u32 pasid,
                      const struct guest_entry *entry);
/* Removes one binding of the device; false when it has none. */
bool viommu_bind_drop_one(struct viommu *v, struct viommu_device *device);

/*
 * A pass over all PASIDs of a device: viommu_bind_start_pass(), viommu_bind_sync() for each entry
 * that is present, then the sweep removes the bindings that the pass did not find, so that
 * entries which are not present cost nothing. The sweep looks at one binding, *at (0 to begin
 * with), and moves on; false when it has looked at all of them.
 */
void viommu_bind_start_pass(struct viommu *v);
bool viommu_bind_sweep(struct viommu *v, struct viommu_device *device, u16 *at, bool *changed);

/* Counts an entry that stays blocked for want of room; one line per guest. */
void viommu_bind_tell_quota(struct viommu *v, u16 sid);

#endif
