/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands share. See ctl.h. */
#include "tools/nestorctl/ctl.h"

enum { SNAPSHOTS = 4096 };

enum ctl_status ctl_each(struct ctl *c, u32 report, ctl_visit *visit, void *to)
{
    u64 position = 0;
    for (u32 i = 0; i < SNAPSHOTS; i++) {
        if (!client_take_from(&c->client, report, position)) {
            return CTL_SILENT;
        }
        for (const struct status_record *r = NULL; (r = client_next(&c->client, r)) != NULL;) {
            visit(c, r, to);
        }
        position = client_header(&c->client)->next;
        if (position == 0) {
            return CTL_OK;
        }
    }
    return CTL_SILENT;
}

struct search {
    u64 base;
    u32 segment;
    bool found, in_segment;
    u32 unit, last;
};

static void look(struct ctl *c, const struct status_record *r, void *to)
{
    struct search *s = to;
    struct status_unit u;
    (void)c;
    if (r->type == STATUS_UNIT) {
        client_copy(r, &u, sizeof(u));
        if (s->base != 0 && u.base == s->base) {
            s->found = true;
            s->unit = u.index;
        }
        if (u.segment == s->segment) {
            s->in_segment = true;
            s->last = u.index;
        }
    }
}

bool ctl_unit_of(struct ctl *c, u32 function, u32 *unit, bool *assumed)
{
    struct search s = {.base = platform_function_unit(function), .segment = function >> 16};
    if (ctl_each(c, STATUS_REPORT_MACHINE, look, &s) != CTL_OK || !(s.found || s.in_segment)) {
        return false;
    }
    /* The unit of all devices that no other names comes last in its segment (VT-d 8.3). */
    *unit = s.found ? s.unit : s.last;
    *assumed = !s.found;
    return true;
}
