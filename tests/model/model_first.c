/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first-stage walk (VT-d 3.6, 9.7), alone or nested over the second stage (VT-d 3.8).
 *
 * Order where the specification leaves it open: P, reserved bits and width of each entry; rights (U/S, R/W) after the
 * leaf; then the final page through the second stage; the leaf's A/D/EA last, so that D is never set for an access
 * that is refused.
 */
#include "tests/model/model_internal.h"

#include <stdlib.h>

enum { FS_P = 0, FS_RW = 1, FS_US = 2, FS_A = 5, FS_D = 6, FS_PS = 7, FS_EA = 10 };

struct cursor {
    uint64_t table_gpa;     /* what the entry above (or FSPTPTR) says */
    uint64_t table_hpa;     /* the same through the second stage, when nested */
    unsigned level;
    bool write, user;
    bool at_root;
};

static uint64_t reserved_bits(const struct walk *walk, unsigned level, bool leaf)
{
    const struct model_unit *unit = walk->unit;
    uint64_t mask = bits(51, unit->config.haw);
    if (level >= 4 || (level == 3 && !cap(unit, CAP_FS1GP))) {
        mask |= BIT(FS_PS);
    }
    if (leaf && level == 3) {
        mask |= bits(29, 13);
    }
    if (leaf && level == 2) {
        mask |= bits(20, 13);
    }
    return mask;
}

/* A table of the first stage through the second one, for reading (VT-d 3.8.1). */
static unsigned resolve_table(struct walk *walk, struct cursor *c)
{
    if (walk->kind != MODEL_KIND_NESTED) {
        c->table_hpa = c->table_gpa;
        return 0;
    }
    struct ss_result ss;
    unsigned reason = second_stage_walk(walk, c->table_gpa, false, &ss);
    if (reason != 0) {
        return reason;
    }
    if (!ss.read || (walk->ssade && !ss.write)) {
        walk->cache_fault = true;
        return c->at_root ? SFS_6 : SFS_7;
    }
    c->table_hpa = ss.hpa;
    return 0;
}

/* May the walk write this entry? Decided by the second stage, or by the erratum. */
static unsigned update_permitted(struct walk *walk, uint64_t entry_gpa)
{
    if (!walk->snooped_walk) {
        return SFS_9;
    }
    if (walk->kind != MODEL_KIND_NESTED) {
        return 0;
    }
    struct ss_result ss;
    unsigned reason = second_stage_walk(walk, entry_gpa, true, &ss);
    if (reason != 0) {
        return reason;
    }
    if (ss.read && ss.write) {
        return 0;
    }
    if (walk->unit->config.erratum_772415) { /* PWSNP=1 here: snooped_walk */
        walk->erratum = true;
        return 0;
    }
    walk->cache_fault = true;
    return SFS_8;
}

static unsigned set_flags(struct walk *walk, const struct cursor *c, uint64_t offset,
                          uint64_t *entry, bool leaf_write, bool *again)
{
    uint64_t wanted = BIT(FS_A) | (walk->eafe ? BIT(FS_EA) : 0) | (leaf_write ? BIT(FS_D) : 0);
    *again = false;
    if ((*entry & wanted) == wanted) {
        return 0;
    }
    bool erratum_before = walk->erratum;
    walk->erratum = false;
    unsigned reason = update_permitted(walk, c->table_gpa + offset);
    bool struck = walk->erratum;
    walk->erratum |= erratum_before;
    if (reason != 0) {
        return reason;
    }
    enum update update = table_set_bits(walk, c->table_hpa + offset, entry, wanted);
    if (update == UPDATE_DONE && struck && !walk->fresh) {
        walk->unit->counters.erratum_writes++;
    }
    *again = update == UPDATE_RETRY;
    return update == UPDATE_FAILED ? SFS_10 : 0;
}

static uint64_t structure_key(uint64_t addr, unsigned level)
{
    return (addr & ~(BIT(12 + 9 * (level - 1)) - 1)) | level;
}

static uint64_t structure_tag(const struct walk *walk)
{
    return walk->did | (uint64_t)walk->pasid << 16;
}

static void structure_keep(struct walk *walk, unsigned level, const struct cursor *c)
{
    if (walk->fresh || walk->unit->config.no_caches) {
        return;
    }
    struct fs_entry *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        abort();
    }
    e->node.k1 = structure_key(walk->addr, level);
    e->node.k2 = structure_tag(walk);
    e->table_gpa = c->table_gpa;
    e->table_hpa = c->table_hpa;
    e->write = c->write;
    e->user = c->user;
    cache_insert(&walk->unit->fs, &e->node);
}

