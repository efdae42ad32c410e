/*
 * Devices that fault, one by one. Each has a budget of faults a second; over it, the device is
 * silenced for a while (FPD in its context entry: its faults are no longer recorded), and when
 * that was for nothing too often, blocked for good (P = 0 as well). The punishment is kept by
 * source-id, so it outlives the device's tables in either root.
 */
#include "iommu/vtd/state.h"

enum {
    SECOND_US = 1000000,
    BUDGET = 64,            /* faults of a device in a second */
    SILENCE_US = 5 * SECOND_US,
    STRIKES = 3,            /* seconds over budget, then the device is blocked */
    PRESENT = 1, FPD = 2,
};

static struct vtd_device *find(const struct vtd_unit *unit, u16 sid)
{
    hpa_t page = unit->devices[sid >> 8];
    return page.v == 0 ? NULL : (struct vtd_device *)port_hpa_to_ptr(page) + (sid & 0xff);
}

/* NULL when the pool is exhausted: then the fault is only counted for the unit. */
static struct vtd_device *find_or_make(struct vtd_unit *unit, u16 sid)
{
    hpa_t *page = &unit->devices[sid >> 8];
    if (page->v == 0 && port_pages_alloc(1, page) != OK) {
        page->v = 0;
        return NULL;
    }
    return find(unit, sid);
}

void vtd_fault_free(struct vtd_unit *unit)
{
    for (u32 bus = 0; bus < ARRAY_LEN(unit->devices); bus++) {
        if (unit->devices[bus].v != 0) {
            port_pages_free(unit->devices[bus], 1);
            unit->devices[bus].v = 0;
        }
    }
}

u32 vtd_fault_count(const struct vtd_unit *unit, u16 sid)
{
    const struct vtd_device *device = find(unit, sid);
    return device != NULL ? device->faults : 0;
}

u64 vtd_storm_apply(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 word)
{
    struct vtd_device *device = find(unit, sid);
    if (device == NULL || device->punishment == VTD_NOT_PUNISHED) {
        return word;
    }
    u8 bit = (u8)(1u << root);
    device->own_fpd = (u8)((word & FPD) != 0 ? device->own_fpd | bit : device->own_fpd & ~bit);
    return (word | FPD) & ~(u64)(device->punishment == VTD_BLOCKED ? PRESENT : 0);
}

/* Word 0 of the context entry in one root becomes what the punishment asks for. */
static enum result change(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    u64 *context, word;
    const struct vtd_device *device = find(unit, sid);
    enum result r = vtd_context_slot(unit, root, sid, &context);
    if (r != OK) {
        return r;
    }
    if (device->punishment == VTD_NOT_PUNISHED) {
        word = (device->own_fpd >> root & 1) != 0 ? context[0] : context[0] & ~(u64)FPD;
    } else {
        word = vtd_storm_apply(unit, root, sid, context[0]);
    }
    vtd_store64(context, word);
    vtd_flush_table(unit, context, sizeof(*context));
    return OK;
}

/* In the root that is in use, with a context table if need be; in the other only what is there. */
static enum result change_both(struct vtd_unit *unit, u16 sid)
{
    enum vtd_root other = unit->active == VTD_ROOT_OFF ? VTD_ROOT_GUEST : VTD_ROOT_OFF;
    enum result r = change(unit, unit->active, sid);
    if (r == OK && vtd_context_find(unit, other, sid) != NULL) {
        r = change(unit, other, sid);
    }
    /* What the device may have cached is under any of its domain ids; this happens rarely. */
    return r == OK ? vtd_inval_all(unit) : r;
}

static void punish(struct vtd_unit *unit, u16 sid, struct vtd_device *device, u64 now)
{
    bool block = ++device->strikes >= STRIKES;
    device->since_us = now;
    device->punishment = block ? VTD_BLOCKED : VTD_SILENCED;
    unit->silenced += block ? 0 : 1;
    *(block ? &unit->faults.blocked : &unit->faults.silenced) += 1;
    enum result r = change_both(unit, sid);
    port_log(LOG_WARNING, "unit %u: %02x:%02x.%x storms, %s: %s", unit->info.index, sid >> 8,
             sid >> 3 & 31, sid & 7, block ? "blocked" : "its faults are suppressed for 5 s",
             result_text(r));
}

void vtd_storm_count(struct vtd_unit *unit, u16 sid, u64 now)
{
    struct vtd_device *device = find_or_make(unit, sid);
    if (device == NULL) {
        return;
    }
    device->faults += device->faults != UINT32_MAX ? 1 : 0;
    if (device->punishment != VTD_NOT_PUNISHED) {
        return; /* recorded before it was silenced */
    }
    if (now - device->since_us >= SECOND_US) {
        device->since_us = now;
        device->recent = 0;
    }
    if (++device->recent > BUDGET) {
        punish(unit, sid, device, now);
    }
}

static void forgive_bus(struct vtd_unit *unit, u32 bus, u64 now)
{
    struct vtd_device *devices = port_hpa_to_ptr(unit->devices[bus]);
    for (u32 i = 0; i < 256; i++) {
        if (devices[i].punishment == VTD_SILENCED && now - devices[i].since_us >= SILENCE_US) {
            devices[i].punishment = VTD_NOT_PUNISHED;
            devices[i].recent = 0;
            devices[i].since_us = now;
            unit->silenced--;
            (void)change_both(unit, (u16)(bus << 8 | i)); /* the unit says so when it hangs */
        }
    }
}

void vtd_storm_forgive(struct vtd_unit *unit, u64 now)
{
    if (unit->silenced == 0 || now - unit->forgiven_us < SECOND_US) {
        return;
    }
    unit->forgiven_us = now;
    for (u32 bus = 0; bus < ARRAY_LEN(unit->devices); bus++) {
        if (unit->devices[bus].v != 0) {
            forgive_bus(unit, bus, now);
        }
    }
}
