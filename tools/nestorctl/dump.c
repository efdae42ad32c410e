/* SPDX-License-Identifier: BSD-2-Clause */
/* dump: the path of one DMA, entry by entry. */
#include "drivers/format.h"
#include "tools/nestorctl/ctl.h"
#include "tools/nestorctl/words.h"

enum { FIELDS = 320 };

static void show_step(struct out *o, const struct status_step_record *s, bool legacy)
{
    static const u32 words[] = {2, 4, 1, 8, 1, 1};
    char text[FIELDS];
    char name[8];
    bool levels = s->kind == STATUS_STEP_FIRST_STAGE || s->kind == STATUS_STEP_SECOND_STAGE;
    out_begin(o, words_step(s->kind), false);
    if (o->json) {
        out_text(o, "step", "%s", words_step(s->kind));
    }
    if (levels) {
        out_number(o, "level", s->level);
        out_hex(o, "translates", s->input);
    }
    out_hex(o, s->kind == STATUS_STEP_FIRST_STAGE ? "guest_address" : "at", s->at);
    for (u32 i = 0; s->kind < ARRAY_LEN(words) && i < words[s->kind]; i++) {
        (void)format_text(name, sizeof(name), words[s->kind] == 1 ? "entry" : "w%u", i);
        out_hex(o, name, s->w[i]);
    }
    words_step_fields(s, legacy, text, sizeof(text));
    out_text(o, "fields", "%s", text);
    out_end(o);
}

static void show(struct ctl *c, const struct status_record *r, bool *legacy)
{
    union {
        struct status_request request;
        struct status_step_record step;
        struct status_end end;
    } u;
    status_client_copy(r, &u, sizeof(u));
    if (r->type == STATUS_REQUEST) {
        *legacy = u.request.legacy != 0;
        out_begin(&c->out, "request", false);
        out_number(&c->out, "unit", u.request.unit);
        if (u.request.pasid != 0xffffffff) {
            out_number(&c->out, "pasid", u.request.pasid);
        }
        out_hex(&c->out, "address", u.request.address);
        out_end(&c->out);
    } else if (r->type == STATUS_STEP) {
        show_step(&c->out, &u.step, *legacy);
    } else if (r->type == STATUS_END) {
        out_begin(&c->out, "result", false);
        out_text(&c->out, "outcome", "%s", words_outcome(u.end.outcome));
        out_hex(&c->out, u.end.outcome == STATUS_OUTCOME_ADDRESS ? "host_address" : "address", u.end.address);
        out_end(&c->out);
    }
}

bool ctl_dump_argument(struct ctl *c, const struct ctl_dump *dump, u32 argument[STATUS_ARGUMENTS], bool *assumed)
{
    u32 unit;
    bool known = ctl_unit_of(c, dump->function, &unit, assumed);
    if (known) {
        argument[STATUS_DUMP_SOURCE] = status_source(unit, (u16)dump->function);
        argument[STATUS_DUMP_PASID] = dump->pasid;
        argument[STATUS_DUMP_LOW] = (u32)dump->address;
        argument[STATUS_DUMP_HIGH] = (u32)(dump->address >> 32);
    }
    return known;
}

enum ctl_status ctl_dump(struct ctl *c, const struct ctl_dump *dump)
{
    u32 argument[STATUS_ARGUMENTS];
    bool assumed;
    bool legacy = false;
    if (!ctl_dump_argument(c, dump, argument, &assumed) ||
        !status_client_take(&c->client, STATUS_REPORT_DUMP, argument)) {
        return CTL_SILENT;
    }
    out_begin(&c->out, "", false);
    if (assumed) {
        out_flag(&c->out, "unit_assumed", true);
    }
    out_begin(&c->out, c->out.json ? "steps" : "", true);
    for (const struct status_record *r = NULL; (r = status_client_next(&c->client, r)) != NULL;) {
        show(c, r, &legacy);
    }
    out_end(&c->out);
    out_end(&c->out);
    return CTL_OK;
}
