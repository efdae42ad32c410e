/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader's side of the status window (hv/guest/status.h): a snapshot is taken, read and checked, and taken again if
 * somebody else was at it.
 */
#ifndef NESTOR_BOOT_STATUS_CLIENT_H
#define NESTOR_BOOT_STATUS_CLIENT_H

#include "hv/guest/status.h"

struct status_client {
    u32 (*in)(u16 port);
    void (*out)(u16 port, u32 value);
    u16 port;
    u32 session;        /* where to begin; moves on when another program is at it */
    u32 torn;           /* snapshots that were taken again */
    _Alignas(8) u8 snapshot[STATUS_SNAPSHOT];
};

/* False: the window did not answer, or somebody else was at it each time. */
bool status_client_take(struct status_client *c, u32 report, const u32 argument[STATUS_ARGUMENTS]);
/* The same from a position that an earlier one ended at. */
bool status_client_take_from(struct status_client *c, u32 report, u64 position);

/* c->snapshot came from elsewhere: is it a whole one of that report? */
bool status_client_accept(const struct status_client *c, u32 report);

static inline const struct status_header *status_client_header(const struct status_client *c)
{
    return (const struct status_header *)(const void *)c->snapshot;
}

/* The record behind r, NULL for the first; NULL: there are no more. */
const struct status_record *status_client_next(const struct status_client *c, const struct status_record *r);

/* What a record says, as far as it goes: at most `bytes` of it, zeros behind its end. */
void status_client_copy(const struct status_record *r, void *to, size_t bytes);

#endif
