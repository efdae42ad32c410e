/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver that only keeps records, for tests of the layers above it: which entries are set, which
 * invalidations were asked for, and whether all entries together keep the rules of VT-d 6.2.3.1.
 */
#ifndef NESTOR_FAKE_VTD_H
#define NESTOR_FAKE_VTD_H

#include "iommu/vtd/vtd.h"

#include <stdlib.h>
#include <string.h>

enum { FAKE_SLOTS = 256, FAKE_INVALS = 256 };

struct vtd_unit {
    struct vtd_unit_info info;
    struct { bool used; enum vtd_root root; u16 sid; u32 pasid; struct vtd_entry entry; }
        slot[FAKE_SLOTS];
    u32 rid_pasid;              /* of every device; 0xffffffff: no device is known */
    enum result next_set, next_clear, next_inval;
    struct { u16 did; u64 gpa, size; } inval[FAKE_INVALS];
    u32 invals;
};

static inline void fake_unit_init(struct vtd_unit *unit, u16 index)
{
    memset(unit, 0, sizeof(*unit));
    unit->info = (struct vtd_unit_info){
        .index = index, .mode = VTD_MODE_SCALABLE, .nesting = true, .coherent = true,
        .cap = 47ull << 16, .ss_levels = 1 << 4 | 1 << 5, .fs_levels = 1 << 4 | 1 << 5,
        .ss_page_sizes = 1ull << 12 | 1ull << 21 | 1ull << 30, .domain_ids = 64, .haw = 48};
}

static inline u32 fake_find(const struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    for (u32 i = 0; i < FAKE_SLOTS; i++) {
        if (unit->slot[i].used && unit->slot[i].root == root && unit->slot[i].sid == sid &&
            unit->slot[i].pasid == pasid) {
            return i;
        }
    }
    return FAKE_SLOTS;
}

static inline u32 fake_entries(const struct vtd_unit *unit)
{
    u32 count = 0;
    for (u32 i = 0; i < FAKE_SLOTS; i++) {
        count += unit->slot[i].used;
    }
    return count;
}

/* The entry at a place, NULL for none. */
static inline const struct vtd_entry *fake_entry(const struct vtd_unit *unit, enum vtd_root root,
                                                 u16 sid, u32 pasid)
{
    u32 i = fake_find(unit, root, sid, pasid);
    return i == FAKE_SLOTS ? NULL : &unit->slot[i].entry;
}

static inline u32 fake_pasid(const struct vtd_unit *unit, u32 pasid)
{
    return pasid == VTD_NO_PASID ? unit->rid_pasid : pasid;
}

/* The first rule of VT-d 6.2.3.1 that two entries break, in words, or NULL. */
static inline const char *fake_broken_rule(const struct vtd_unit *unit)
{
    for (u32 i = 0; i < FAKE_SLOTS; i++) {
        const struct vtd_entry *a = &unit->slot[i].entry;
        for (u32 j = 0; j < i && unit->slot[i].used; j++) {
            const struct vtd_entry *b = &unit->slot[j].entry;
            if (unit->slot[j].used && a->pgtt == PGTT_NESTED && b->pgtt == PGTT_NESTED &&
                a->fs_root == b->fs_root && a->ss_root.v == b->ss_root.v &&
                (a->fs_width != b->fs_width || a->eafe != b->eafe)) {
                return "one first stage, two FSPMs or EAFEs";
            }
            if (!unit->slot[j].used || a->did != b->did) {
                continue;
            }
            if (a->ss_root.v != b->ss_root.v || a->ss_levels != b->ss_levels) {
                return "one domain id, two second stages";
            }
            if (a->pgtt != b->pgtt) {
                return "one domain id, two kinds";
            }
            if (fake_pasid(unit, unit->slot[i].pasid) == fake_pasid(unit, unit->slot[j].pasid) &&
                (a->fs_root != b->fs_root || a->fs_width != b->fs_width)) {
                return "one domain id and PASID, two first stages";
            }
        }
        if (unit->slot[i].used && a->did == 0) {
            return "domain id 0";
        }
    }
    return NULL;
}

static inline enum result fake_take(enum result *next)
{
    enum result r = *next;
    *next = OK;
    return r;
}

void vtd_unit_get_info(const struct vtd_unit *unit, struct vtd_unit_info *out)
{
    *out = unit->info;
}

enum result vtd_device_get(struct vtd_unit *unit, enum vtd_root root, u16 sid,
                           struct vtd_context *out)
{
    (void)root;
    (void)sid;
    *out = (struct vtd_context){.rid_pasid = unit->rid_pasid, .pasids = 1u << 20};
    return unit->rid_pasid == VTD_NO_PASID ? ERR_NOT_FOUND : OK;
}

enum result vtd_device_set_entry(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid,
                                 const struct vtd_entry *entry)
{
    u32 i = fake_find(unit, root, sid, pasid);
    enum result r = fake_take(&unit->next_set);
    if (r != OK) {
        return r;
    }
    for (u32 free = 0; i == FAKE_SLOTS && free < FAKE_SLOTS; free++) {
        i = unit->slot[free].used ? i : free;
    }
    if (i == FAKE_SLOTS) {
        abort();
    }
    unit->slot[i].used = true;
    unit->slot[i].root = root;
    unit->slot[i].sid = sid;
    unit->slot[i].pasid = pasid;
    unit->slot[i].entry = *entry;
    return OK;
}

enum result vtd_device_clear_entry(struct vtd_unit *unit, enum vtd_root root, u16 sid, u32 pasid)
{
    u32 i = fake_find(unit, root, sid, pasid);
    enum result r = fake_take(&unit->next_clear);
    if (r == OK && i == FAKE_SLOTS) {
        return ERR_NOT_FOUND;
    }
    if (r == OK) {
        unit->slot[i].used = false;
    }
    return r;
}

enum result vtd_inval_second_stage(struct vtd_unit *unit, u16 did, u64 gpa, u64 size)
{
    u32 i = unit->invals++ % FAKE_INVALS;
    unit->inval[i].did = did;
    unit->inval[i].gpa = gpa;
    unit->inval[i].size = size;
    return fake_take(&unit->next_inval);
}

struct vtd_desc vtd_inval_second_stage_desc(const struct vtd_unit *unit, u16 did, u64 gpa, u64 size)
{
    (void)unit;
    return (struct vtd_desc){.w = {did, gpa + size}};
}

enum result vtd_inval_global(struct vtd_unit *unit)
{
    return fake_take(&unit->next_inval);
}

#endif
