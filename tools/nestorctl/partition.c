/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions beside the root: what they are, what they print, and what they are told. */
#include "tools/nestorctl/partition.h"

#include "tools/nestorctl/words.h"

enum { FOLLOW_MS = 500, AGAIN_MS = 50, TRIES = 40, RETURN = '\r' };

/* --- status --- */

void partition_read_life(const struct status_record *r, struct status_life *life)
{
    status_client_copy(r, life, sizeof(*life));
    life->name[STATUS_NAME - 1] = life->reason[STATUS_REASON - 1] = '\0';
}

const char *partition_state(const struct status_life *life)
{
    static const char *const states[] = {"unknown", "runs", "waits for its CPUs", "stopped"};
    return life->state < ARRAY_LEN(states) ? states[life->state] : states[0];
}

void partition_show_life(struct ctl *c, const struct status_record *r)
{
    struct status_life life;
    struct out *o = &c->out;
    partition_read_life(r, &life);
    out_begin_numbered(o, "partition", life.id);
    out_text(o, "name", "%s", life.name);
    out_text(o, "state", "%s", partition_state(&life));
    out_number(o, "cpus", life.cpus);
    out_number(o, "memory_mib", life.memory >> 20);
    out_number(o, "starts", life.starts);
    out_number(o, "ends", life.ends);
    if (life.reason[0] != '\0') {
        out_text(o, "last_end", "%s", life.reason);
    }
    if (life.restarts == ~0u) {
        out_text(o, "restarts", "%s", "always");
    } else {
        out_number(o, "restarts", life.restarts);
    }
    out_flag(o, "starts_later", (life.flags & STATUS_LIFE_LATER) != 0);
    out_flag(o, "console_readable", (life.flags & STATUS_LIFE_CONSOLE) != 0);
    out_flag(o, "controlled", (life.flags & STATUS_LIFE_CONTROLLED) != 0);
    out_end(o);
}

void partition_show_function(struct ctl *c, const struct status_record *r)
{
    struct status_function f;
    char text[16];
    status_client_copy(r, &f, sizeof(f));
    words_function(f.segment << 16 | (f.sid & 0xffff), text);
    out_begin(&c->out, c->out.json ? "" : text, false);
    if (c->out.json) {
        out_text(&c->out, "function", "%s", text);
    }
    out_number(&c->out, "partition", f.partition);
    out_end(&c->out);
}

/* --- one by its name --- */

struct search {
    const char *name;
    struct status_life life;    /* id 0: it was not found */
};

static void look(struct ctl *c, const struct status_record *r, void *to)
{
    struct search *s = to;
    struct status_life life;
    (void)c;
    if (r->type == STATUS_LIFE) {
        partition_read_life(r, &life);
        s->life = words_equal(life.name, s->name) ? life : s->life;
    }
}

static enum ctl_status find(struct ctl *c, const char *name, u32 flag, struct status_life *life)
{
    struct search s = {.name = name};
    enum ctl_status r = ctl_each(c, STATUS_REPORT_PARTITION, look, &s);
    if (r != CTL_OK) {
        return r;
    }
    *life = s.life;
    return life->id == 0 ? CTL_NO_PARTITION : (life->flags & flag) == 0 ? CTL_REFUSED : CTL_OK;
}

/* --- console --- */

struct reading {
    u64 at;
    bool any;
};

static void visit_console(struct ctl *c, const struct status_record *r, void *to)
{
    struct reading *reading = to;
    if (r->type == STATUS_CONSOLE) {
        u64 before = reading->at;
        ctl_show_log(c, r, &reading->at);
        reading->any = reading->any || reading->at != before;
    }
}

/* All that is there now. */
static enum ctl_status read_console(struct ctl *c, u32 id, struct reading *reading)
{
    do {
        reading->any = false;
        if (!status_client_take_from(&c->client, STATUS_REPORT_CONSOLE, status_console(id, reading->at))) {
            return CTL_SILENT;
        }
        ctl_visit_all(c, visit_console, reading);
    } while (reading->any);
    return CTL_OK;
}

