/* SPDX-License-Identifier: BSD-2-Clause */
/* See status_client.h. */
#include "boot/status_client.h"

#include "drivers/crc32.h"
#include "drivers/tsc.h"

enum { TRIES = 64, POLLS = 4096, NOTHING = 0xffffffff };

static u32 read_word(const struct status_client *c, u32 report, u32 offset)
{
    c->out((u16)(c->port + STATUS_SELECT), status_select(c->session, report, offset));
    return c->in((u16)(c->port + STATUS_DATA));
}

static void write_word(const struct status_client *c, u32 report, u32 offset, u32 value)
{
    c->out((u16)(c->port + STATUS_SELECT), status_select(c->session, report, offset));
    c->out((u16)(c->port + STATUS_DATA), value);
}

static bool same_arguments(const struct status_header *h, const u32 *argument)
{
    u32 i = 0;
    while (i < STATUS_ARGUMENTS && h->asked[i] == argument[i]) {
        i++;
    }
    return i == STATUS_ARGUMENTS;
}

/* The header alone says so: what follows it may still have to be read. */
static bool is_proper(const struct status_header *h, u32 report)
{
    return h->bytes >= sizeof(*h) && h->bytes <= STATUS_SNAPSHOT && h->bytes % 8 == 0 && h->report == report;
}

static bool is_whole(const struct status_client *c)
{
    const struct status_header *h = status_client_header(c);
    u32 covered = offsetof(struct status_header, bytes);
    return crc32_add(0, c->snapshot + covered, h->bytes - covered) == h->crc;
}

bool status_client_accept(const struct status_client *c, u32 report)
{
    return is_proper(status_client_header(c), report) && is_whole(c);
}

static bool try_once(struct status_client *c, u32 report, const u32 *argument)
{
    u32 *words = (u32 *)(void *)c->snapshot;
    struct status_header *h = (struct status_header *)(void *)c->snapshot;
    for (u32 i = 0; i < STATUS_ARGUMENTS; i++) {
        write_word(c, STATUS_ARGUMENT, i, argument[i]);
    }
    write_word(c, report, 0, 0);
    words[0] = STATUS_BUSY;
    for (u32 i = 0; i < POLLS && words[0] == STATUS_BUSY; i++) {
        words[0] = read_word(c, report, 0);
    }
    if (words[0] == STATUS_BUSY || words[0] == NOTHING) {
        return false;
    }
    for (u32 i = 1; i < sizeof(*h) / sizeof(u32); i++) {
        words[i] = read_word(c, report, i);
    }
    if (!is_proper(h, report) || !same_arguments(h, argument)) {
        return false;
    }
    for (u32 i = sizeof(*h) / sizeof(u32); i < h->bytes / sizeof(u32); i++) {
        words[i] = read_word(c, report, i);
    }
    return is_whole(c);
}

bool status_client_take(struct status_client *c, u32 report, const u32 argument[STATUS_ARGUMENTS])
{
    for (u32 i = 0; i < TRIES; i++) {
        if (try_once(c, report, argument)) {
            return true;
        }
        /* Which of the others is left to chance: two programs that go on in step would meet again and again. */
        c->session = (c->session + 1 + (u32)(tsc_read() >> 4) % (STATUS_SESSIONS - 1)) % STATUS_SESSIONS;
        c->torn++;
    }
    return false;
}

bool status_client_take_from(struct status_client *c, u32 report, u64 position)
{
    const u32 argument[STATUS_ARGUMENTS] = {[STATUS_ARGUMENT_LOW] = (u32)position,
                                            [STATUS_ARGUMENT_HIGH] = (u32)(position >> 32)};
    return status_client_take(c, report, argument);
}

const struct status_record *status_client_next(const struct status_client *c, const struct status_record *r)
{
    const u8 *end = c->snapshot + status_client_header(c)->bytes;
    const u8 *at = r == NULL ? c->snapshot + sizeof(struct status_header) : (const u8 *)(r + 1) + r->bytes;
    size_t left = (size_t)(end - at);
    const struct status_record *next = (const struct status_record *)(const void *)at;
    return left >= sizeof(*next) && next->bytes % 8 == 0 && next->bytes <= left - sizeof(*next) ? next : NULL;
}

void status_client_copy(const struct status_record *r, void *to, size_t bytes)
{
    const u8 *from = (const u8 *)(r + 1);
    u8 *at = to;
    for (size_t i = 0; i < bytes; i++) {
        at[i] = i < r->bytes ? from[i] : 0;
    }
}
