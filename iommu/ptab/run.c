/*
 * Page tables: runs of entries in one table, the inner loops of everything; a run has an entry at
 * least. Four entries a turn where it pays: a map or unmap of 256 pages is to stay under 2,000
 * instructions. Where the pragma says so, code that is built for size goes one by one.
 */
#include "iommu/ptab/state.h"

bool ptab_run_is_empty(const u64 *slot, u32 count)
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

bool ptab_run_is_equal(const u64 *slot, const u64 *other, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (slot[i] != other[i]) {
            return false;
        }
    }
    return true;
}

bool ptab_run_is_contiguous(const u64 *slot, u32 count, u64 step)
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

void ptab_run_fill(u64 *slot, u32 count, u64 entry, u64 step)
{
#pragma GCC unroll 4
    do {
        ptab_store(slot++, entry);
        entry += step;
    } while (--count != 0);
}

u32 ptab_run_count(const u64 *slot, u32 count)
{
    const u64 *end = slot + count;
    u32 found = 0;
    for (; slot != end; slot++) {
        found += *slot != 0;
    }
    return found;
}

u32 ptab_run_clear(u64 *slot, u32 count)
{
    u32 found = 0;
#pragma GCC unroll 4
    do {
        found += *slot != 0;
        ptab_store(slot++, 0);
    } while (--count != 0);
    return found;
}

void ptab_run_change(u64 *slot, u32 count, u64 mask, u64 bits)
{
    for (u32 i = 0; i < count; i++) {
        if (slot[i] != 0) {
            ptab_store(&slot[i], (slot[i] & ~mask) | bits);
        }
    }
}

void ptab_run_mirror(const struct ptab_format *f, u64 *twin, const u64 *slot, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        ptab_store(&twin[i], ptab_is_read_only(f, slot[i]) ? 0 : slot[i]);
    }
}
