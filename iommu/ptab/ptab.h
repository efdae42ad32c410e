/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: pages of 512 entries, three to five levels, leaves of 4 KiB, 2 MiB or
 * 1 GiB. One walker; what the bits of an entry mean is a struct ptab_format.
 *
 *        56      48 47      39 38      30 29      21 20      12 11          0
 *        [ level 5 ][ level 4 ][ level 3 ][ level 2 ][ level 1 ][ byte in page ]
 *                               1 GiB leaf  2 MiB leaf  4 KiB leaf
 *
 * Diverging roots: with a second root, the tree of the first is shown again with every
 * read-only leaf left out. The two share each table that has no read-only leaf below it;
 * else the second has a twin of that table. So entry i of a table and of its twin are:
 * the same hole or leaf; a read-only leaf and a hole; the same table; a table and its twin.
 *
 * No table but a root is empty, and the entry that points to one says how many of its entries are used, in bits that
 * hardware ignores.
 *
 * Hardware that walks fewer levels can begin at the table that the first entry leads to, and so sees the addresses that
 * it has. Those tables are roots, too, from ptab_pin() on: they stay when they are empty, and each tree has its own.
 *
 * Nothing here locks or invalidates. A table taken out of a tree keeps its contents until
 * ptab_free_retired(): hardware may walk it until it is told not to.
 */
#ifndef NESTOR_IOMMU_PTAB_PTAB_H
#define NESTOR_IOMMU_PTAB_PTAB_H

#include "iommu/port.h"

enum { PTAB_ENTRIES = 512, PTAB_MAX_LEVELS = 5, PTAB_MIN_LEVELS = 3 };

struct ptab_format {
    u64 permission; /* bits that hold only if every level has them; a hole is 0, nothing else */
    u64 write;      /* a leaf without it is read-only */
    u64 large;      /* set in a leaf above level 1, in no entry that points to a table */
    u64 address;
    u64 table;      /* what an entry that points to a table says besides its address */
};

struct ptab {
    const struct ptab_format *format;
    hpa_t root, second_root; /* equal unless the roots diverge */
    u64 *root_table;
    u64 *pinned[PTAB_MAX_LEVELS - PTAB_MIN_LEVELS]; /* first entries that lead to roots of fewer levels */
    u64 limit;               /* the first input address that is too large */
    u32 levels;
    u32 leaf_level;          /* the highest level that may hold leaves, 1 to 3 */
    u32 tables;              /* pages in both trees */
    bool coherent;           /* hardware sees stores without a flush of their lines */
    u64 last_region;         /* a GiB, by its number, or none; its tables of level 2 */
    u64 *last_table, *last_twin;
    hpa_t retired;           /* first of the tables taken out and not given back; 0: none */
};

struct ptab_leaf {
    u64 addr, size;  /* input addresses, aligned to size */
    u64 entry;       /* permission bits are those of the whole walk */
    hpa_t out;
};

static inline u64 ptab_span(u32 level)
{
    return 1ull << ((3 + 9 * level) & 63); /* what the CPU makes of a count anyway */
}

/* page_sizes: 4 KiB alone, or with 2 MiB, or with both larger ones; else ERR_INVALID. */
must_use enum result ptab_create(struct ptab *pt, const struct ptab_format *format, u32 levels,
                                 u64 page_sizes, bool coherent, bool diverge);
/* While all is empty: from now on there is a root for a walk of each number of levels down to that one. */
must_use enum result ptab_pin(struct ptab *pt, u32 levels);
/* Where a walk of so many levels begins, of root or second_root. */
hpa_t ptab_root(const struct ptab *pt, hpa_t root, u32 levels);
/* Frees everything at once: no hardware walks the tables any more. */
void ptab_destroy(struct ptab *pt);

/*
 * Changes of [addr, addr + size), whole 4 KiB pages inside the input width (else
 * ERR_INVALID). ERR_NO_MEMORY and ERR_EXISTS leave both trees as they were.
 */
must_use enum result ptab_map(struct ptab *pt, u64 addr, hpa_t out, u64 size, u64 bits);
must_use enum result ptab_unmap(struct ptab *pt, u64 addr, u64 size, u64 *unmapped);
/* In every leaf of the range: the bits of mask become bits. Holes stay holes. */
must_use enum result ptab_change(struct ptab *pt, u64 addr, u64 size, u64 mask, u64 bits);

/*
 * `count` entries of one table of that level, from addr on, become just what leaves says, each one's bits complete or 0
 * for a hole. For roots that do not diverge. *room: how many tables it may take, less those that it took; *changed:
 * enum ptab_changed. After ERR_NO_MEMORY all is translated as before.
 */
enum ptab_changed { PTAB_ADDED = 1, PTAB_TAKEN = 2 };
must_use enum result ptab_assign(struct ptab *pt, u64 addr, u32 level, const u64 *leaves, u32 count, u32 *room,
                                 u32 *changed);

/* The leaf that holds addr under that root. */
must_use bool ptab_walk(const struct ptab *pt, hpa_t root, u64 addr, struct ptab_leaf *out);
/* The first leaf that ends after addr. */
must_use bool ptab_next(const struct ptab *pt, hpa_t root, u64 addr, struct ptab_leaf *out);

/* The entries that a walk of so many levels from that root meets, from the top, with the counts in them; how many. */
struct ptab_step {
    hpa_t at;
    u64 entry;
    u32 level;
};
u32 ptab_trace(const struct ptab *pt, hpa_t root, u32 levels, u64 addr, struct ptab_step steps[PTAB_MAX_LEVELS]);

/* Some leaf under that root lacks one of the permission bits, by itself or by an entry above it. */
must_use bool ptab_lacks(const struct ptab *pt, hpa_t root, u64 bits);

/* Takes the list of retired tables, to be freed once no hardware can walk them, or put back. */
hpa_t ptab_take_retired(struct ptab *pt);
void ptab_put_retired(struct ptab *pt, hpa_t list);
void ptab_free_retired(hpa_t list);

#endif
