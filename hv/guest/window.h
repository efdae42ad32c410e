/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status window as a device: select registers, sessions, snapshots (hv/guest/status.h). Pure; what the reports say
 * comes from the caller, a part at a time.
 */
#ifndef NESTOR_HV_GUEST_WINDOW_H
#define NESTOR_HV_GUEST_WINDOW_H

#include "hv/guest/status.h"

enum {
    WINDOW_PARTS = 8,         /* of a report, of at most 10,000 instructions each, in one access */
    WINDOW_SUMMED = 2048,     /* bytes whose CRC is taken in one access */
};

struct window_session {
    u32 busy;                 /* a CPU is at it; another reads ones */
    u32 generation, report;   /* report 0: nothing was asked for yet */
    u32 argument[STATUS_ARGUMENTS];
    u32 asked[STATUS_ARGUMENTS]; /* the arguments as the snapshot was begun */
    u32 used, summed, crc;
    bool filled, ready;
    u64 position;             /* the reporter's own: 64 bits of where it is, */
    u32 stage;                /* and in which part */
    u64 next;                 /* for the header */
    u8 *buffer;               /* STATUS_SNAPSHOT bytes */
};

struct window {
    struct window_session sessions[STATUS_SESSIONS];
    /* Does a part of the session's report; true when that was the last one. */
    bool (*report)(void *ctx, struct window_session *s);
    u64 (*now)(void);
};

/* select: the CPU's own. ctx: for report(). A write that begins something does its first parts. */
void window_write(struct window *w, u32 *select, u32 port, u32 value, void *ctx);
u32 window_read(struct window *w, const u32 *select, u32 port, void *ctx);

/* For report(): room for a record, to be filled in whole; NULL, and `next` should be set: the snapshot is full. */
void *window_record(struct window_session *s, u32 type, u32 bytes);

/* The 64 bits of the first two arguments. */
static inline u64 window_asked(const struct window_session *s)
{
    return (u64)s->asked[STATUS_ARGUMENT_HIGH] << 32 | s->asked[STATUS_ARGUMENT_LOW];
}

#endif
