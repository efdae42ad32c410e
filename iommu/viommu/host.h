/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the vIOMMU asks of the driver and of the domains, in one place: entries of the unit's
 * guest root, batches for its queue, its fault records, and the registers that carry event
 * messages. No other file of this folder calls them.
 */
#ifndef NESTOR_IOMMU_VIOMMU_HOST_H
#define NESTOR_IOMMU_VIOMMU_HOST_H

#include "iommu/viommu/state.h"

/* What the unit is. */
struct host_unit {
    u32 ver;
    u64 cap, ecap;
    u32 haw;
    bool nesting;
    struct vtd_left left;
};
void viommu_host_describe(const struct viommu_config *config, struct host_unit *out);

/* Off: everything on the second stage. Guest: what the guest listed, all else blocked. */
must_use enum result viommu_host_select_root(struct viommu *v, bool guest);

/*
 * Makes (sid, pasid) of the guest root what plan says. attach: for a binding that has no entry
 * yet, with the device's context; replace: from what it is to plan, in one step where the
 * hardware allows it. An error leaves the entry as it was.
 */
must_use enum result viommu_host_attach(struct viommu *v, struct viommu_device *device,
                                        struct viommu_binding *binding, const struct bind_plan *plan);
must_use enum result viommu_host_replace(struct viommu *v, const struct viommu_device *device,
                                         struct viommu_binding *binding, const struct bind_plan *plan);
/* last: the device has no other binding, so its context goes, too. */
must_use enum result viommu_host_detach(struct viommu *v, struct viommu_device *device,
                                        struct viommu_binding *binding, bool last);
/* With the off root selected and nothing bound: the guest root's pages go to the pool. */
must_use enum result viommu_host_clear(struct viommu *v);
/* One line for a person: what requests of the device go through in the guest root. */
void viommu_host_show_device(struct viommu *v, u16 sid);

/* Puts those of a guest domain id into v->ids. */
void viommu_host_look_up_ids(struct viommu *v, u16 guest_did);
void viommu_host_forget_ids(struct viommu *v);
/*
 * The host domain ids that stand for a guest's on this unit. Valid until a binding changes. Most
 * commands in a row are about one domain; inline, since this is what a doorbell is made of.
 */
static inline __attribute__((always_inline)) const struct viommu_host_ids *viommu_host_ids(struct viommu *v,
                                                                                           u16 guest_did)
{
    if (v->ids.guest_did != guest_did) {
        viommu_host_look_up_ids(v, guest_did);
    }
    return &v->ids;
}

/* Puts descriptors on the unit's queue without waiting. ERR_BUSY: no room now, nothing put. */
must_use enum result viommu_host_post(struct viommu *v, const struct vtd_desc *descs, u32 count);

/*
 * Interrupt remapping. The table is made once; entries are set in it, and the unit uses it from on() to off(). eime:
 * as in vtd_irt_enable(). isolate: on for good. end: back to what firmware left on. Of an owner's unit, which is on for
 * good, nothing happens.
 */
must_use enum result viommu_host_irt_create(struct viommu *v);
const struct irte *viommu_host_irt_entries(const struct viommu *v);
void viommu_host_irt_set(struct viommu *v, u32 index, const struct irte *e);
must_use enum result viommu_host_irt_on(struct viommu *v, bool eime);
must_use enum result viommu_host_irt_off(struct viommu *v);
must_use enum result viommu_host_irt_pass(struct viommu *v, bool compatibility);
must_use enum result viommu_host_irt_isolate(struct viommu *v);
must_use enum result viommu_host_irt_end(struct viommu *v);
/* What firmware left on, for the guest to find; false: nothing. */
bool viommu_host_irt_firmware(const struct viommu *v, u64 *irta, bool *compatibility);

/* One fault of the hardware, from a fault record (VT-d 11.4.7.6). */
struct viommu_fault_event {
    u16 sid;
    bool has_pasid;
    u32 pasid;
    u8 reason;
    u64 addr;
    u64 attributes; /* what the request was: T1, T2, EXE and PRIV of the record's second word */
};
/* The oldest fault not taken yet; false when there is none. */
bool viommu_host_next_fault(struct viommu *v, struct viommu_fault_event *out);

/*
 * The guest wants no fault event, or wants it: who has the unit's registers for it. These, and what is written to event
 * registers, are the root's: of another guest nothing happens.
 */
void viommu_host_hold_alert(struct viommu *v);
void viommu_host_yield_alert(struct viommu *v);
/* The unit's event registers (FECTL..FEUADDR, ICS..IEUADDR), by offset. */
u32 viommu_host_read_event(struct viommu *v, u32 offset);
void viommu_host_write_event(struct viommu *v, u32 offset, u32 value);

#endif
