/* SPDX-License-Identifier: BSD-2-Clause */
/* See devices.h; and the command. */
#include "tools/nestorctl/devices.h"

#include "tools/nestorctl/words.h"

enum { RECORDS = 4096, NAME = 96 };

static struct {
    struct status_device list[RECORDS];
    u32 count;
    struct status_device defaults[CTL_UNITS];
    u32 default_count;
} known;

static void collect(struct ctl *c, const struct status_record *r, void *to)
{
    (void)c, (void)to;
    if (r->type == STATUS_DEVICE && known.count < RECORDS) {
        status_client_copy(r, &known.list[known.count++], sizeof(known.list[0]));
    } else if (r->type == STATUS_DEFAULT && known.default_count < CTL_UNITS) {
        status_client_copy(r, &known.defaults[known.default_count++], sizeof(known.defaults[0]));
    }
}

enum ctl_status devices_read(struct ctl *c)
{
    known.count = known.default_count = 0;
    enum ctl_status s = ctl_read_units(c);
    return s == CTL_OK ? ctl_each(c, STATUS_REPORT_DEVICES, collect, NULL) : s;
}

u32 devices_defaults(const struct status_device **first)
{
    *first = known.defaults;
    return known.default_count;
}

static const struct status_device *find(u32 unit, u32 sid)
{
    u32 i = 0;
    while (i < known.count && (known.list[i].unit != unit || known.list[i].sid != sid)) {
        i++;
    }
    return i < known.count ? &known.list[i] : NULL;
}

void devices_each(struct ctl *c, void (*visit)(struct ctl *c, const struct device *d, void *to), void *to)
{
    struct device d;
    for (d.function = 0; platform_next_function(&d.function); d.function++) {
        u32 unit;
        if (ctl_unit_of(c, d.function, &unit, &d.assumed) && unit < known.default_count) {
            d.state = find(unit, d.function & 0xffff);
            d.listed = d.state != NULL;
            d.state = d.listed ? d.state : &known.defaults[unit];
            visit(c, &d, to);
        }
    }
    for (u32 i = 0; i < known.count; i++) {
        d = (struct device){.function = c->units[known.list[i].unit % CTL_UNITS].segment << 16 | known.list[i].sid,
                            .state = &known.list[i], .listed = true};
        u32 found = d.function;
        if (!platform_next_function(&found) || found != d.function) {
            visit(c, &d, to);
        }
    }
}

const char *devices_state(const struct ctl *c, const struct status_device *d)
{
    return words_device_state(d, d->unit < CTL_UNITS ? c->units[d->unit].second_stage : 0);
}

static void show(struct ctl *c, const struct device *d, void *to)
{
    struct out *o = &c->out;
    char name[NAME];
    char head[16];
    (void)to;
    words_function(d->function, head);
    out_begin(o, head, false);
    if (o->json) {
        out_text(o, "function", "%s", head);
    }
    out_number(o, "unit", d->state->unit);
    if (d->assumed) {
        out_flag(o, "unit_assumed", true);
    }
    out_text(o, "state", "%s", devices_state(c, d->state));
    if (d->listed) {
        out_number(o, "faults", d->state->faults);
    }
    words_entry(o, d->state);
    platform_function_name(d->function, name, sizeof(name));
    if (name[0] != '\0') {
        out_text(o, "name", "%s", name);
    }
    out_end(o);
}

enum ctl_status ctl_devices(struct ctl *c)
{
    enum ctl_status s = devices_read(c);
    out_begin(&c->out, "", false);
    out_begin(&c->out, c->out.json ? "default" : "", true);
    for (u32 i = 0; s == CTL_OK && i < known.default_count; i++) {
        out_begin(&c->out, "all other devices", false);
        out_number(&c->out, "unit", i);
        out_text(&c->out, "state", "%s", devices_state(c, &known.defaults[i]));
        words_entry(&c->out, &known.defaults[i]);
        out_end(&c->out);
    }
    out_end(&c->out);
    out_begin(&c->out, c->out.json ? "devices" : "", true);
    if (s == CTL_OK) {
        devices_each(c, show, NULL);
    }
    out_end(&c->out);
    out_end(&c->out);
    return s;
}
