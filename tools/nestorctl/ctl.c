/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands share. See ctl.h. */
#include "tools/nestorctl/ctl.h"

enum { SNAPSHOTS = 4096 };

void ctl_visit_all(struct ctl *c, ctl_visit *visit, void *to)
{
    for (const struct status_record *r = NULL; (r = status_client_next(&c->client, r)) != NULL;) {
        visit(c, r, to);
    }
}

enum ctl_status ctl_each(struct ctl *c, u32 report, ctl_visit *visit, void *to)
{
    u64 position = 0;
    for (u32 i = 0; i < SNAPSHOTS; i++) {
        if (!status_client_take_from(&c->client, report, position)) {
            return CTL_SILENT;
        }
        ctl_visit_all(c, visit, to);
        position = status_client_header(&c->client)->next;
        if (position == 0) {
            return CTL_OK;
        }
    }
    return CTL_SILENT;
}

static void collect_unit(struct ctl *c, const struct status_record *r, void *to)
{
    struct status_unit u;
    (void)to;
    if (r->type != STATUS_UNIT) {
        return;
    }
    status_client_copy(r, &u, sizeof(u));
    if (u.index < CTL_UNITS) {
        c->units[u.index] = (struct ctl_unit){.base = u.base, .second_stage = u.second_stage, .segment = u.segment};
        c->unit_count = u.index + 1 > c->unit_count ? u.index + 1 : c->unit_count;
    }
}

enum ctl_status ctl_read_units(struct ctl *c)
{
    return c->unit_count != 0 ? CTL_OK : ctl_each(c, STATUS_REPORT_MACHINE, collect_unit, NULL);
}

bool ctl_unit_of(struct ctl *c, u32 function, u32 *unit, bool *assumed)
{
    u64 base = platform_function_unit(function);
    bool named = false, found = false;
    if (ctl_read_units(c) != CTL_OK) {
        return false;
    }
    for (u32 i = 0; i < c->unit_count && !named; i++) {
        named = base != 0 && c->units[i].base == base;
        /* The unit of all devices that no other names comes last in its segment (VT-d 8.3). */
        if (named || c->units[i].segment == function >> 16) {
            *unit = i;
            found = true;
        }
    }
    *assumed = !named;
    return found;
}
