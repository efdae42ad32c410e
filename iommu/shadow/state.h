/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of shadows share. */
#ifndef NESTOR_IOMMU_SHADOW_STATE_H
#define NESTOR_IOMMU_SHADOW_STATE_H

#include "iommu/shadow/shadow.h"
#include "iommu/spec/entries.h"

struct shadow {
    struct shadow *next;
    struct domain *domain;
    gpa_t root;
    u32 levels;
    u64 limit;       /* the first input address that is too large */
    u32 users;
    u32 serial;      /* never given twice */
    u32 charged;     /* pages of shadow_memory */
    u32 missing;     /* tables that found no room in the pass under way */
    bool told;       /* one line a table */
    u64 changed_from, changed_end; /* what may be cached as it was; empty when they are equal */
};

/* --- memory.c: pages of shadow_memory --- */

/* As many of `count` as the shadow may have. */
u32 shadow_memory_take(struct shadow_set *set, struct shadow *s, u32 count);
void shadow_memory_give(struct shadow_set *set, struct shadow *s, u32 count);
/* Once nothing is retired any more: what the tables have is what they pay for. */
void shadow_memory_settle(struct shadow_set *set, struct shadow *s);

/* --- entry.c: the guest's entries, and what they become --- */

enum shadow_kind { SHADOW_HOLE, SHADOW_RESERVED, SHADOW_TABLE, SHADOW_LEAF };

enum { SHADOW_ACCESS = FIELD_MASK(SS_R) | FIELD_MASK(SS_W) };

static inline u64 shadow_span(u32 level)
{
    return 1ull << ss_level_shift(level);
}

/* Bits of the input addresses that a table of so many levels translates. */
static inline u32 shadow_width(const struct shadow_set *set, u32 levels)
{
    return least(ss_level_shift(levels + 1), set->config.mgaw);
}

static inline void shadow_spend(u32 *budget, u32 steps)
{
    *budget -= least(*budget, steps);
}

static inline u32 shadow_index(u64 addr, u32 level)
{
    return (u32)(addr >> ss_level_shift(level)) % SS_ENTRIES;
}

/* VT-d 9.8: an entry that gives nothing is not looked at any further. */
static inline enum shadow_kind shadow_kind(const struct shadow_set *set, u64 entry, u32 level)
{
    if ((entry & SHADOW_ACCESS) == 0) {
        return SHADOW_HOLE;
    }
    if (level > 1 && (entry & FIELD_MASK(SS_PS)) == 0) {
        return (entry & set->reserved_table) != 0 ? SHADOW_RESERVED : SHADOW_TABLE;
    }
    return (entry & set->reserved[level]) != 0 ? SHADOW_RESERVED : SHADOW_LEAF;
}

void shadow_entry_init(struct shadow_set *set);
/* Where the parent had nothing it may have something by now; what it took away is told by shadow_follow(). */
void shadow_entry_begin(struct shadow_set *set);
/* Fills the window that holds gpa. */
void shadow_look(struct shadow_set *set, u64 gpa);
/*
 * What a leaf of the guest's amounts to, with the access that the entries above it give: a leaf, or 0. False: it is not
 * mapped in one piece, so only smaller pages will do.
 */
bool shadow_compose(struct shadow_set *set, u64 entry, u32 level, u64 access, u64 *out);
/* The same for any entry, in place. False: it leads to a table or takes smaller pages. */
bool shadow_compose_one(struct shadow_set *set, u64 *entry, u32 level, u64 access);
/* The same for entries of one table, in place, up to the first that does not. How many. */
u32 shadow_compose_run(struct shadow_set *set, u64 *entries, u32 level, u32 count, u64 access);
/* Piece i of a leaf, as an entry one level below. */
u64 shadow_piece(u64 leaf, u32 level, u32 i);

/* --- sync.c; see also shadow.h --- */

/* Takes out some of what is there from `at` on; how far that came, up to s->limit. */
u64 shadow_empty(struct shadow_set *set, struct shadow *s, u64 at, u32 *budget);

#endif
