/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source-ids that are owned, by partitions beside the root. Each has its context entries here, one for its owner's
 * translation off and one for it on, and the chosen one stands in both of the unit's roots alike, so that whoever
 * switches between these does not touch it:
 *
 *   OWN_OFF  ---+
 *               +--- chosen, P = 0 while it is blocked ---> OFF and GUEST
 *   OWN_GUEST --+
 *
 * No page and no domain id is needed for choosing or blocking, so nobody can keep it from being done. And source-ids
 * that are to have no entries at all.
 */
#include "iommu/vtd/state.h"

enum { OWN_MAX = PAGE_SIZE / sizeof(struct vtd_own) };

static struct vtd_own *list(const struct vtd_unit *unit)
{
    return port_hpa_to_ptr(unit->own);
}

/* NULL: it is not owned. */
static struct vtd_own *find(const struct vtd_unit *unit, u16 sid)
{
    _Static_assert(offsetof(struct vtd_own, context) == 0, "the one is where the other is");
    return (void *)vtd_context_own(unit, VTD_ROOT_OWN_OFF, sid);
}

/* The places in both roots are there since it was added. */
static void follow(struct vtd_unit *unit, const struct vtd_own *own)
{
    const u64 *words = own->context[own->guest];
    u64 low = words[0] & ~(own->blocked ? field_mask(CONTEXT_P) : 0);
    for (u32 root = VTD_ROOT_OFF; root <= VTD_ROOT_GUEST; root++) {
        u64 *context = vtd_context_find(unit, (enum vtd_root)root, own->sid);
        vtd_context_write(unit, context, vtd_storm_apply(unit, (enum vtd_root)root, own->sid, low), words[1]);
    }
}

void vtd_own_write(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 *context, u64 low, u64 high)
{
    vtd_context_write(unit, context, vtd_storm_apply(unit, root, sid, low), high);
    if (root >= VTD_ROOT_OWN_OFF) {
        follow(unit, find(unit, sid));
    }
}

static enum result add(struct vtd_unit *unit, u16 sid)
{
    u64 *context;
    hpa_t page;
    enum result r = unit->own.v == 0 ? port_pages_take(1, &page) : OK;
    if (r == OK && unit->own.v == 0) {
        unit->own = page;
    }
    for (u32 root = VTD_ROOT_OFF; r == OK && root <= VTD_ROOT_GUEST; root++) {
        r = vtd_context_slot(unit, (enum vtd_root)root, sid, &context);
    }
    if (r != OK) {
        return r;
    }
    struct vtd_own *own = &list(unit)[unit->own_count++];
    *own = (struct vtd_own){.sid = sid, .blocked = true};
    unit->reserve = unit->queue_size / 2;
    /* What it has had from the first instant, where SIDP limits it. */
    context = vtd_context_find(unit, VTD_ROOT_OFF, sid);
    bool limited = vtd_context_is_own(unit, VTD_ROOT_OFF, sid);
    const u64 old[2] = {context[0], context[1]};
    follow(unit, own);
    r = vtd_inval_all(unit);
    if (r == OK && limited) {
        vtd_pasid_free_directory(vtd_context_directory(old), vtd_context_pasids(old));
    }
    return r;
}

enum result vtd_own_add(struct vtd_unit *unit, u16 sid)
{
    spin_lock(&unit->lock);
    enum result r = unit->own_count == OWN_MAX ? ERR_NO_MEMORY : find(unit, sid) != NULL ? ERR_EXISTS : add(unit, sid);
    spin_unlock(&unit->lock);
    return r;
}

/* Nobody is told that the choice holds. What the unit has read of it meanwhile it forgets before it is used again. */
static void go_back(struct vtd_unit *unit, struct vtd_own *own)
{
    if (own != NULL) {
        own->guest = own->former;
        follow(unit, own);
    }
}

enum result vtd_own_select(struct vtd_unit *unit, const u16 *sids, u32 count, bool guest)
{
    enum result r = OK;
    spin_lock(&unit->lock);
    for (u32 i = 0; i < count; i++) {
        struct vtd_own *own = find(unit, sids[i]);
        if (own != NULL) {
            own->former = own->guest;
            own->guest = guest;
            follow(unit, own);
        }
        r = own != NULL ? r : ERR_NOT_FOUND;
    }
    enum result done = vtd_inval_all(unit);
    for (u32 i = 0; done != OK && i < count; i++) {
        go_back(unit, find(unit, sids[i]));
    }
    spin_unlock(&unit->lock);
    return r == OK ? done : r;
}

enum result vtd_own_block(struct vtd_unit *unit, u16 sid, bool block)
{
    enum result r = ERR_NOT_FOUND;
    spin_lock(&unit->lock);
    struct vtd_own *own = find(unit, sid);
    if (own != NULL) {
        if (!block) {
            vtd_fault_forget(unit, sid);
        }
        vtd_storm_taken_out(unit, sid);
        own->blocked = block;
        follow(unit, own);
        r = vtd_inval_all(unit);
    }
    spin_unlock(&unit->lock);
    return r;
}

void vtd_own_free(struct vtd_unit *unit)
{
    while (unit->own_count != 0) {
        struct vtd_own *own = &list(unit)[--unit->own_count];
        for (u32 i = 0; vtd_is_scalable(unit) && i < ARRAY_LEN(own->context); i++) {
            hpa_t directory = vtd_context_directory(own->context[i]);
            if (directory.v != 0) {
                vtd_pasid_free_directory(directory, vtd_context_pasids(own->context[i]));
            }
        }
        *own = (struct vtd_own){.sid = own->sid};
        follow(unit, own);
    }
    unit->reserve = 0;
    if (unit->own.v != 0) {
        port_pages_free(unit->own, 1);
        unit->own.v = 0;
    }
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
