/* SPDX-License-Identifier: BSD-2-Clause */
/* report: everything but the guest's own addresses in one file, for somebody else to read. */
#include "tools/nestorctl/ctl.h"

static enum ctl_status part(struct ctl *c, const char *name, enum ctl_status (*command)(struct ctl *c))
{
    if (!c->out.json) {
        out_raw(&c->out, "\n=== %s ===\n", name);
        return command(c);
    }
    /* Each command prints a whole object: here it is the value of a key. */
    out_raw(&c->out, "%s\"%s\": ", name[0] == 's' ? "{" : ",\n", name);
    return command(c);
}

static enum ctl_status whole_log(struct ctl *c)
{
    return ctl_log(c, false, false);
}

static enum ctl_status previous(struct ctl *c)
{
    return ctl_log(c, false, true);
}

enum ctl_status ctl_report(struct ctl *c, bool with_entries)
{
    enum ctl_status s = part(c, "status", ctl_status);
    s = s == CTL_OK ? part(c, "exits", ctl_exits) : s;
    s = s == CTL_OK ? part(c, "counters", ctl_counters) : s;
    if (with_entries) {
        s = s == CTL_OK ? part(c, "devices", ctl_devices) : s;
    }
    s = s == CTL_OK ? part(c, "log", whole_log) : s;
    s = s == CTL_OK ? part(c, "previous", previous) : s;
    if (c->out.json) {
        out_raw(&c->out, "}\n");
    }
    return s;
}
