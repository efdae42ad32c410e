/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that fault, one by one. Each has a budget of faults a second. Over it, the device is silenced for a while
 * (FPD in its context entry: its faults are no longer recorded), from the third time on blocked (P = 0 as well), each
 * time twice as long. A minute without that, or the guest taking the context out, and all is forgotten: who uses the
 * device then is not who stormed. The history is kept by source-id, so it outlives the device's tables in either root.
 * P and FPD are at the same place in the entries of both modes. Interrupt requests are none of this: neither stops
 * them.
 */
#include "iommu/vtd/state.h"

enum {
    SECOND_MS = 1000,
    BUDGET = 64,            /* faults of a device in a second */
    OVERFLOW = 16,          /* faults that records full of one device's stand for */
    PUNISHED_MS = 5 * SECOND_MS,
    STRIKES = 3,            /* seconds over budget, then the device is blocked */
    DOUBLINGS = 6,          /* 5 s to 320 s */
    FORGOTTEN_MS = 60 * SECOND_MS,
    LOOK_US = 10000,        /* between two looks whose time is over, a bus each */
};

struct vtd_history *vtd_storm_find(const struct vtd_unit *unit, u16 sid)
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
    return vtd_storm_find(unit, sid);
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
    const struct vtd_history *history = vtd_storm_find(unit, sid);
    return history != NULL ? history->faults : 0;
}

/* vtd_history.own, four bits a root: its entry was changed, and what it had by itself. */
enum { OWN_FPD = 1, OWN_P = 2, CHANGED = 4, BITS_A_ROOT = 4 };

static u32 own(const struct vtd_history *history, enum vtd_root root)
{
    return history->own >> (u32)root * BITS_A_ROOT & 15u;
}

static void keep_own(struct vtd_history *history, enum vtd_root root, u64 word)
{
    u32 bits = CHANGED | ((word & field_mask(CONTEXT_FPD)) != 0 ? OWN_FPD : 0u) |
               ((word & field_mask(CONTEXT_P)) != 0 ? OWN_P : 0u);
    u32 shift = (u32)root * BITS_A_ROOT;
    history->own = (u8)((history->own & ~(15u << shift)) | bits << shift);
}

static u64 punished(const struct vtd_history *history, u64 word)
{
    return (word | field_mask(CONTEXT_FPD)) & ~(history->punishment == VTD_BLOCKED ? field_mask(CONTEXT_P) : 0);
}

u64 vtd_storm_apply(struct vtd_unit *unit, enum vtd_root root, u16 sid, u64 word)
{
    struct vtd_history *history = root <= VTD_ROOT_GUEST ? vtd_storm_find(unit, sid) : NULL;
    if (history == NULL || history->punishment == VTD_NOT_PUNISHED) {
        return word;
    }
    keep_own(history, root, word);
    return punished(history, word);
}

/* Word 0 as it was. An entry that was emptied meanwhile leads nowhere: it must not become present. */
static u64 restored(u32 bits, const u64 *context)
{
    u64 rest = context[0] & ~(field_mask(CONTEXT_P) | field_mask(CONTEXT_FPD));
    if ((rest | context[1]) == 0) {
        return 0;
    }
    return rest | field_put(CONTEXT_FPD, (bits & OWN_FPD) != 0) | field_put(CONTEXT_P, (bits & OWN_P) != 0);
}

static void store(const struct vtd_unit *unit, u64 *context, u64 word)
{
    vtd_store64(context, word);
    vtd_store_flush(unit, context, sizeof(*context));
}

/*
 * A punishment begins: in the root that is in use, with a context table if need be; in the other only what is there.
 * What the device may have cached is under any of its domain ids; this happens rarely.
 */
static enum result begin(struct vtd_unit *unit, u16 sid, struct vtd_history *history)
{
    enum vtd_root other = unit->active == VTD_ROOT_OFF ? VTD_ROOT_GUEST : VTD_ROOT_OFF;
    u64 *context;
    history->own = 0;
    enum result r = vtd_context_slot(unit, unit->active, sid, &context);
    if (r == OK) {
        store(unit, context, vtd_storm_apply(unit, unit->active, sid, *context));
    }
    if (r == OK && vtd_context_find(unit, other, sid) != NULL) {
        r = vtd_context_slot(unit, other, sid, &context);
        if (r == OK) {
            store(unit, context, vtd_storm_apply(unit, other, sid, *context));
        }
    }
    return r == OK ? vtd_inval_all(unit) : r;
}

/* It ends. The caller invalidates. */
static void end(struct vtd_unit *unit, u16 sid, struct vtd_history *history)
{
    for (u32 root = VTD_ROOT_OFF; root <= VTD_ROOT_GUEST; root++) {
        u32 bits = own(history, (enum vtd_root)root);
        u64 *context = (bits & CHANGED) != 0 ? vtd_context_find(unit, (enum vtd_root)root, sid) : NULL;
        if (context != NULL) {
            store(unit, context, restored(bits, context));
        }
    }
    history->punishment = VTD_NOT_PUNISHED;
    history->recent = 0;
}

