/* SPDX-License-Identifier: BSD-2-Clause */
/* See guest_tables.h. */
#include "tests/support/guest_tables.h"

#include <stdio.h>
#include <string.h>

static u64 gpa_of(const void *entry)
{
    return (u64)((const u8 *)entry - hosted_memory());
}

void tables_build(struct tables *t, bool share)
{
    struct kit *kit = &t->p.kit;
    pair_start(&t->p);
    u64 target = kit_page(kit);
    u64 fs_root = kit_page(kit);
    kit_map(kit, fs_root, TABLES_IOVA, target, 6);
    kit_first_stage(kit, TABLES_SID, 0, TABLES_DID, fs_root);
    u64 own_root = kit_page(kit); /* with what fs_root says: FSPM and EAFE are a table's own */
    memcpy(kit_at(own_root), kit_at(fs_root), PAGE_SIZE);
    kit_first_stage(kit, TABLES_SID, TABLES_PASID, TABLES_DID, share ? fs_root : own_root);
    u64 *context = kit_context(kit, TABLES_SID, 0, 0);
    u64 directory = context[0] & ~PAGE_MASK;
    u64 level[5] = {0, 0, 0, 0, fs_root};
    for (u32 i = 4; i > 1; i--) {
        level[i - 1] = kit_at(level[i])[(TABLES_IOVA >> (3 + 9 * i)) & 511] & ~PAGE_MASK;
    }
    t->place[ROOT] = (struct place){"root", kit->root + (TABLES_SID >> 8) * 16, 2};
    t->place[CONTEXT] = (struct place){"context", gpa_of(context), 4};
    t->place[DIR] = (struct place){"directory", directory + (TABLES_PASID >> 6) * 8, 1};
    t->place[DIR_RID] = (struct place){"directory of RID_PASID", directory, 1};
    u64 entry = gpa_of(kit_pasid_entry(kit, TABLES_SID, TABLES_PASID));
    t->place[ENTRY] = (struct place){"PASID entry", entry, 8};
    u64 rid_entry = gpa_of(kit_pasid_entry(kit, TABLES_SID, 0));
    t->place[ENTRY_RID] = (struct place){"RID_PASID entry", rid_entry, 8};
    static const char *const names[] = {"", "FS-PTE", "FS-PDE", "FS-PDPTE", "FS-PML4E"};
    for (u32 i = 1; i <= 4; i++) {
        u64 at = level[i] + ((TABLES_IOVA >> (3 + 9 * i)) & 511) * 8;
        t->place[FS1 + 1 - i] = (struct place){names[i], at, 1};
    }
}

static void access(struct tables *t, bool with_pasid, enum model_op op, bool priv)
{
    const struct model_request request = {.sid = TABLES_SID, .has_pasid = with_pasid,
                                          .pasid = with_pasid ? TABLES_PASID : 0, .priv = priv,
                                          .op = op, .addr = TABLES_IOVA, .len = 8};
    (void)pair_dma(&t->p, &request);
    pair_compare(&t->p);
    pair_serve_faults(&t->p);
}

void tables_access(struct tables *t)
{
    access(t, false, MODEL_READ, false);
    access(t, true, MODEL_READ, false);
    access(t, false, MODEL_WRITE, false);
    access(t, true, MODEL_WRITE, false);
    access(t, true, MODEL_ATOMIC, false);
    access(t, true, MODEL_WRITE, true);
}

void tables_finish(struct tables *t, const char *name)
{
    pair_finish(&t->p, name);
}

/*
 * Hardware with one stage reports nothing for a page that is not memory: nobody answers the
 * access. The guest's unit says "not present" then; see pages_outside_the_partition() of
 * tests/unit/viommu/test_first_stage.c.
 */
static bool leaf_leads_out(const struct tables *t)
{
    u64 leaf = kit_at(t->place[FS1].at)[0];
    u64 page = leaf & 0x000ffffffffff000ull;
    return (leaf & 1) != 0 && (page < KIT_RAM_BASE || page >= KIT_RAM_END) &&
           page < 1ull << KIT_HAW;
}

/* Returns how many bits the structure has. */
static u32 one_bit(u32 where, u32 bit)
{
    struct tables t;
    tables_build(&t, where != ENTRY && where != ENTRY_RID);
    kit_at(t.place[where].at)[bit / 64] ^= 1ull << bit % 64;
    pair_boot(&t.p);
    if (!leaf_leads_out(&t)) {
        tables_access(&t);
    }
    char name[80];
    (void)snprintf(name, sizeof(name), "%s bit %u", t.place[where].name, bit);
    tables_finish(&t, name);
    return 64 * t.place[where].words;
}

void tables_each_bit(u32 where)
{
    u32 bits = 1;
    for (u32 bit = 0; bit < bits; bit++) {
        bits = one_bit(where, bit);
    }
}
