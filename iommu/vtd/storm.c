/*
 * Devices that fault, one by one. Each has a budget of faults a second; over it, the device is
 * silenced for a while (FPD in its context entry: its faults are no longer recorded), and on the third
 * strike blocked for good (P = 0 as well). The history is kept by source-id, so it outlives the
 * device's tables in either root. P and FPD are at the same place in the entries of both modes.
 */
#include "iommu/vtd/state.h"

enum {
    SECOND_US = 1000000,
    BUDGET = 64,            /* faults of a device in a second */
    SILENCE_US = 5 * SECOND_US,
    STRIKES = 3,            /* seconds over budget, then the device is blocked */
};

static struct vtd_history *find(const struct vtd_unit *unit, u16 sid)
{
    hpa_t page = unit->history[sid >> 8];
    return page.v == 0 ? NULL : (struct vtd_history *)port_hpa_to_ptr(page) + (sid & 0xff);
}

/* NULL when the pool is exhausted: then the fault is only counted for the unit. */
static struct vtd_history *find_or_make(struct vtd_unit *unit, u16 sid)
{
    hpa_t *page = &unit->history[sid >> 8];
    if (page->v == 0 && port_pages_alloc(1, page) != OK) {
        page->v = 0;
        return NULL;
    }
    return find(unit, sid);
}

void vtd_storm_free(struct vtd_unit *unit)
{
    for (u32 bus = 0; bus < ARRAY_LEN(unit->history); bus++) {
        if (unit->history[bus].v != 0) {
            port_pages_free(unit->history[bus], 1);
            unit->history[bus].v = 0;
        }
    }
}

u32 vtd_storm_faults(const struct vtd_unit *unit, u16 sid)
{
    const struct vtd_history *history = find(unit, sid);
    return history != NULL ? history->faults : 0;
}

u64 vtd_storm_apply(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 word)
{
    struct vtd_history *history = find(unit, sid);
    if (history == NULL || history->punishment == VTD_NOT_PUNISHED) {
        return word;
    }
    u8 bit = (u8)(1u << root);
    bool own_fpd = (word & field_mask(CONTEXT_FPD)) != 0;
    history->own_fpd = (u8)(own_fpd ? history->own_fpd | bit : history->own_fpd & ~bit);
    return (word | field_mask(CONTEXT_FPD)) & ~(history->punishment == VTD_BLOCKED ? field_mask(CONTEXT_P) : 0);
}

/* Word 0 of the context entry in one root becomes what the punishment asks for. */
static enum result change(struct vtd_unit *unit, enum vtd_root root, u16 sid)
{
    const struct vtd_history *history = find(unit, sid);
    u64 *context;
    enum result r = vtd_context_slot(unit, root, sid, &context);
    if (r != OK) {
        return r;
    }
    u64 word;
    if (history->punishment == VTD_NOT_PUNISHED) {
        word = (history->own_fpd >> root & 1) != 0 ? context[0] : context[0] & ~field_mask(CONTEXT_FPD);
    } else {
        word = vtd_storm_apply(unit, root, sid, context[0]);
    }
    vtd_store64(context, word);
    vtd_store_flush(unit, context, sizeof(*context));
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

static void punish(struct vtd_unit *unit, u16 sid, struct vtd_history *history, u64 now)
{
    bool block = ++history->strikes >= STRIKES;
    history->since_us = now;
    history->punishment = block ? VTD_BLOCKED : VTD_SILENCED;
    unit->silenced += block ? 0 : 1;
    *(block ? &unit->faults.blocked : &unit->faults.silenced) += 1;
    enum result r = change_both(unit, sid);
    port_log(LOG_WARNING, "unit %u: %02x:%02x.%x storms, %s: %s", unit->info.index, sid >> 8,
             sid >> 3 & 31, sid & 7, block ? "blocked" : "its faults are suppressed for 5 s",
             result_text(r));
}

void vtd_storm_count(struct vtd_unit *unit, u16 sid, u64 now)
{
    struct vtd_history *history = find_or_make(unit, sid);
    if (history == NULL) {
        return;
    }
    history->faults += history->faults != UINT32_MAX ? 1 : 0;
    if (history->punishment != VTD_NOT_PUNISHED) {
        return; /* recorded before it was silenced */
    }
    if (now - history->since_us >= SECOND_US) {
        history->since_us = now;
        history->recent = 0;
    }
    if (++history->recent > BUDGET) {
        punish(unit, sid, history, now);
    }
}

static void forgive_bus(struct vtd_unit *unit, u32 bus, u64 now)
{
    struct vtd_history *of_bus = port_hpa_to_ptr(unit->history[bus]);
    for (u32 i = 0; i < 256; i++) {
        if (of_bus[i].punishment == VTD_SILENCED && now - of_bus[i].since_us >= SILENCE_US) {
            of_bus[i].punishment = VTD_NOT_PUNISHED;
            of_bus[i].recent = 0;
            of_bus[i].since_us = now;
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
    for (u32 bus = 0; bus < ARRAY_LEN(unit->history); bus++) {
        if (unit->history[bus].v != 0) {
            forgive_bus(unit, bus, now);
        }
    }
}