static unsigned start(struct walk *walk, struct cursor *c)
{
    *c = (struct cursor){.table_gpa = walk->fs_root, .level = walk->fs_levels,
                         .write = true, .user = true, .at_root = true};
    if (!walk->fresh && walk->unit->fs.count != 0) {
        for (unsigned level = 2; level <= walk->fs_levels; level++) {
            const struct fs_entry *e = (const struct fs_entry *)cache_find(
                &walk->unit->fs, structure_key(walk->addr, level), structure_tag(walk));
            if (e != NULL) {
                *c = (struct cursor){.table_gpa = e->table_gpa, .table_hpa = e->table_hpa,
                                     .level = level - 1, .write = e->write, .user = e->user};
                return 0;
            }
        }
    }
    return resolve_table(walk, c);
}

static bool is_canonical(uint64_t addr, unsigned width)
{
    uint64_t high = addr >> (width - 1);
    return high == 0 || high == ~0ull >> (width - 1);
}

/* Does this access set D? An ATS answer that grants W counts as a write. */
static bool dirties(const struct walk *walk, const struct mapping *m)
{
    if (walk->request->at == MODEL_TRANSLATION) {
        return !walk->request->no_write && mapping_writes(walk, m);
    }
    return walk->want_write;
}

/* The page that the leaf names: through the second stage when nested, with its rights. */
static unsigned final_page(struct walk *walk, uint64_t address, unsigned shift,
                           struct mapping *out)
{
    out->shift = shift;
    if (walk->kind != MODEL_KIND_NESTED) {
        out->hpa = address;
        out->ss_read = true;
        out->ss_write = true;
        return 0;
    }
    struct ss_result ss;
    unsigned reason = second_stage_walk(walk, address, dirties(walk, out), &ss);
    if (reason != 0) {
        return reason;
    }
    out->hpa = ss.hpa;
    out->shift = ss.shift < shift ? ss.shift : shift;
    out->ss_read = ss.read;
    out->ss_write = ss.write;
    out->force_snoop |= ss.snoop;
    out->dirty = ss.dirty;
    return 0;
}

static unsigned leaf_finish(struct walk *walk, const struct cursor *c, uint64_t offset,
                            uint64_t *entry, struct mapping *out, bool *again)
{
    unsigned shift = 12 + 9 * (c->level - 1);
    uint64_t page_mask = BIT(shift) - 1;
    uint64_t address = (*entry & bits(walk->unit->config.haw - 1, 12) & ~page_mask) |
                       (walk->addr & page_mask);
    out->fs_write = c->write && (*entry & BIT(FS_RW)) != 0;
    out->fs_user = c->user && (*entry & BIT(FS_US)) != 0;
    out->ss_read = true;
    out->ss_write = true;
    out->dirty = true;
    *again = false;
    unsigned reason = permission_check(walk, out);
    if (reason == 0) {
        reason = final_page(walk, address, shift, out);
    }
    if (reason == 0) {
        reason = permission_check(walk, out);
    }
    if (reason == 0) {
        reason = set_flags(walk, c, offset, entry, dirties(walk, out), again);
    }
    out->dirty = out->dirty && (*entry & BIT(FS_D)) != 0;
    return reason;
}

unsigned first_stage_walk(struct walk *walk, struct mapping *out)
{
    struct cursor c;
    if (!is_canonical(walk->addr, walk->fs_levels == 5 ? 57 : 48)) {
        return SGN_1;
    }
    unsigned reason = start(walk, &c);
    if (reason != 0) {
        return reason;
    }
    for (;;) {
        unsigned shift = 12 + 9 * (c.level - 1);
        uint64_t offset = ((walk->addr >> shift) & 0x1ff) * 8;
        uint64_t entry;
        if (!table_read(walk, c.table_hpa + offset, &entry, sizeof(entry))) {
            return c.at_root ? SFS_4 : SFS_1;
        }
        bool again = true;
        while (again) {
            if ((entry & BIT(FS_P)) == 0) {
                return SFS_2;
            }
            bool leaf = c.level == 1 || (c.level <= 3 && (entry & BIT(FS_PS)) != 0);
            if ((entry & reserved_bits(walk, c.level, leaf)) != 0) {
                return SFS_3;
            }
            uint64_t address = entry & bits(walk->unit->config.haw - 1, 12);
            if (leaf && c.level > 1) {
                address &= ~BIT(12); /* PAT */
            }
            if (walk->kind == MODEL_KIND_NESTED && address >> walk->ss_width != 0) {
                return SFS_5;
            }
            if (leaf) {
                reason = leaf_finish(walk, &c, offset, &entry, out, &again);
                if (!again) {
                    return reason;
                }
                continue;
            }
            reason = set_flags(walk, &c, offset, &entry, false, &again);
            if (reason != 0) {
                return reason;
            }
        }
        c.write = c.write && (entry & BIT(FS_RW)) != 0;
        c.user = c.user && (entry & BIT(FS_US)) != 0;
        c.table_gpa = entry & bits(walk->unit->config.haw - 1, 12);
        c.at_root = false;
        reason = resolve_table(walk, &c);
        if (reason != 0) {
            return reason;
        }
        structure_keep(walk, c.level, &c);
        c.level--;
    }
}
