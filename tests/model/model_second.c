/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second-stage walk (VT-d 3.7, 9.8): legacy, second-stage-only and each step of a
 * nested walk. Its input is a GPA, or the request's address when it stands alone.
 */
#include "tests/model/model_internal.h"

#include <stdlib.h>

enum { SS_R = 0, SS_W = 1, SS_PS = 7, SS_A = 8, SS_D = 9, SS_SNP = 11, SS_IR = 61, SS_IW = 62 };

/* AW is 1, 2 or 3 and SAGAW has its bit (VT-d 9.3, 9.6, 11.4.2). */
bool aw_is_supported(const struct model_unit *unit, unsigned aw)
{
    return aw >= 1 && aw <= 3 && (field(unit->config.cap, 12, 8) & BIT(aw)) != 0;
}

/* Input width: the smaller of MGAW and what AW's levels span. */
unsigned second_stage_width(const struct model_unit *unit, unsigned aw)
{
    unsigned mgaw = (unsigned)field(unit->config.cap, 21, 16) + 1;
    unsigned agaw = 30 + 9 * aw;
    return mgaw < agaw ? mgaw : agaw;
}

void second_stage_select(struct walk *walk, uint64_t root, unsigned aw)
{
    walk->ss_root = root;
    walk->ss_levels = aw + 2;
    walk->ss_width = second_stage_width(walk->unit, aw);
}

/* The fault reasons of this walk. In legacy mode the one for missing permission depends on the access. */
static unsigned legacy_reason(const struct walk *walk, unsigned reason)
{
    switch (reason) {
    case SSS_1:
        return LSS_1;
    case SSS_3:
        return LSS_2;
    case SSS_4:
        return LCT_4; /* LCT.4.3 */
    case SSS_2:
        return walk->want_write ? LGN_2 : LGN_3;
    default:
        return reason;
    }
}

static unsigned refuse(struct walk *walk, unsigned reason)
{
    walk->cache_fault = true; /* VT-d 6.2.4.1: CM covers all but first-stage refusals */
    return walk->legacy ? legacy_reason(walk, reason) : reason;
}

/* level 1 is the SS-PTE (VT-d 3.7, list of reserved bits). */
static uint64_t reserved_bits(const struct walk *walk, unsigned level, bool leaf)
{
    const struct model_unit *unit = walk->unit;
    uint64_t mask = bits(51, unit->config.haw);
    if (!leaf) {
        mask |= BIT(SS_SNP);
    } else if (!ecap(unit, ECAP_SC)) {
        mask |= BIT(SS_SNP);
    }
    if (level >= 4) {
        mask |= BIT(SS_PS);
    }
    if (level == 3) {
        mask |= leaf ? bits(29, 12) : 0;
        mask |= cap(unit, CAP_SS1G) ? 0 : BIT(SS_PS);
    }
    if (level == 2) {
        mask |= leaf ? bits(20, 12) : 0;
        mask |= cap(unit, CAP_SS2M) ? 0 : BIT(SS_PS);
    }
    if ((unit->root & BIT(7)) == 0) {
        mask |= BIT(SS_IW); /* VT-d 9.8: Reserved(0) unless SSIRWE=1 */
    }
    return mask;
}

static bool entry_reads(const struct walk *walk, uint64_t entry)
{
    return (entry & BIT((walk->unit->root & BIT(7)) != 0 ? SS_IR : SS_R)) != 0;
}

static bool entry_writes(const struct walk *walk, uint64_t entry)
{
    return (entry & BIT((walk->unit->root & BIT(7)) != 0 ? SS_IW : SS_W)) != 0;
}

static uint64_t structure_key(uint64_t gpa, unsigned level)
{
    return (gpa & ~(BIT(12 + 9 * (level - 1)) - 1)) | level;
}

static void structure_keep(struct walk *walk, uint64_t gpa, unsigned level, uint64_t table,
                           bool read, bool write)
{
    if (walk->fresh || walk->unit->config.no_caches) {
        return;
    }
    struct ss_entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        abort();
    }
    e->node.k1 = structure_key(gpa, level);
    e->node.k2 = walk->did;
    e->table = table;
    e->read = read;
    e->write = write;
    cache_insert(&walk->unit->ss, &e->node);
}

/* Starts at the deepest table a structure cache names. Returns the level to read next. */
static unsigned start(struct walk *walk, uint64_t gpa, uint64_t *table, struct ss_result *out)
{
    *table = walk->ss_root;
    if (!walk->fresh && walk->unit->ss.count != 0) {
        for (unsigned level = 2; level <= walk->ss_levels; level++) {
            const struct ss_entry *e = (const struct ss_entry *)cache_find(
                &walk->unit->ss, structure_key(gpa, level), walk->did);
            if (e != NULL) {
                *table = e->table;
                out->read = e->read;
                out->write = e->write;
                return level - 1;
            }
        }
    }
    return walk->ss_levels;
}

/* A, and D where a permitted write ends here (VT-d 3.7.2). */
static unsigned set_flags(struct walk *walk, uint64_t addr, uint64_t *entry, uint64_t wanted,
                          bool *again)
{
    *again = false;
    if (!walk->ssade || (*entry & wanted) == wanted) {
        return 0;
    }
    if (!walk->snooped_walk) {
        return SSS_5;
    }
    enum update update = table_set_bits(walk, addr, entry, wanted);
    *again = update == UPDATE_RETRY;
    return update == UPDATE_FAILED ? SSS_6 : 0;
}

unsigned second_stage_walk(struct walk *walk, uint64_t gpa, bool set_dirty, struct ss_result *out)
{
    uint64_t table;
    out->read = true;
    out->write = true;
    out->snoop = false;
    unsigned level = start(walk, gpa, &table, out);
    const bool from_root = level == walk->ss_levels;
    for (unsigned first = level;; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t addr = table + ((gpa >> shift) & 0x1ff) * 8;
        uint64_t entry;
        if (!table_read(walk, addr, &entry, sizeof(entry))) {
            return refuse(walk, level == first && from_root ? SSS_4 : SSS_1);
        }
        bool again = true;
        bool leaf = false;
        bool read = out->read;
        bool write = out->write;
        while (again) { /* an update that lost a race reads the entry again */
            read = out->read && entry_reads(walk, entry);
            write = out->write && entry_writes(walk, entry);
            if (!entry_reads(walk, entry) && !entry_writes(walk, entry)) {
                return refuse(walk, SSS_2);
            }
            leaf = level == 1 || (level <= 3 && (entry & BIT(SS_PS)) != 0);
            if ((entry & reserved_bits(walk, level, leaf)) != 0) {
                return refuse(walk, SSS_3);
            }
            if (leaf && !read && !write) {
                return refuse(walk, SSS_2); /* no permission is left */
            }
            uint64_t wanted = BIT(SS_A) | (leaf && set_dirty && write ? BIT(SS_D) : 0);
            unsigned reason = set_flags(walk, addr, &entry, wanted, &again);
            if (reason != 0) {
                return refuse(walk, reason);
            }
        }
        uint64_t address = entry & bits(walk->unit->config.haw - 1, 12);
        out->read = read;
        out->write = write;
        if (leaf) {
            uint64_t offset = BIT(shift) - 1;
            out->hpa = (address & ~offset) | (gpa & offset);
            out->shift = shift;
            out->snoop = ecap(walk->unit, ECAP_SC) && (entry & BIT(SS_SNP)) != 0;
            out->dirty = !walk->ssade || (entry & BIT(SS_D)) != 0;
            return 0;
        }
        table = address;
        structure_keep(walk, gpa, level, table, read, write);
    }
}
