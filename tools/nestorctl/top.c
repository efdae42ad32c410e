/* SPDX-License-Identifier: BSD-2-Clause */
/* top: exits a second by reason, of all CPUs that are shown, until somebody ends it. */
#include "hv/vmx/reason.h"
#include "tools/nestorctl/ctl.h"

enum { TOP_CPUS = 256 };

static struct {
    u64 exits[TOP_CPUS][REASON_LIMIT];
    u32 cpus;
} now_seen, seen_before;

static void note_exits(struct ctl *c, const struct status_record *r, void *to)
{
    struct { struct status_exits head; u64 exits[REASON_LIMIT]; } e;
    (void)c, (void)to;
    if (r->type != STATUS_EXITS) {
        return;
    }
    status_client_copy(r, &e, sizeof(e));
    for (u32 i = 0; e.head.cpu < TOP_CPUS && i < REASON_LIMIT; i++) {
        now_seen.exits[e.head.cpu][i] = e.exits[i];
    }
    now_seen.cpus = e.head.cpu + 1 > now_seen.cpus && e.head.cpu < TOP_CPUS ? e.head.cpu + 1 : now_seen.cpus;
}

static void show_rates(struct ctl *c, u64 us)
{
    for (u32 i = 0; i < REASON_LIMIT; i++) {
        u64 total = 0;
        u64 new = 0;
        for (u32 k = 0; k < now_seen.cpus; k++) {
            total += now_seen.exits[k][i];
            new += now_seen.exits[k][i] - seen_before.exits[k][i];
        }
        if (total != 0 && c->out.json) {
            out_begin(&c->out, "", false);
            out_text(&c->out, "exit", "%s", vmx_reason_texts[i]);
            out_number(&c->out, "total", total);
            out_number(&c->out, "per_second", new * 1000000 / us);
            out_end(&c->out);
        } else if (total != 0) {
            out_raw(&c->out, "%-40s %14llu %12llu/s\n", vmx_reason_texts[i], total, new * 1000000 / us);
        }
    }
}

static void note_clock(struct ctl *c, const struct status_record *r, void *to)
{
    struct status_version v;
    u64 *khz = to;
    (void)c;
    if (r->type == STATUS_VERSION) {
        status_client_copy(r, &v, sizeof(v));
        *khz = v.tsc_khz;
    }
}

enum ctl_status ctl_top(struct ctl *c, u32 times)
{
    enum { EVERY_MS = 1000 };
    u64 khz = 1;
    enum ctl_status s = ctl_each(c, STATUS_REPORT_MACHINE, note_clock, &khz);
    s = s == CTL_OK ? ctl_each(c, STATUS_REPORT_EXITS, note_exits, NULL) : s;
    u64 last = status_client_header(&c->client)->tsc;
    out_begin(&c->out, "", false);
    out_begin(&c->out, c->out.json ? "top" : "", true);
    for (u32 i = 0; s == CTL_OK && (times == 0 || i < times); i++) {
        seen_before = now_seen;
        platform_wait_ms(EVERY_MS);
        s = ctl_each(c, STATUS_REPORT_EXITS, note_exits, NULL);
        u64 us = (status_client_header(&c->client)->tsc - last) * 1000 / (khz != 0 ? khz : 1);
        last = status_client_header(&c->client)->tsc;
        if (!c->out.json) {
            out_raw(&c->out, "%s%-40s %14s %14s\n", times == 1 ? "" : "\033[H\033[J", "exits", "in all", "now");
        }
        show_rates(c, us != 0 ? us : 1);
    }
    out_end(&c->out);
    out_end(&c->out);
    return s;
}
