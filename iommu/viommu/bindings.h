/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of what is bound: devices by source-id, bindings by (source-id, PASID).
 * Pages come from the pool and count against the partition's quota. A
 * binding is named by its index + 1, so that 0 means none.
 */
#ifndef NESTOR_IOMMU_VIOMMU_BINDINGS_H
#define NESTOR_IOMMU_VIOMMU_BINDINGS_H

#include "hv/types.h"

struct viommu;
struct viommu_binding;
struct viommu_device;

/* Pages against the quota of the unit, then against what the units share; false when neither has so many. */
must_use bool viommu_bindings_charge(struct viommu *v, u32 pages);
void viommu_bindings_refund(struct viommu *v, u32 pages);

/* NULL when the guest never listed it. */
struct viommu_device *viommu_bindings_find_device(struct viommu *v, u16 sid);
/* Finds or makes the record; NULL when the page pool or the quota is exhausted. */
struct viommu_device *viommu_bindings_add_device(struct viommu *v, u16 sid);
/* After its bindings are gone: the guest does not list it any more. */
void viommu_bindings_forget_device(struct viommu *v, u16 sid);
/* The first listed source-id at or after sid; VIOMMU_SIDS when there is none. */
u32 viommu_bindings_next_device(const struct viommu *v, u32 sid);
/* False: no device in the half bus of that source-id was ever listed. */
bool viommu_bindings_know_half(const struct viommu *v, u32 sid);

struct viommu_binding *viommu_bindings_at(struct viommu *v, u16 index_plus_1);
/* The device's binding of that PASID; 0 when there is none. */
u16 viommu_bindings_find(struct viommu *v, u16 sid, u32 pasid);
/* A free record, which viommu_bindings_add() takes; 0 when the quota or the pool is exhausted. */
u16 viommu_bindings_spare(struct viommu *v);
/* Enters the spare record, filled in, among the device's. */
void viommu_bindings_add(struct viommu *v, struct viommu_device *device, u16 index_plus_1);
void viommu_bindings_remove(struct viommu *v, struct viommu_device *device, u16 index_plus_1);

/* After everything was dropped: all pages back to the pool. */
void viommu_bindings_free(struct viommu *v);

#endif
