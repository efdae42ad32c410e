/*
 * All that the vIOMMU asks of the driver and of the domains, in one place: entries
 * of the unit's guest root, batches for its queue, its fault records, and the
 * registers that carry event messages.
 */
#ifndef NESTOR_IOMMU_VIOMMU_HOST_H
#define NESTOR_IOMMU_VIOMMU_HOST_H

#include "iommu/viommu/bind.h"
#include "iommu/viommu/fault.h"
#include "iommu/vtd/vtd.h"

struct viommu;

/* What the unit is; ERR_UNSUPPORTED when it cannot carry a guest's unit. */
struct host_unit {
    u32 ver;
    u64 cap, ecap;
    u32 haw;
};
must_use enum result viommu_host_describe(const struct viommu_config *config,
                                          struct host_unit *out);

/* Off: everything on the second stage. Guest: what the guest listed, all else blocked. */
must_use enum result viommu_host_select_root(struct viommu *v, bool guest);

/*
 * Makes (sid, pasid) of the guest root what plan says. attach: for a binding that has no entry
 * yet, context is the device's; replace: from what it is to plan, in one step where the hardware
 * allows it. An error leaves the entry as it was. binding->host and device->pages belong here.
 */
must_use enum result viommu_host_attach(struct viommu *v, struct viommu_device *device,
                                        struct viommu_binding *binding,
                                        const struct bind_plan *plan);
must_use enum result viommu_host_replace(struct viommu *v, struct viommu_binding *binding,
                                         const struct bind_plan *plan);
/* last: the device has no other binding, so its context goes, too. */
must_use enum result viommu_host_detach(struct viommu *v, struct viommu_device *device,
                                        struct viommu_binding *binding, bool last);
/* With the off root selected and nothing bound: the guest root's pages go to the pool. */
must_use enum result viommu_host_clear(struct viommu *v);

/* The host domain ids that stand for a guest's on this unit; returns how many, at most max. */
u32 viommu_host_domain_ids(struct viommu *v, u16 guest_did, u16 *out, u32 max);

/* Puts descriptors on the unit's queue without waiting. ERR_BUSY: no room now, nothing put. */
must_use enum result viommu_host_post(struct viommu *v, const struct vtd_desc *descs, u32 count);

/* The oldest fault not taken yet; false when there is none. */
bool viommu_host_next_fault(struct viommu *v, struct viommu_fault_event *out);

/* The unit's event registers (FECTL..FEADDR, ICS..IEADDR), offsets of VT-d 11.4. */
u32 viommu_host_read_event(struct viommu *v, u32 offset);
void viommu_host_write_event(struct viommu *v, u32 offset, u32 value);

#endif
