/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A protected memory region over Nestor's memory, VT-d 11.4.8: no DMA reaches it before tables decide. It covers that
 * and nothing else. A region must not lie over MMIO (11.4.8.1), should not lie over reserved memory (8.4), and whatever
 * else it covered, the drivers of the firmware that goes on as the guest would lose. What the unit itself reads and
 * writes is not subject to it.
 *
 * Bases and limits are read-only while any region is on. One that firmware has on stays if it covers Nestor's memory;
 * else it is off for a moment, and goes on again beside ours, or in its place if there is no other.
 */
#include "iommu/vtd/state.h"

/* The high one may lie below 4 GiB, too (11.4.8.4). */
enum region { REGION_HIGH, REGION_LOW, REGIONS };

static bool has(const struct vtd_unit *unit, enum region region)
{
    return vtd_cap_get(unit->info.cap, region == REGION_HIGH ? VTD_CAP_PHMR : VTD_CAP_PLMR) != 0;
}

static u64 base_of(const struct vtd_unit *unit, enum region region)
{
    return region == REGION_HIGH ? vtd_regs_read64(unit, VTD_PHMBASE) : vtd_regs_read32(unit, VTD_PLMBASE);
}

static u64 limit_of(const struct vtd_unit *unit, enum region region)
{
    return region == REGION_HIGH ? vtd_regs_read64(unit, VTD_PHMLIMIT) : vtd_regs_read32(unit, VTD_PLMLIMIT);
}

static void write(const struct vtd_unit *unit, enum region region, u64 base, u64 limit)
{
    if (region == REGION_HIGH) {
        vtd_regs_write64(unit, VTD_PHMBASE, base);
        vtd_regs_write64(unit, VTD_PHMLIMIT, limit);
    } else {
        vtd_regs_write32(unit, VTD_PLMBASE, (u32)base);
        vtd_regs_write32(unit, VTD_PLMLIMIT, (u32)limit);
    }
}

/* A limit below its base covers nothing. */
static bool is_used(const struct vtd_unit *unit, enum region region)
{
    return has(unit, region) && limit_of(unit, region) >= base_of(unit, region);
}

bool vtd_region_is_on(const struct vtd_unit *unit)
{
    return (has(unit, REGION_LOW) || has(unit, REGION_HIGH)) &&
           (vtd_regs_read32(unit, VTD_PMEN) & (PMEN_EPM | PMEN_PRS)) != 0;
}

static enum result enable(struct vtd_unit *unit, bool on)
{
    vtd_regs_write32(unit, VTD_PMEN, on ? PMEN_EPM : 0);
    return vtd_regs_wait32(unit, VTD_PMEN, "PMEN", PMEN_PRS, on ? PMEN_PRS : 0);
}

/* The low bits of a limit read as zero and count as ones; how many is not known here, so the last piece is left out. */
static bool is_covered(const struct vtd_unit *unit, u64 base, u64 size)
{
    for (enum region i = REGION_HIGH; i < REGIONS; i++) {
        if (has(unit, i) && base_of(unit, i) <= base && base + size - 1 <= limit_of(unit, i)) {
            return true;
        }
    }
    return false;
}

/* False: it would cover more, or less. The bits that a base lacks tell how fine the region is (11.4.8.2). */
static bool set(const struct vtd_unit *unit, enum region region, u64 base, u64 size)
{
    u64 last = base + size - 1;
    write(unit, region, ~0ull, 0);
    u64 bits = base_of(unit, region);
    u64 grain = bits & (~bits + 1);
    if (grain == 0 || (base & (grain - 1)) != 0 || (size & (grain - 1)) != 0) {
        return false;
    }
    write(unit, region, base, last);
    if (base_of(unit, region) == base && (limit_of(unit, region) | (grain - 1)) == last) {
        return true;
    }
    write(unit, region, ~0ull, 0);
    return false;
}

/* Called with regions off. firmwares: they were on, and what they cover is given up last. */
static bool choose(const struct vtd_unit *unit, u64 base, u64 size, bool firmwares)
{
    bool found = false;
    for (u32 round = firmwares ? 0 : 1; round < 2 && !found; round++) {
        for (enum region i = REGION_HIGH; i < REGIONS && !found; i++) {
            bool fits = has(unit, i) && (i == REGION_HIGH || base + size <= 1ull << 32);
            found = fits && (round == 1 || !is_used(unit, i)) && set(unit, i, base, size);
        }
    }
    return found;
}

enum result vtd_region_set(struct vtd_unit *unit, u64 base, u64 size)
{
    bool firmwares = vtd_region_is_on(unit);
    if (firmwares && is_covered(unit, base, size)) {
        return OK;
    }
    enum result r = firmwares ? enable(unit, false) : OK;
    if (r != OK) {
        return r;
    }
    for (enum region i = REGION_HIGH; !firmwares && i < REGIONS; i++) {
        if (has(unit, i)) {
            write(unit, i, ~0ull, 0);
        }
    }
    bool chosen = choose(unit, base, size, firmwares);
    unit->region_set = chosen;
    if (chosen || firmwares) {
        r = enable(unit, true);
    }
    return r != OK || chosen ? r : ERR_UNSUPPORTED;
}

enum result vtd_region_end(struct vtd_unit *unit)
{
    enum result r = vtd_region_is_on(unit) ? enable(unit, false) : OK;
    unit->region_set = unit->region_set && r != OK;
    return r;
}
