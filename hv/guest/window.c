/* SPDX-License-Identifier: BSD-2-Clause */
/* See window.h. Nobody waits: a session that another CPU is at reads ones, and what is written there is dropped. */
#include "hv/guest/window.h"

#include "drivers/crc32.h"

enum { NOTHING = 0xffffffff };

static bool enter(struct window_session *s)
{
    return __atomic_exchange_n(&s->busy, 1, __ATOMIC_ACQUIRE) == 0;
}

static void leave(struct window_session *s)
{
    __atomic_store_n(&s->busy, 0, __ATOMIC_RELEASE);
}

void *window_record(struct window_session *s, u32 type, u32 bytes)
{
    struct status_record *r = (struct status_record *)(void *)(s->buffer + s->used);
    if (bytes > STATUS_SNAPSHOT - sizeof(*r) || s->used > STATUS_SNAPSHOT - sizeof(*r) - bytes) {
        return NULL;
    }
    *r = (struct status_record){.type = type, .bytes = bytes};
    u64 *words = (u64 *)(void *)(r + 1);
    for (u32 i = 0; i < bytes / sizeof(u64); i++) {
        words[i] = 0;
    }
    s->used += (u32)sizeof(*r) + bytes;
    return words;
}

/* A header that is not complete yet; its first double word is what the guest reads last. */
static struct status_header *header(const struct window_session *s)
{
    return (struct status_header *)(void *)s->buffer;
}

static void begin(struct window *w, struct window_session *s, u32 report)
{
    s->report = report;
    s->generation = s->generation + 1 < NOTHING ? s->generation + 1 : STATUS_BUSY + 1;
    s->used = sizeof(struct status_header);
    s->filled = s->ready = false;
    s->position = s->next = 0;
    s->stage = 0;
    *header(s) = (struct status_header){.report = report, .tsc = w->now()};
    for (u32 i = 0; i < STATUS_ARGUMENTS; i++) {
        s->asked[i] = s->argument[i];
        header(s)->asked[i] = s->asked[i];
    }
}

static void sum(struct window_session *s)
{
    u32 left = s->used - s->summed;
    u32 now = left < WINDOW_SUMMED ? left : WINDOW_SUMMED;
    s->crc = crc32_add(s->crc, s->buffer + s->summed, now);
    s->summed += now;
    if (s->summed == s->used) {
        header(s)->crc = s->crc;
        header(s)->generation = s->generation;
        s->ready = true;
    }
}

/* As much as an access may do: parts of the report, or of its CRC. */
static void go_on(struct window *w, struct window_session *s, void *ctx)
{
    if (s->filled) {
        sum(s);
        return;
    }
    for (u32 i = 0; i < WINDOW_PARTS && !s->filled; i++) {
        s->filled = w->report(ctx, s);
    }
    if (s->filled) {
        header(s)->bytes = s->used;
        header(s)->next = s->next;
        s->summed = offsetof(struct status_header, bytes);
        s->crc = 0;
    }
}

static u32 read_data(struct window *w, struct window_session *s, u32 select, void *ctx)
{
    u32 at = status_offset(select);
    if (s->report == STATUS_ARGUMENT || s->report != status_report(select)) {
        return NOTHING;
    }
    if (!s->ready) {
        if (at == 0) {
            go_on(w, s, ctx);
        }
        return at == 0 ? (u32)STATUS_BUSY : (u32)NOTHING;
    }
    return at < s->used / sizeof(u32) ? ((const u32 *)(const void *)s->buffer)[at] : (u32)NOTHING;
}

u32 window_read(struct window *w, const u32 *select, u32 port, void *ctx)
{
    if (port == STATUS_SELECT) {
        return *select;
    }
    struct window_session *s = &w->sessions[status_session(*select)];
    if (!enter(s)) {
        return NOTHING;
    }
    u32 value = read_data(w, s, *select, ctx);
    leave(s);
    return value;
}

static void write_data(struct window *w, struct window_session *s, u32 select, u32 value, void *ctx)
{
    u32 report = status_report(select);
    if (report == STATUS_ARGUMENT && status_offset(select) < STATUS_ARGUMENTS) {
        s->argument[status_offset(select)] = value;
    } else if (report != STATUS_ARGUMENT && report < STATUS_REPORTS) {
        begin(w, s, report);
        go_on(w, s, ctx);
    }
}

void window_write(struct window *w, u32 *select, u32 port, u32 value, void *ctx)
{
    if (port == STATUS_SELECT) {
        *select = value;
        return;
    }
    struct window_session *s = &w->sessions[status_session(*select)];
    if (enter(s)) {
        write_data(w, s, *select, value, ctx);
        leave(s);
    }
}
