/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invariants, seen from hardware: what every source-id and PASID in use can reach by
 * the tables as they are, what the unit has cached, and where it has sent messages.
 */
#include "tests/fuzz/world.h"
#include "tests/fuzz/other.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/model_internal.h"

/* A walk over everything must end: tables may lead to themselves, a large page to many small ones. */
enum { VISITS = 4096, READS = 50000 };

struct visit {
    u16 sid;
    u32 left;
};

static void fail(const char *what, u64 a, u64 b)
{
    fprintf(stderr, "%s: %llx %llx\n", what, a, b);
    abort();
}

static bool visit_mapping(void *ctx, const struct model_mapping *m)
{
    struct visit *visit = ctx;
    if (m->kind != MODEL_KIND_NESTED && m->kind != MODEL_KIND_SECOND_STAGE) {
        fail("a request skips the second stage", visit->sid, (u64)m->kind);
    }
    if (!world_device_may_reach(visit->sid, m->hpa, m->size)) {
        fail("outside the partition", m->iova, m->hpa);
    }
    return --visit->left != 0;
}

/* The translation that a request ends up with; two requests with the same one reach the same memory. */
struct reach {
    u64 ss_root, fs_root;
    enum model_kind kind;
    u64 fs_properties; /* FSPM and EAFE: a table has one of each (VT-d 6.2.3.1) */
};

static bool find_reach(u16 sid, bool has_pasid, u32 pasid, struct reach *out)
{
    const struct model_request request = {.sid = sid, .has_pasid = has_pasid, .pasid = pasid};
    struct walk walk;
    walk_begin(&walk, world.unit, &request, true);
    walk.want_read = false;
    if (mode_check(&walk) != 0 || structures_find(&walk) != 0) {
        return false;
    }
    bool nested = walk.kind == MODEL_KIND_NESTED;
    *out = (struct reach){walk.ss_root, nested ? walk.fs_root : 0, walk.kind,
                          nested ? walk.pasid_entry[2] & 0x8c : 0};
    return true;
}

enum { REACHES = WORLD_SIDS * (WORLD_PASIDS + 1) };
static struct reach seen[REACHES];
static u32 seen_count;

static void check_one(u16 sid, bool has_pasid, u32 pasid)
{
    struct visit visit = {sid, VISITS};
    struct reach reach;
    if (!find_reach(sid, has_pasid, pasid, &reach)) {
        return;
    }
    for (u32 i = 0; i < seen_count; i++) {
        if (seen[i].ss_root == reach.ss_root && seen[i].fs_root == reach.fs_root &&
            seen[i].kind == reach.kind) {
            if (seen[i].fs_properties != reach.fs_properties) {
                fail("one first stage, two FSPMs or EAFEs", sid, reach.fs_root);
            }
            return;
        }
    }
    seen[seen_count++] = reach;
    hosted_limit_reads(READS);
    (void)model_walk_all(world.unit, sid, has_pasid, pasid, visit_mapping, &visit);
    hosted_limit_reads(UINT64_MAX);
}

/* Whatever the guest says of it, where the other has none that could. */
static void check_foreign(u16 sid, bool has_pasid, u32 pasid)
{
    struct reach reach;
    bool is_there = find_reach(sid, has_pasid, pasid, &reach);
    if (is_there == has_pasid ||
        (is_there && (reach.kind != MODEL_KIND_SECOND_STAGE || reach.ss_root != other_root().v))) {
        fail("a foreign device", sid, is_there ? reach.ss_root : 0);
    }
}

static void check_reach(void)
{
    seen_count = 0;
    for (u32 i = 0; i < WORLD_SIDS; i++) {
        bool own = world.pair || world_has_source(world_sids[i]);
        (own ? check_one : check_foreign)(world_sids[i], false, 0);
        for (u32 j = 0; j < WORLD_PASIDS; j++) {
            if (world.used[i][j + 1]) {
                (own ? check_one : check_foreign)(world_sids[i], true, world_pasids[j]);
            }
        }
    }
}

