/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that is kept away and let in again without giving up its entries: P of its context entry (VT-d 9.3, 9.4, at
 * the same place in both modes), in both roots, so that neither of them says anything else of it than the other. No
 * page and no domain id is needed for either, so nobody can keep it from being done. And source-ids that are to have no
 * entries at all.
 */
#include "iommu/vtd/state.h"

static u16 domain_of(const struct vtd_unit *unit, const u64 *context)
{
    if (!vtd_is_scalable(unit)) {
        return (u16)field_get(context, LEGACY_CONTEXT_DID);
    }
    const struct pasid_entry *e = vtd_pasid_find(context, vtd_context_rid_pasid(unit, context));
    return e != NULL ? (u16)pasid_get(e, PASID_DID) : 0;
}

static enum result set_present(struct vtd_unit *unit, enum vtd_root root, u16 sid, bool present, u16 *did)
{
    u64 *context;
    enum result r = vtd_context_slot(unit, root, sid, &context);
    if (r != OK) {
        return r;
    }
    u64 low = context[0] & ~field_mask(CONTEXT_P);
    if ((low | context[1]) == 0) {
        return ERR_NOT_FOUND;
    }
    *did = domain_of(unit, context);
    vtd_context_write(unit, context, low | field_put(CONTEXT_P, present), context[1]);
    return OK;
}

/* What the unit remembers of an entry that was not present it has under domain id 0 (caching mode, VT-d 6.1). */
static enum result switch_both(struct vtd_unit *unit, u16 sid, bool present)
{
    u16 dids[2] = {0, 0};
    vtd_storm_taken_out(unit, sid);
    for (u32 root = VTD_ROOT_OFF; root <= VTD_ROOT_GUEST; root++) {
        enum result r = set_present(unit, (enum vtd_root)root, sid, present, &dids[0]);
        if (r != OK) {
            return r;
        }
    }
    return vtd_inval_context(unit, sid, dids, ARRAY_LEN(dids));
}

enum result vtd_device_block(struct vtd_unit *unit, u16 sid, bool block)
{
    spin_lock(&unit->lock);
    enum result r = switch_both(unit, sid, !block);
    spin_unlock(&unit->lock);
    return r;
}

/* The same for every source-id, but for what a storm has made of it. */
static bool is_default(const struct vtd_unit *unit, const u64 *context)
{
    const u64 *shared = port_hpa_to_ptr(unit->tables[VTD_ROOT_OFF].context);
    u64 differs = (context[0] ^ shared[0]) & ~(field_mask(CONTEXT_P) | field_mask(CONTEXT_FPD));
    return (differs | (context[1] ^ shared[1])) == 0;
}

enum result vtd_device_close_rest(struct vtd_unit *unit, u16 first, u16 last)
{
    enum result r = OK;
    spin_lock(&unit->lock);
    for (u32 sid = first; r == OK && sid <= last; sid++) {
        u64 *context;
        r = vtd_context_slot(unit, VTD_ROOT_OFF, (u16)sid, &context);
        if (r == OK && is_default(unit, context)) {
            vtd_context_write(unit, context, 0, 0);
        }
    }
    r = r == OK ? vtd_inval_all(unit) : r;
    spin_unlock(&unit->lock);
    return r;
}
