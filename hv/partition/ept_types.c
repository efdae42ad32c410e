/* SPDX-License-Identifier: BSD-2-Clause */
/* See ept_types.h. */
#include "hv/partition/ept_types.h"

#include "iommu/port.h"

#define GIB (1ull << 30)

enum { LINES = 32 };

const struct mtrr *ept_types_at(const struct ept_types *t, u64 gpa)
{
    return t->busy && gpa < t->at ? &t->next : &t->now;
}

static void begin(struct ept_types *t, const struct mtrr *wanted)
{
    t->mixed = t->busy;
    t->busy = true;
    t->next = *wanted;
    t->at = 0;
    t->pieces = 0;
}

/* Whether t->at is in one of the spans, and where that is over. */
static bool is_of_registers(const struct ept_types *t, u64 *end)
{
    for (u32 i = 0; i < t->span_count; i++) {
        const struct partition_span *s = &t->spans[i];
        if (t->at < s->gpa + s->size) {
            *end = t->at < s->gpa ? s->gpa : s->gpa + s->size;
            return t->at >= s->gpa;
        }
    }
    return t->span_count == 0;
}

/*
 * Deals with the piece at t->at and returns its end. A piece that is touched ends at the next GiB at the latest, so
 * that a change can pause between two of the largest pages.
 */
static u64 step(struct ept_types *t, struct domain *d)
{
    u64 bound = t->limit;
    if (!is_of_registers(t, &bound)) {
        return bound;
    }
    static const char *const names[] = {[MEM_UC] = "UC", [MEM_WC] = "WC", [MEM_WT] = "WT",
                                        [MEM_WP] = "WP", [MEM_WB] = "WB"};
    u64 end;
    u64 stop = (t->at | (GIB - 1)) + 1;
    enum mem_type type = mtrr_type(&t->next, t->at, bound, &end);
    if (!t->mixed && mtrr_type(&t->now, t->at, end, &end) == type) {
        return end;
    }
    end = end < stop ? end : stop;
    enum result r = domain_set_type(d, (gpa_t){t->at}, end - t->at, type);
    if (t->pieces++ < LINES && (r == OK || limit_due(&t->refused))) {
        port_log(r != OK ? LOG_WARNING : LOG_DEBUG, "memory type of %llx-%llx: %s: %s", t->at, end - 1,
                 names[type], result_text(r));
    }
    return end;
}

bool ept_types_follow(struct ept_types *t, struct domain *d, const struct mtrr *wanted,
                      u64 budget_us)
{
    u64 began = port_now_us();
    if (!t->busy && mtrr_is_same(&t->now, wanted)) {
        return true;
    }
    if (!t->busy || !mtrr_is_same(&t->next, wanted)) {
        begin(t, wanted);
    }
    do {
        t->at = step(t, d);
        if (t->at % GIB == 0 && t->at < t->limit && port_now_us() - began > budget_us) {
            return false;
        }
    } while (t->at < t->limit);
    t->now = t->next;
    t->busy = false;
    return true;
}
