/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: runs of entries in one table, the inner loops of everything; a run has at least one entry. Four entries
 * a turn where it pays (make bench: map and unmap of 256 pages).
 */
#include "iommu/ptab/state.h"

not_inlined bool ptab_run_is_empty(const u64 *slot, u32 count)
{
    /* The far end first: tables fill up and empty from one end or the other. */
    if (slot[count - 1] != 0) {
        return false;
    }
    for (; count >= 4; count -= 4, slot += 4) {
        if ((slot[0] | slot[1] | slot[2] | slot[3]) != 0) {
            return false;
        }
    }
    for (; count != 0; count--, slot++) {
        if (*slot != 0) {
            return false;
        }
    }
    return true;
}

not_inlined bool ptab_run_is_equal(const u64 *slot, const u64 *other, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (slot[i] != other[i]) {
            return false;
        }
    }
    return true;
}

not_inlined bool ptab_run_is_contiguous(const u64 *slot, u32 count, u64 step)
{
    /* The far end first: it is what is missing while a table fills up. */
    if (slot[count - 1] != slot[0] + (count - 1) * step) {
        return false;
    }
    for (u32 i = 1; i < count; i++) {
        if (slot[i] != slot[0] + i * step) {
            return false;
        }
    }
    return true;
}


not_inlined u32 ptab_run_of_leaves(const struct ptab_format *f, const u64 *slot, u32 level, u32 count)
{
    u32 found = level <= 1 ? count : 0;
    while (found < count && !ptab_is_table(f, slot[found], level)) {
        found++;
    }
    return found;
}

not_inlined void ptab_run_fill(u64 *slot, u32 count, u64 entry, u64 step)
{
    for (; count >= 4; count -= 4, slot += 4, entry += 4 * step) {
        ptab_store(&slot[0], entry);
        ptab_store(&slot[1], entry + step);
        ptab_store(&slot[2], entry + 2 * step);
        ptab_store(&slot[3], entry + 3 * step);
    }
    for (; count != 0; count--, slot++, entry += step) {
        ptab_store(slot, entry);
    }
}

not_inlined u32 ptab_run_copy(u64 *slot, const u64 *from, u32 count)
{
    u32 used = 0;
    for (; count >= 4; count -= 4, slot += 4, from += 4) {
        u64 a = from[0], b = from[1], c = from[2], d = from[3];
        slot[0] = a;
        used += a != 0;
        slot[1] = b;
        used += b != 0;
        slot[2] = c;
        used += c != 0;
        slot[3] = d;
        used += d != 0;
    }
    for (; count != 0; count--, slot++, from++) {
        *slot = *from;
        used += *from != 0;
    }
    return used;
}

not_inlined u32 ptab_run_clear(u64 *slot, u32 count)
{
    u32 found = 0;
    for (; count >= 4; count -= 4, slot += 4) {
        found += slot[0] != 0;
        ptab_store(&slot[0], 0);
        found += slot[1] != 0;
        ptab_store(&slot[1], 0);
        found += slot[2] != 0;
        ptab_store(&slot[2], 0);
        found += slot[3] != 0;
        ptab_store(&slot[3], 0);
    }
    for (; count != 0; count--, slot++) {
        found += *slot != 0;
        ptab_store(slot, 0);
    }
    return found;
}

not_inlined void ptab_run_change(u64 *slot, u32 count, u64 mask, u64 bits)
{
    for (u32 i = 0; i < count; i++) {
        if (slot[i] != 0) {
            ptab_store(&slot[i], (slot[i] & ~mask) | bits);
        }
    }
}

not_inlined void ptab_run_mirror(const struct ptab_format *f, u64 *twin, const u64 *slot, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        ptab_store(&twin[i], ptab_is_read_only(f, slot[i]) ? 0 : slot[i]);
    }
}
