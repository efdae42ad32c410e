/*
 * All that the vIOMMU asks of the driver and of the domains, in one place: entries
 * of the unit's guest root, batches for its queue, its fault records, and the
 * registers that carry event messages.
 */
#ifndef NESTOR_VIOMMU_HOST_H
#define NESTOR_VIOMMU_HOST_H

#include "iommu/viommu_bind.h"
#include "iommu/viommu_fault.h"

struct viommu;

/* A 256-bit descriptor for the unit's queue. */
struct host_desc { u64 w[4]; };

/* What the unit is; ERR_UNSUPPORTED when it cannot carry a guest's unit. */
struct host_unit {
    u32 ver;
    u64 cap, ecap;
    u32 haw;
};
must_use enum result viommu_host_describe(const struct viommu_config *config, struct host_unit *out);

/* Off: everything on the second stage. Guest: what the guest listed, all else blocked. */
must_use enum result viommu_host_select_root(struct viommu *v, bool guest);

/* Makes (sid, pasid) of the guest root what plan says; binding->host belongs to this file. */
must_use enum result viommu_host_attach(struct viommu *v, const struct guest_context *context,
                                        struct viommu_binding *binding,
                                        const struct bind_plan *plan);
must_use enum result viommu_host_detach(struct viommu *v, struct viommu_binding *binding);

/* The host domain ids that stand for a guest's on this unit; returns how many, at most max. */
u32 viommu_host_domain_ids(struct viommu *v, u16 guest_did, u16 *out, u32 max);

/* Puts descriptors on the unit's queue in order without waiting. ERR_BUSY: no room now, nothing put. */
must_use enum result viommu_host_post(struct viommu *v, const struct host_desc *descs, u32 count);

/* The oldest fault not taken yet; false when there is none. */
bool viommu_host_next_fault(struct viommu *v, struct viommu_fault_event *out);

/* The unit's event registers (FECTL..FEADDR, ICS..IEADDR), offsets of VT-d 11.4. */
u32 viommu_host_read_event(struct viommu *v, u32 offset);
void viommu_host_write_event(struct viommu *v, u32 offset, u32 value);

#endif
