/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Storms of interrupt requests that the unit refuses. Nothing that stands in a unit's tables stops them, nor keeps all
 * of them from being recorded: FPD of an interrupt entry says nothing of a request that reaches none (reasons 20h, 21h
 * and 25h, VT-d 5.1.4.1). But records that are full cost nothing, and no message comes while they are. So in a storm
 * they are left so, and read ten times a second: what other devices do is then seen a little later.
 */
#include "iommu/spec/caps.h"
#include "iommu/vtd/state.h"

enum {
    SECOND_US = 1000000,
    BUDGET = 64,            /* requests refused in a second */
    PAUSE_US = SECOND_US / 10,
};

/* Each record once, and once for the overflow. */
static u32 looks(const struct vtd_unit *unit)
{
    return vtd_cap_fault_records(unit->info.cap) + 1;
}

bool vtd_sweep_may_look(struct vtd_unit *unit, u64 now)
{
    struct vtd_sweep *s = &unit->sweep;
    if (!s->on || s->left != 0) {
        return true;
    }
    if (now < s->next_us) {
        return false;
    }
    s->on = s->seen;
    s->seen = false;
    s->left = s->on ? looks(unit) : 0;
    return true;
}

static void begin(struct vtd_unit *unit, u16 sid, u64 now)
{
    struct vtd_sweep *s = &unit->sweep;
    *s = (struct vtd_sweep){.on = true, .seen = true, .next_us = now + PAUSE_US};
    if (limit_due(&unit->storms)) {
        port_log(LOG_WARNING, "unit %u: interrupt requests are refused without end, the last of %#x; fault "
                 "records are read ten times a second", unit->info.index, sid);
    }
}

static void count(struct vtd_unit *unit, u16 sid, u64 now)
{
    struct vtd_sweep *s = &unit->sweep;
    if (now - s->since_us >= SECOND_US) {
        s->since_us = now;
        s->recent = 0;
    }
    s->recent++;
    if (s->recent > BUDGET) {
        begin(unit, sid, now);
    }
}

not_inlined void vtd_sweep_looked(struct vtd_unit *unit, enum vtd_sweep_found found, u16 sid, u64 now)
{
    struct vtd_sweep *s = &unit->sweep;
    bool interrupt = found == SWEEP_FOUND_INTERRUPT;
    if (s->on) {
        s->seen |= interrupt;
        s->left = found == SWEEP_FOUND_NONE ? 0 : s->left - 1;
        s->next_us = now + PAUSE_US;
    } else if (interrupt) {
        count(unit, sid, now);
    }
}
