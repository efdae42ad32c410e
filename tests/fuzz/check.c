/*
 * The invariants, seen from hardware: what every source-id and PASID in use can reach by
 * the tables as they are, what the unit has cached, and where it has sent messages.
 */
#include "tests/fuzz/world.h"

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
    if (!world_may_reach(m->hpa, m->size)) {
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

static void check_reach(void)
{
    seen_count = 0;
    for (u32 i = 0; i < WORLD_SIDS; i++) {
        check_one(world_sids[i], false, 0);
        for (u32 j = 0; j < WORLD_PASIDS; j++) {
            if (world.used[i][j + 1]) {
                check_one(world_sids[i], true, world_pasids[j]);
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
    if (e->reason == 0 && !world_may_reach(e->hpa & ~0xfffull, 1ull << e->shift)) {
        fail("cached translation to memory given back", e->node.k2, e->hpa);
    }
}

static void check_fs(const struct node *node)
{
    const struct fs_entry *e = (const struct fs_entry *)(const void *)node;
    if (!world_may_reach(e->table_hpa, 4096)) {
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

void world_check(void)
{
    u64 addr = 0xfee00000;
    u32 data = 0;
    check_reach();
    check_second_stage(host_second_stage().v, 4);
    each(&world.unit->iotlb, check_iotlb);
    each(&world.unit->fs, check_fs);
    if (!world.hung) { /* what a dead queue leaves cached must only stay in the partition */
        each(&world.unit->pasids, check_pasid);
    }
    if (hosted_interrupts() != 0) {
        hosted_last_interrupt(&addr, &data);
    }
    if (addr >> 20 != 0xfee || ((data >> 8) & 7) > 1) {
        fail("message by the unit", addr, data);
    }
}
