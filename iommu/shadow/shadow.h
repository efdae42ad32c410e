/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows: a guest's own second-stage tables where its unit cannot nest. For each table that its context entries lead
 * to there is a host table: the guest's mapping composed with the partition's second stage, so that it gives what both
 * give. Devices walk that, second-stage-only, and never the guest's. The guest announces each change; then the part
 * that it announces is read again. All leaves are made here and none is copied; each of a guest's entries is read once.
 *
 * One shadow_set a guest unit; whoever calls holds the unit's lock.
 */
#ifndef NESTOR_IOMMU_SHADOW_SHADOW_H
#define NESTOR_IOMMU_SHADOW_SHADOW_H

#include "iommu/base/keymap.h"
#include "iommu/domain/domain.h"
#include "iommu/spec/faults.h"

/* Pages that the shadows of all units of a partition may take; each table at most half of them. */
struct shadow_memory {
    u32 pages, left;
};

/* What the guest's unit is, and where its guest's memory is. */
struct shadow_config {
    struct vtd_unit *unit;
    struct domain *parent;        /* the partition's second stage; need not be a nesting parent */
    struct shadow_memory *memory;
    bool (*read)(void *ctx, gpa_t gpa, void *buf, size_t len); /* false unless all of it is memory */
    void *ctx;
    u64 *scratch;                 /* a page */
    u32 partition;                /* for lines */
    u32 haw;                      /* that the guest was told: address bits above are reserved */
    u32 mgaw;                     /* bits of an input address */
    u64 page_sizes;               /* in bytes, or-ed */
    bool snoop;                   /* ECAP.SC: SNP is no reserved bit */
};

/* A part of the partition's addresses that the parent maps in one piece and one way, or (access 0) not at all. */
struct shadow_window {
    u64 gpa, size;
    u64 offset;                   /* to the host's addresses */
    u64 access;
};

struct shadow;

struct shadow_set {
    struct shadow_config config;
    bool write_buffer;            /* of the unit: stores have to be flushed out of it by hand (CAP.RWBF) */
    struct shadow *first;         /* all, the oldest first */
    struct shadow *kept;          /* the one that was asked for last, whoever uses it */
    struct shadow *dropped;       /* whose tables are to be given back */
    struct keymap ids;            /* by guest domain id: who uses what */
    u32 serial;
    struct shadow_window window;
    u32 followed;                 /* shadow_follow(): the last that is done, by serial; in the next one */
    u64 follow_at, follow_end;    /* this is read again now */
    u64 reserved[PTAB_MAX_LEVELS + 1], reserved_table; /* bits of a leaf of that level, and of what leads to a table */
};

void shadow_init(struct shadow_set *set, const struct shadow_config *config);
/* Gives back everything; no device uses any of it. */
void shadow_end(struct shadow_set *set);

/*
 * The shadow of a table of that many levels at root. Stays until another is asked for, or as long as it is used.
 * ERR_QUOTA, ERR_NO_MEMORY.
 */
must_use enum result shadow_get(struct shadow_set *set, gpa_t root, u32 levels, struct shadow **out);
/* Counts a user under a guest domain id. ERR_NO_MEMORY. */
must_use enum result shadow_take(struct shadow_set *set, struct shadow *s, u16 guest_did);
void shadow_give(struct shadow_set *set, struct shadow *s, u16 guest_did);
/* What is attached. */
struct domain *shadow_domain(const struct shadow *s);

/* The first shadow after one with that serial that is used under the guest domain id, or all; NULL. */
enum { SHADOW_ALL = 1 << 16 };
struct shadow *shadow_next(const struct shadow_set *set, u32 guest_did, u32 after, u32 *budget);
u32 shadow_serial(const struct shadow *s);

/*
 * Reads [*at, end) of the guest's table again, end 0: all of it, as far as *budget steps go; *at is where it goes on.
 * True when that is done: then what it took away still has to be invalidated. What had no room is not present.
 */
bool shadow_sync(struct shadow_set *set, struct shadow *s, u64 *at, u64 end, u32 *budget);
/*
 * What shadow_sync() changed has to leave the caches: *out does that, if it goes through the unit's queue before
 * anybody is told; !*any: nothing has to. ERR_BUSY: it takes more, and shadow_flush() has to do it.
 */
must_use enum result shadow_invalidate(struct shadow_set *set, struct shadow *s, struct vtd_desc *out, bool *any);
/* The same at once, and tables that were taken out are given back. */
must_use enum result shadow_flush(struct shadow_set *set, struct shadow *s);

/*
 * The parent took mappings away: what is no longer the composition of both goes, flushed. True when that is done; else
 * the budget ended, and it goes on, or begins anew with `again`.
 */
bool shadow_follow(struct shadow_set *set, bool again, u32 *budget);
/* Gives back shadows that nobody uses, the one asked for last included; false when the budget ended before. */
bool shadow_tidy(struct shadow_set *set, u32 *budget);

/* What a unit would say of a request that is refused, by a look at the guest's table now; NONE: it would not refuse. */
enum vtd_fault_reason shadow_judge(const struct shadow_set *set, gpa_t root, u32 levels, u64 addr, bool read,
                                   bool write);

#endif
