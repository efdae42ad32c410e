/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the page tables share: entries, runs of them, and the parts of a change. */
#ifndef NESTOR_IOMMU_PTAB_STATE_H
#define NESTOR_IOMMU_PTAB_STATE_H

#include "iommu/ptab/ptab.h"

/* What is not_inlined has one copy, and the benchmarks run that of the image (tests/elf/test_image). */

/*
 * Bits that hardware ignores in every entry, by EPT (SDM 30.3.2) and by VT-d 9.8. An entry that points to a table
 * says there how many entries of that table are in use, less one: no table but a root is empty, and one that is pinned
 * counts itself. Of a table and its
 * twin both entries say it of the first one. So an unmap knows without a look what it leaves behind.
 */
enum { PTAB_IGNORED_SHIFT = 52, PTAB_IGNORED_BITS = 10 };
static const u64 PTAB_IGNORED = ((1ull << PTAB_IGNORED_BITS) - 1) << PTAB_IGNORED_SHIFT;

static inline u32 ptab_used(u64 entry)
{
    return (u32)((entry & PTAB_IGNORED) >> PTAB_IGNORED_SHIFT) + 1;
}

/* The entry for a table of which that many more are used; never for one that is empty then. */
static inline u64 ptab_use(u64 entry, int more)
{
    return entry + ((u64)(s64)more << PTAB_IGNORED_SHIFT);
}

/* Where the index of that level is in an address. */
static inline u32 ptab_shift(u32 level)
{
    return 3 + 9 * level;
}

static inline u32 ptab_index(u64 addr, u32 level)
{
    return (u32)(addr >> ptab_shift(level)) % PTAB_ENTRIES;
}

/* Where the entry of that level ends, or the range if that is first. */
static inline u64 ptab_stop(u64 addr, u64 end, u32 level)
{
    u64 stop = (addr | (ptab_span(level) - 1)) + 1;
    return stop < end ? stop : end;
}

static inline bool ptab_is_table(const struct ptab_format *f, u64 entry, u32 level)
{
    return level > 1 && entry != 0 && (entry & f->large) == 0;
}

static inline bool ptab_is_read_only(const struct ptab_format *f, u64 leaf)
{
    return leaf != 0 && (leaf & f->write) == 0;
}

/* The table that an entry points to. */
static inline u64 *ptab_table(const struct ptab_format *f, u64 entry)
{
    return port_hpa_to_ptr((hpa_t){entry & f->address});
}