/* Intel 772415: what can be read can be written, at every level of the second stage. */
static void check_second_stage(u64 table, u32 level)
{
    u64 entries[512];
    memcpy(entries, hosted_memory() + table, sizeof(entries));
    for (u32 i = 0; i < 512; i++) {
        if ((entries[i] & 3) == 0) {
            continue;
        }
        if ((entries[i] & 3) != 3) {
            fail("read-only under a nested entry", table, entries[i]);
        }
        if (level > 1 && (entries[i] & 0x80) == 0) {
            check_second_stage(entries[i] & 0xffffffffff000ull, level - 1); /* above are bits that hardware ignores */
        }
    }
}

static void fresh_entry(u16 sid, u32 pasid, struct walk *walk, struct model_request *request)
{
    *request = (struct model_request){.sid = sid, .has_pasid = true, .pasid = pasid};
    walk_begin(walk, world.unit, request, true);
    walk->want_read = false;
    if (mode_check(walk) == 0 && context_find(walk) == 0) {
        walk->pasid = pasid;
        (void)pasid_find(walk);
    }
}

typedef void check_node(const struct node *node);

static void each(const struct cache *cache, check_node *check)
{
    for (size_t i = 0; i < cache->bucket_count; i++) {
        for (const struct node *node = cache->buckets[i]; node != NULL; node = node->next) {
            check(node);
        }
    }
}

static void check_iotlb(const struct node *node)
{
    const struct iotlb_entry *e = (const struct iotlb_entry *)(const void *)node;
    if (e->reason == 0 && !world_device_may_reach((u16)e->node.k2, e->hpa & ~0xfffull, 1ull << e->shift)) {
        fail("cached translation to memory given back", e->node.k2, e->hpa);
    }
}

static void check_fs(const struct node *node)
{
    const struct fs_entry *e = (const struct fs_entry *)(const void *)node;
    if (!world_may_reach(e->table_hpa, 4096) && !(world.pair && other_is_memory(e->table_hpa, 4096))) {
        fail("cached first-stage table in memory given back", e->node.k1, e->table_hpa);
    }
}

static void check_pasid(const struct node *node)
{
    const struct pasid_entry *e = (const struct pasid_entry *)(const void *)node;
    struct model_request request;
    struct walk walk;
    if (e->reason == 0) {
        fresh_entry((u16)e->node.k1, (u32)e->node.k2, &walk, &request);
        if (memcmp(walk.pasid_entry, e->w, sizeof(e->w)) != 0) {
            fail("stale PASID entry in the cache", e->node.k1, e->node.k2);
        }
    }
}

/* --- interrupts --- */

static bool extended(void)
{
    return (world.unit->irta & 1u << 11) != 0;
}

/* Each CPU of a destination, by VT-d 5.1.6 and SDM 12.12.10; of the first guest, or of the other's. */
static void check_destination(u32 destination, bool logical, bool others)
{
    bool (*has_cpu)(u32 apic_id) = others ? other_has_cpu : world_has_cpu;
    if (!logical && !has_cpu(destination)) {
        fail("interrupt for a foreign CPU", destination, 0);
    }
    if (logical && !extended()) {
        fail("interrupt for whoever calls itself so", destination, 0);
    }
    for (u32 bit = 0; logical && bit < 16; bit++) {
        if ((destination >> bit & 1) != 0 && !has_cpu((destination >> 16) * 16 + bit)) {
            fail("interrupt for a foreign CPU of a cluster", destination, bit);
        }
    }
}

static void check_kind(u64 mode, u64 vector)
{
    if (mode > 1 || vector < 16) {
        fail("interrupt of a kind that is not allowed", mode, vector);
    }
}

/* Of a pair, indexes of the other's are for its device, and nothing else is. */
static bool is_at_home(u16 sid, u32 index)
{
    return world.pair && sid == OTHER_SID ? index - OTHER_FIRST < OTHER_MESSAGES
                                          : world_has_source(sid) && !(world.pair && index >= OTHER_FIRST);
}

/* Compatibility requests are the guest's to allow, with remapping off or CFI on; of a pair's none passes. */
void world_check_interrupt(u16 sid, const struct model_interrupt *out)
{
    if (!out->sent || (out->form == MODEL_FORM_COMPATIBILITY && !world.pair)) {
        return;
    }
    if (out->form != MODEL_FORM_REMAPPED || !is_at_home(sid, out->index)) {
        fail("interrupt", (u64)out->form, sid);
    }
    check_kind(out->data >> 8 & 7, out->data & 0xff);
    check_destination((u32)(out->addr >> 12 & 0xff) | (u32)(out->addr >> 32 & ~0xffull), (out->addr & 4) != 0,
                      sid == OTHER_SID);
}

