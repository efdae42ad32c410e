/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of a guest on a pair, with every structure between it and its page named, so that a
 * test can change one of them and compare how requests end.
 */
#ifndef NESTOR_GUEST_TABLES_H
#define NESTOR_GUEST_TABLES_H

#include "tests/support/guest_kit_pair.h"

enum { TABLES_SID = 0x0210, TABLES_PASID = 0x145, TABLES_DID = 0x21 };
#define TABLES_IOVA 0x7f12345000ull

/* The structures; *_RID are those of requests without PASID. FSn is the first-stage entry of level n. */
enum { ROOT, CONTEXT, DIR, ENTRY, DIR_RID, ENTRY_RID, FS4, FS3, FS2, FS1, PLACES };

struct place {
    const char *name;
    u64 at;     /* guest address of the entry */
    u32 words;
};

struct tables {
    struct pair p;
    struct place place[PLACES];
};

/* RID_PASID 0 and one more PASID, on one first stage (share) or on one each. */
void tables_build(struct tables *t, bool share);
/* Reads, writes and atomics with and without PASID, each compared, records and all. */
void tables_access(struct tables *t);
/* The test fails, with this name, if anything differed or leaked. */
void tables_finish(struct tables *t, const char *name);
/* A device, tables_access() and tables_finish() for each bit of the structure turned over. */
void tables_each_bit(u32 where);

#endif