static u32 punishment_ms(const struct vtd_history *history)
{
    u32 strikes = history->strikes;
    u32 more = strikes > STRIKES ? strikes - STRIKES : 0;
    return (u32)PUNISHED_MS << (more < DOUBLINGS ? more : DOUBLINGS);
}

static void punish(struct vtd_unit *unit, u16 sid, struct vtd_history *history, u32 now)
{
    unit->watched += history->strikes == 0 ? 1 : 0;
    history->strikes = (u8)(history->strikes + (history->strikes != UINT8_MAX ? 1 : 0));
    bool block = history->strikes >= STRIKES;
    history->since_ms = now;
    history->punishment = block ? VTD_BLOCKED : VTD_SILENCED;
    *(block ? &unit->faults.blocked : &unit->faults.silenced) += 1;
    enum result r = begin(unit, sid, history);
    if (limit_due(&unit->storms)) {
        port_log(LOG_WARNING, "unit %u: %#x storms, %s for %u s: %s", unit->info.index, sid,
                 block ? "blocked" : "its faults are suppressed", punishment_ms(history) / SECOND_MS, result_text(r));
    }
}

static u32 milliseconds(u64 us)
{
    return (u32)(us / 1000);
}

static not_inlined void count(struct vtd_unit *unit, u16 sid, struct vtd_history *history, u32 faults, u32 now)
{
    if (history->punishment != VTD_NOT_PUNISHED) {
        return; /* recorded before it was silenced */
    }
    if (now - history->since_ms >= SECOND_MS) {
        history->since_ms = now;
        history->recent = 0;
    }
    history->recent = (u8)(history->recent + faults);
    if (history->recent > BUDGET) {
        punish(unit, sid, history, now);
    }
}

void vtd_storm_count(struct vtd_unit *unit, u16 sid, u64 now)
{
    struct vtd_history *history = find_or_make(unit, sid);
    unit->one_sid = unit->recorded == 0 || (unit->one_sid && sid == unit->last_sid);
    unit->last_sid = sid;
    unit->recorded++;
    if (history != NULL) {
        history->faults += history->faults != UINT32_MAX ? 1 : 0;
        count(unit, sid, history, 1, milliseconds(now));
    }
}

void vtd_storm_other(struct vtd_unit *unit)
{
    unit->one_sid = false;
    unit->recorded++;
}

void vtd_storm_overflow(struct vtd_unit *unit, u64 now)
{
    bool one = unit->recorded != 0 && unit->one_sid;
    struct vtd_history *history = one && unit->overflowed && unit->overflow_sid == unit->last_sid
                                      ? vtd_storm_find(unit, unit->last_sid) : NULL;
    unit->overflowed = one;
    unit->overflow_sid = unit->last_sid;
    unit->recorded = 0;
    if (history != NULL) {
        count(unit, unit->last_sid, history, OVERFLOW, milliseconds(now));
    }
}

/* True if something has to be invalidated. */
static bool forget(struct vtd_unit *unit, u16 sid, struct vtd_history *history)
{
    bool punished_now = history->punishment != VTD_NOT_PUNISHED;
    unit->watched -= history->strikes != 0 ? 1 : 0;
    history->strikes = 0;
    if (punished_now) {
        end(unit, sid, history);
    }
    return punished_now;
}

void vtd_storm_taken_out(struct vtd_unit *unit, u16 sid)
{
    struct vtd_history *history = vtd_storm_find(unit, sid);
    if (history != NULL && history->strikes != 0) {
        (void)forget(unit, sid, history);
    }
}

static bool forgive(struct vtd_unit *unit, u16 sid, struct vtd_history *history, u32 now)
{
    if (history->punishment == VTD_NOT_PUNISHED) {
        return now - history->ended_ms >= FORGOTTEN_MS && forget(unit, sid, history);
    }
    if (now - history->since_ms < punishment_ms(history)) {
        return false;
    }
    end(unit, sid, history);
    history->ended_ms = now;
    return true;
}

static void forgive_bus(struct vtd_unit *unit, u32 bus, u32 now)
{
    struct vtd_history *of_bus = port_hpa_to_ptr(unit->history[bus]);
    bool changed = false;
    for (u32 i = 0; i < 256; i++) {
        if (of_bus[i].strikes != 0) {
            changed |= forgive(unit, (u16)(bus << 8 | i), &of_bus[i], now);
        }
    }
    if (changed && vtd_inval_all(unit) != OK && limit_due(&unit->storms)) {
        port_log(LOG_WARNING, "unit %u: devices stay silenced or blocked, as the end of it cannot be invalidated",
                 unit->info.index);
    }
}

void vtd_storm_forgive(struct vtd_unit *unit, u64 now)
{
    if (unit->watched == 0 || now - unit->forgiven_us < LOOK_US) {
        return;
    }
    unit->forgiven_us = now;
    for (u32 i = 0; i < ARRAY_LEN(unit->history); i++) {
        unit->forgiven_bus = (unit->forgiven_bus + 1) % ARRAY_LEN(unit->history);
        if (unit->history[unit->forgiven_bus].v != 0) {
            forgive_bus(unit, unit->forgiven_bus, milliseconds(now));
            return;
        }
    }
}