static bool admits_foreigners(u64 w1)
{
    static const u8 ignored[] = {0, 4, 6, 7};
    u32 svt = w1 >> 18 & 3, sid = w1 & 0xffff;
    bool foreign = svt != 1 && svt != 2;
    for (u32 bits = 0; svt == 1 && bits < 8; bits++) {
        u32 mask = ignored[w1 >> 16 & 3];
        foreign |= (bits & ~mask) == 0 && !world_has_source((u16)((sid & ~mask) | bits));
    }
    for (u32 bus = sid >> 8; svt == 2 && bus <= (sid & 0xff); bus++) {
        foreign |= !world_has_source((u16)(bus << 8)) || !world_has_source((u16)(bus << 8 | 0xff));
    }
    return foreign;
}

static void check_irte(u64 index, const u64 w[2])
{
    bool others = world.pair && index >= OTHER_FIRST;
    if ((w[0] & 1) == 0) {
        return;
    }
    if ((w[0] & 0x8000) != 0 || (others ? w[1] != (1u << 18 | OTHER_SID) : admits_foreigners(w[1]))) {
        fail("interrupt entry", w[0], w[1]);
    }
    check_kind(w[0] >> 5 & 7, w[0] >> 16 & 0xff);
    check_destination((u32)(extended() ? w[0] >> 32 : w[0] >> 40 & 0xff), (w[0] & 4) != 0, others);
}

static void check_cached_irte(const struct node *node)
{
    const struct irte *e = (const struct irte *)(const void *)node;
    const u64 w[2] = {e->w[0], e->w[1]};
    check_irte(e->node.k1, w);
    if (world.pair && e->node.k1 >= OTHER_FIRST && !world.hung &&
        memcmp(hosted_memory() + (world.unit->irta & ~0xfffull) + e->node.k1 * 16, w, sizeof(w)) != 0) {
        fail("stale interrupt entry in the cache", e->node.k1, w[0]);
    }
}

/* What the unit would fetch; the entries that inputs name, and the last ones. */
static void check_irt(void)
{
    enum { FIRST = 272, LAST = 2 * OTHER_KEPT, ENTRIES = FIRST + LAST };
    if ((world.unit->irta & 15) != 15 || !interrupt_is_remapped(world.unit)) {
        return;
    }
    for (u32 i = 0; i < ENTRIES; i++) {
        u64 w[2];
        u64 index = i < FIRST ? i : 65536 - ENTRIES + i;
        memcpy(w, hosted_memory() + (world.unit->irta & ~0xfffull) + index * 16, sizeof(w));
        check_irte(index, w);
    }
    each(&world.unit->irtes, check_cached_irte);
}

/* The unit's own, which no table remaps; the upper half is part of the destination in the extended mode alone. */
static void check_event(void)
{
    u64 addr;
    u32 data;
    hosted_last_interrupt(&addr, &data);
    world.messages = hosted_interrupts();
    bool wide = extended() && interrupt_is_remapped(world.unit);
    if ((u32)addr >> 20 != 0xfee || (addr >> 32 != 0 && !wide)) {
        fail("message by the unit", addr, data);
    }
    check_kind(data >> 8 & 7, data & 0xff);
    check_destination((u32)(addr >> 12 & 0xff) | (u32)(addr >> 32), (addr & 4) != 0, false);
}

/* Nothing turns off what keeps the two apart. */
static void check_apart(void)
{
    enum { IRES = 1 << 25, CFIS = 1 << 23 };
    u64 status = model_read(world.unit, 0x1c, 4);
    if ((status & (IRES | CFIS)) != IRES || !extended()) {
        fail("interrupts are not kept apart", status, world.unit->irta);
    }
}

void world_check(void)
{
    check_reach();
    check_second_stage(host_second_stage().v, 4);
    if (world.pair) {
        check_second_stage(other_root().v, 4);
        check_apart();
    }
    each(&world.unit->iotlb, check_iotlb);
    each(&world.unit->fs, check_fs);
    check_irt();
    if (!world.hung) { /* what a dead queue leaves cached must only stay in the partition */
        each(&world.unit->pasids, check_pasid);
    }
    if (hosted_interrupts() != world.messages) {
        check_event();
    }
}