/* Hardware walks while this is written: one store an entry. */
static inline void ptab_store(u64 *slot, u64 entry)
{
    __atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

static inline void ptab_flush(const struct ptab *pt, const u64 *slot, u32 count)
{
    if (!pt->coherent) {
        port_flush_lines(slot, count * sizeof(*slot));
    }
}

/* Another count of the same table, or of it and its twin: nothing that hardware would need to see. */
static inline void ptab_store_used(u64 *slot, u64 *twin, int more)
{
    ptab_store(twin, ptab_use(*twin, more));
    if (slot != twin) {
        ptab_store(slot, ptab_use(*slot, more));
    }
}

/* A table of level 2 and its twin, in use at addr. */
enum { PTAB_REGION_SHIFT = PAGE_SHIFT + 2 * 9 };
static const u64 PTAB_NO_REGION = ~0ull;

static inline void ptab_remember(struct ptab *pt, u64 *table, u64 *twin, u64 addr)
{
    pt->last_table = table;
    pt->last_twin = twin;
    pt->last_region = addr >> PTAB_REGION_SHIFT;
}

/* Takes a table out of the trees; entry is what pointed to it. */
void ptab_retire(struct ptab *pt, u64 entry);

enum ptab_kind { PTAB_UNMAP, PTAB_CHANGE };

/* One change, from plan to end. */
struct ptab_op {
    enum ptab_kind kind; /* a map has none */
    bool twins;      /* makes read-only leaves while the roots diverge */
    u64 offset;      /* map: what is added to an input address */
    u64 bits, mask;  /* map: bits of the leaves; change: see ptab_change() */
    u64 bytes;       /* unmap: how much was there */
    u32 need;        /* tables that it takes */
    hpa_t spare;     /* tables at hand, linked by their first entry */
};

static inline bool ptab_diverges(const struct ptab *pt)
{
    return pt->second_root.v != pt->root.v;
}

/* Its table is where a walk of fewer levels begins: it is never taken out, nor shared. */
static inline bool ptab_is_pinned(const struct ptab *pt, const u64 *slot)
{
    return slot == pt->pinned[0] || slot == pt->pinned[1];
}

/* How many whole entries of a table of that level lie in the range; 0 unless it begins with one. */
static inline u32 ptab_whole(u32 level, u64 addr, u64 end)
{
    return (addr & (ptab_span(level) - 1)) != 0 ? 0 : (u32)((end - addr) >> ptab_shift(level));
}

/* Those of them that a map makes a leaf each. */
static inline u32 ptab_leaves(const struct ptab *pt, const struct ptab_op *op, u32 level, u64 addr, u64 end)
{
    return level > pt->leaf_level || (op->offset & (ptab_span(level) - 1)) != 0 ? 0 : ptab_whole(level, addr, end);
}

static inline u64 ptab_leaf(const struct ptab *pt, const struct ptab_op *op, u32 level, u64 addr)
{
    return (addr + op->offset) | op->bits | (level > 1 ? pt->format->large : 0);
}

/* --- entry.c: what every change is made of --- */

/* All op->need tables or none. What is left over is given back. */
must_use enum result ptab_take_spares(struct ptab_op *op);
void ptab_give_spares(struct ptab_op *op);
/* An empty table, and in *entry what points to it, but for the count. */
u64 *ptab_use_spare(struct ptab *pt, struct ptab_op *op, u64 *entry);

/* Leaves that are in the first tree now: into the second, and where hardware sees them. */
void ptab_show(const struct ptab *pt, const u64 *slot, u64 *twin, u32 count);
/* Tables into both trees. */
void ptab_put_tables(const struct ptab *pt, u64 *slot, u64 *twin, u64 entry, u64 second);
/* From here on the second tree has a table of its own, until ptab_settle() finds it equal. */
void ptab_make_twin(struct ptab *pt, struct ptab_op *op, const u64 *slot, u64 *twin);
/* A leaf or a hole instead of a table, its twin and all below. Returns the bytes these mapped. */
u64 ptab_supersede(struct ptab *pt, u64 *slot, u64 *twin, u32 level, u64 leaf);

/* What becomes of the entries that point to a table and its twin, of which `more` entries are used than before. */
enum ptab_settled { PTAB_STAYS, PTAB_IS_LEAF, PTAB_LOSES_TWIN, PTAB_IS_HOLE };
enum ptab_settled ptab_settle_table(struct ptab *pt, enum ptab_kind kind, u64 *slot, u64 *twin, u32 level, int more);

static inline enum ptab_settled ptab_settle(struct ptab *pt, enum ptab_kind kind, u64 *slot, u64 *twin, u32 level,
                                            int more)
{
    if (kind != PTAB_UNMAP || *slot != *twin || (int)ptab_used(*slot) + more == 0) {
        return ptab_settle_table(pt, kind, slot, twin, level, more);
    }
    ptab_store_used(slot, twin, more);
    return PTAB_STAYS;
}

/* --- map.c, change.c: in a table and its twin, and below --- */

/* Counts op->need; ERR_EXISTS when a map meets a leaf. */
must_use enum result ptab_plan_map(const struct ptab *pt, struct ptab_op *op, const u64 *table, const u64 *twin,
                                   u32 level, u64 addr, u64 end);
void ptab_plan_change(const struct ptab *pt, struct ptab_op *op, const u64 *table, const u64 *twin, u32 level,
                      u64 addr, u64 end);
/* What was planned. Returns how many more of the table's entries are used. */
int ptab_apply_map(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level, u64 addr, u64 end);
int ptab_apply_change(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level, u64 addr, u64 end);

/* --- run.c: runs of entries in one table --- */

bool ptab_run_is_empty(const u64 *slot, u32 count);
bool ptab_run_is_equal(const u64 *slot, const u64 *other, u32 count);
/* Each entry is the one before plus step. */
bool ptab_run_is_contiguous(const u64 *slot, u32 count, u64 step);
/* How many of a table of that level, from the first on, point to no other table. */
u32 ptab_run_of_leaves(const struct ptab_format *f, const u64 *slot, u32 level, u32 count);
void ptab_run_fill(u64 *slot, u32 count, u64 entry, u64 step);
/* Both return how many were not 0. The first is for a table that nothing walks yet. */
u32 ptab_run_copy(u64 *slot, const u64 *from, u32 count);
u32 ptab_run_clear(u64 *slot, u32 count);
void ptab_run_change(u64 *slot, u32 count, u64 mask, u64 bits);
/* The second tree's view of leaves: without the read-only ones. */
void ptab_run_mirror(const struct ptab_format *f, u64 *twin, const u64 *slot, u32 count);

#endif