enum ctl_status ctl_console(struct ctl *c, const char *name, bool follow)
{
    struct status_life life;
    struct reading reading = {.at = 0};
    enum ctl_status s = find(c, name, STATUS_LIFE_CONSOLE, &life);
    if (s != CTL_OK) {
        return s;
    }
    out_begin(&c->out, "", false);
    out_begin(&c->out, c->out.json ? "console" : "", true);
    s = read_console(c, life.id, &reading);
    while (follow && s == CTL_OK) {
        platform_wait_ms(FOLLOW_MS);
        s = read_console(c, life.id, &reading);
    }
    out_end(&c->out);
    out_end(&c->out);
    return s;
}

/* --- control --- */

static void visit_result(struct ctl *c, const struct status_record *r, void *to)
{
    struct status_result result;
    u32 *outcome = to;
    (void)c;
    if (r->type == STATUS_RESULT) {
        status_client_copy(r, &result, sizeof(result));
        *outcome = result.outcome;
    }
}

/*
 * False: no answer. A snapshot that had to be taken again may have done it the first time; then it is not any more as
 * it was seen.
 */
static bool ask(struct ctl *c, const u32 argument[STATUS_ARGUMENTS], u32 *outcome)
{
    u32 torn = c->client.torn;
    *outcome = STATUS_CONTROL_UNKNOWN;
    if (!status_client_take(&c->client, STATUS_REPORT_CONTROL, argument)) {
        return false;
    }
    ctl_visit_all(c, visit_result, outcome);
    if (torn != c->client.torn && *outcome == STATUS_CONTROL_STALE) {
        *outcome = STATUS_CONTROL_DONE;
    }
    return true;
}

static enum ctl_status show_done(struct ctl *c, const char *name, const char *what)
{
    out_begin(&c->out, "", false);
    out_text(&c->out, "partition", "%s", name);
    out_text(&c->out, "done", "%s", what);
    out_end(&c->out);
    return CTL_OK;
}

/* Tried again where it is too soon, or where the partition has just ended or begun by itself. */
enum ctl_status ctl_control(struct ctl *c, const char *name, const char *what, enum status_control control)
{
    for (u32 i = 0; i < TRIES; i++) {
        struct status_life life;
        u32 outcome;
        enum ctl_status s = find(c, name, STATUS_LIFE_CONTROLLED, &life);
        const u32 argument[STATUS_ARGUMENTS] = {control, life.id, life.starts + life.ends};
        if (s != CTL_OK) {
            return s;
        }
        if (!ask(c, argument, &outcome)) {
            return CTL_SILENT;
        }
        if (outcome == STATUS_CONTROL_DONE) {
            return show_done(c, name, what);
        }
        if (outcome == STATUS_CONTROL_REFUSED || outcome == STATUS_CONTROL_UNKNOWN) {
            return CTL_REFUSED;
        }
        if (outcome == STATUS_CONTROL_NOT_NOW) {
            return CTL_NOT_NOW;
        }
        platform_wait_ms(AGAIN_MS);
    }
    return CTL_NOT_NOW;
}

static enum ctl_status type_character(struct ctl *c, const struct status_life *life, u32 seen, char character)
{
    const u32 argument[STATUS_ARGUMENTS] = {STATUS_CONTROL_INPUT, life->id, seen, (u8)character};
    for (u32 i = 0; i < TRIES; i++) {
        u32 outcome;
        if (!ask(c, argument, &outcome)) {
            return CTL_SILENT;
        }
        if (outcome != STATUS_CONTROL_NOT_NOW) {
            return outcome == STATUS_CONTROL_DONE ? CTL_OK : CTL_REFUSED;
        }
        platform_wait_ms(AGAIN_MS);
    }
    return CTL_NOT_NOW;
}

enum ctl_status ctl_type(struct ctl *c, const char *name, const char *text)
{
    struct status_life life;
    enum ctl_status s = find(c, name, STATUS_LIFE_CONTROLLED, &life);
    u32 sent = 0;
    for (bool more = true; s == CTL_OK && more; sent++) {
        more = text[sent] != '\0';
        s = type_character(c, &life, life.input + sent, more ? text[sent] : RETURN);
    }
    return s == CTL_OK ? show_done(c, name, "type") : s;
}
