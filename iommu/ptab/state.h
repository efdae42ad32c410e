/* What the files of the page tables share: ptab.c, iommu/ptab/range.c and what it uses. */
#ifndef NESTOR_IOMMU_PTAB_STATE_H
#define NESTOR_IOMMU_PTAB_STATE_H

#include "iommu/ptab/ptab.h"

static inline u32 ptab_index(u64 addr, u32 level)
{
    return (u32)(addr >> (3 + 9 * level)) % PTAB_ENTRIES;
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

enum ptab_kind { PTAB_MAP, PTAB_UNMAP, PTAB_CHANGE };

/* One change, from plan to end. */
struct ptab_op {
    enum ptab_kind kind;
    bool twins;      /* makes read-only leafs while the roots diverge */
    u64 start, end;
    u64 out;         /* map: what start becomes */
    u64 bits, mask;  /* map: bits of the leafs; change: see ptab_change() */
    u64 bytes;       /* unmap: how much was there */
    u32 need;        /* tables that it takes */
    hpa_t spare;     /* tables at hand, linked by their first entry */
};

/* The entry of that level becomes, or stays, one leaf or one hole. */
static inline bool ptab_fits(const struct ptab *pt, const struct ptab_op *op, u32 level, u64 addr,
                             u64 stop)
{
    u64 span = ptab_span(level);
    if (stop - addr != span) {
        return false;
    }
    return op->kind != PTAB_MAP ||
           (level <= pt->leaf_level && ((op->out + addr - op->start) & (span - 1)) == 0);
}

static inline bool ptab_diverges(const struct ptab *pt)
{
    return pt->second_root.v != pt->root.v;
}

/* The table that takes the place of entry will have read-only leafs. */
static inline bool ptab_needs_twin(const struct ptab *pt, const struct ptab_op *op, u64 entry)
{
    return op->twins || (ptab_diverges(pt) && ptab_is_read_only(pt->format, entry));
}

/* A leaf that the change leaves as it is. */
static inline bool ptab_unaffected(const struct ptab_op *op, u64 entry)
{
    return entry == 0 ? op->kind != PTAB_MAP
                      : op->kind == PTAB_CHANGE && ((entry ^ op->bits) & op->mask) == 0;
}

/* Counts op->need below a table and its twin; ERR_EXISTS when a map meets a leaf. */
must_use enum result ptab_plan(const struct ptab *pt, struct ptab_op *op, const u64 *table,
                               const u64 *twin, u32 level, u64 addr, u64 end);

/* All op->need tables or none. What is left over is given back. */
must_use enum result ptab_take_spares(struct ptab_op *op);
void ptab_give_spares(struct ptab_op *op);
/* What was planned, below a table and its twin. */
void ptab_apply(struct ptab *pt, struct ptab_op *op, u64 *table, u64 *twin, u32 level, u64 addr,
             u64 end);
/* After an unmap or a change below: true if the slots no longer point to what they did. */
bool ptab_tidy(struct ptab *pt, u64 *slot, u64 *twin, u32 level);

/* Runs of entries in one table. */
bool ptab_run_is_empty(const u64 *slot, u32 count);
bool ptab_run_is_equal(const u64 *slot, const u64 *other, u32 count);
/* Each entry is the one before plus step. */
bool ptab_run_is_contiguous(const u64 *slot, u32 count, u64 step);
void ptab_run_fill(u64 *slot, u32 count, u64 entry, u64 step);
/* Returns how many were not 0. */
u32 ptab_run_clear(u64 *slot, u32 count);
u32 ptab_run_count(const u64 *slot, u32 count);
void ptab_run_change(u64 *slot, u32 count, u64 mask, u64 bits);
/* The second tree's view of leafs: without the read-only ones. */
void ptab_run_mirror(const struct ptab_format *f, u64 *twin, const u64 *slot, u32 count);

#endif
