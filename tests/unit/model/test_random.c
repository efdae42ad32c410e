/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidations that VT-d 6.5.3.3 (Table 28) asks of software are enough: after random
 * changes of every kind of entry, each followed by exactly those, the caching unit answers
 * like one that has cached nothing. A cache that no invalidation reaches would show here.
 */
#include "tests/model/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { TREES = 2, USERS = 8, STEPS = 6000 };
enum { FIRST = 1, SECOND = 2, NESTED = 3, PASS = 4 };

struct user {
    uint16_t sid;
    uint32_t pasid;
    unsigned kind;
    uint16_t did;
    unsigned tree;
    uint64_t context, entry;
};

struct world {
    struct rig *rig;
    uint64_t seed;
    bool cm;
    uint64_t fs_top[TREES], ss_top;
    struct user users[USERS];
};

static const uint64_t addresses[] = {0x40000000, 0x40001000, 0x40200000, 0x80000000,
                                     0x8000000000, 0x8000001000};
enum { ADDRESSES = sizeof(addresses) / sizeof(addresses[0]) };

static unsigned pick(struct world *w, unsigned n)
{
    w->seed = w->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(w->seed >> 33) % n;
}

static uint64_t entry_of(struct world *w, uint64_t top, uint64_t addr, unsigned level)
{
    uint64_t table = top;
    for (unsigned l = 4; l > level; l--) {
        uint64_t entry = table + (addr >> (12 + 9 * (l - 1)) & 0x1ff) * 8;
        if ((rig_get(w->rig, entry) & ~0xfffull) == 0) {
            rig_put(w->rig, entry, rig_page(w->rig) | 7);
        }
        table = rig_get(w->rig, entry) & ~0xfffull;
    }
    return table + (addr >> (12 + 9 * (level - 1)) & 0x1ff) * 8;
}

static uint64_t build_tree(struct world *w, uint64_t target)
{
    uint64_t top = rig_page(w->rig);
    for (unsigned i = 0; i < ADDRESSES; i++) {
        rig_put(w->rig, entry_of(w, top, addresses[i], 1),
                (target != 0 ? target + i * 0x1000 : addresses[i]) | 7);
    }
    return top;
}

static void put_user(struct world *w, const struct user *u)
{
    bool second = u->kind == SECOND || u->kind == NESTED;
    bool first = u->kind == FIRST || u->kind == NESTED;
    rig_put(w->rig, u->entry + 8, u->did | 1 << 23);
    rig_put(w->rig, u->entry + 16, first ? w->fs_top[u->tree] : 0);
    rig_put(w->rig, u->entry, (second ? w->ss_top | 2 << 2 : 0) | u->kind << 6 | 1);
}

/* DIDs by rule (VT-d 6.2.3.1): one per {kind, tree}; kinds never share. */
static uint16_t did_for(const struct user *u)
{
    return (uint16_t)(u->kind * 16 + (u->kind == FIRST || u->kind == NESTED ? u->tree : 0));
}

static struct world world_create(uint64_t seed, bool cm)
{
    struct model_config config = rig_default_config();
    config.cap |= cm ? 1u << 7 : 0;
    struct world w = {.rig = rig_create(&config), .seed = seed, .cm = cm};
    uint64_t root = rig_page(w.rig);
    uint64_t contexts = rig_page(w.rig);
    w.ss_top = build_tree(&w, 0);
    rig_put(w.rig, entry_of(&w, w.ss_top, 0, 3), 0x87); /* the first GiB: all tables */
    w.fs_top[0] = build_tree(&w, 0);
    w.fs_top[1] = build_tree(&w, 0x600000);
    rig_put(w.rig, root, contexts | 1);
    for (unsigned i = 0; i < USERS; i++) {
        struct user *u = &w.users[i];
        *u = (struct user){.sid = (uint16_t)(i / 2 * 8), .pasid = i % 2 != 0 ? 3 : 0,
                           .kind = 1 + i % 4, .tree = i / 4};
        u->did = did_for(u);
        u->context = contexts + u->sid * 32ull;
        if (i % 2 == 0) {
            uint64_t directory = rig_page(w.rig);
            rig_put(w.rig, directory, rig_page(w.rig) | 1);
            rig_put(w.rig, u->context, directory | 9);
        }
        uint64_t directory = rig_get(w.rig, u->context) & ~0xfffull;
        u->entry = (rig_get(w.rig, directory) & ~0xfffull) + u->pasid * 64;
        put_user(&w, u);
    }
    rig_enable(w.rig, root | 1u << 10);
    return w;
}

/* --- changes, each with what Table 28 asks --- */

static void submit(struct world *w, uint64_t w0, uint64_t w1)
{
    if (!rig_submit(w->rig, w0, w1)) {
        fail_msg("descriptor %llx was refused", w0);
    }
}

/* A new right or presence; the entry keeps its address. */
static uint64_t toggled(struct world *w, uint64_t entry)
{
    switch (pick(w, 3)) {
    case 0:
        return entry ^ 2; /* R/W or W */
    case 1:
        return (entry & 3) == 0 ? entry | 3 : entry & ~3ull;
    default:
        return entry | 7;
    }
}

static void change_first_stage(struct world *w)
{
    unsigned tree = pick(w, TREES);
    unsigned level = 1 + pick(w, 4);
    uint64_t addr = addresses[pick(w, ADDRESSES)];
    uint64_t at = entry_of(w, w->fs_top[tree], addr, level);
    uint64_t old = rig_get(w->rig, at);
    rig_put(w->rig, at, toggled(w, old));
    if ((old & 1) == 0) {
        return; /* not-present entries are never cached in this stage, CM or not */
    }
    unsigned am = 9 * (level - 1);
    uint64_t base = addr & ~((1ull << (am + 12)) - 1);
    for (unsigned i = 0; i < USERS; i++) {
        const struct user *u = &w->users[i];
        if ((u->kind == FIRST || u->kind == NESTED) && u->tree == tree) {
            submit(w, 6 | 3 << 4 | (uint64_t)u->did << 16 | (uint64_t)u->pasid << 32,
                   base | am | (level == 1 ? 1 << 6 : 0));
        }
    }
}

static void change_second_stage(struct world *w)
{
    unsigned level = 1 + pick(w, 3);
    uint64_t addr = addresses[pick(w, ADDRESSES)];
    uint64_t at = entry_of(w, w->ss_top, addr, level);
    uint64_t old = rig_get(w->rig, at);
    rig_put(w->rig, at, toggled(w, old));
    if ((old & 3) == 0 && !w->cm) {
        return;
    }
    unsigned am = 9 * (level - 1);
    uint64_t base = addr & ~((1ull << (am + 12)) - 1);
    for (unsigned i = 0; i < USERS; i++) {
        const struct user *u = &w->users[i];
        if (u->kind == SECOND || u->kind == NESTED) {
            submit(w, 2 | 3 << 4 | (uint64_t)u->did << 16,
                   base | am | (level == 1 ? 1 << 6 : 0));
        }
    }
}

static void change_pasid_entry(struct world *w)
{
    struct user *u = &w->users[pick(w, USERS)];
    uint64_t old_did = u->did;
    bool was_present = (rig_get(w->rig, u->entry) & 1) != 0;
    bool second = u->kind == SECOND || u->kind == NESTED;
    if (pick(w, 2) == 0) {
        rig_put(w->rig, u->entry, rig_get(w->rig, u->entry) & ~1ull);
    } else {
        u->kind = 1 + pick(w, 4);
        u->tree = pick(w, TREES);
        u->did = did_for(u);
        put_user(w, u);
    }
    if (was_present) {
        submit(w, 7 | 1 << 4 | old_did << 16 | (uint64_t)u->pasid << 32, 0);
        submit(w, second ? 2 | 2 << 4 | old_did << 16
                         : 6 | 2 << 4 | old_did << 16 | (uint64_t)u->pasid << 32, 0);
    } else if (w->cm) { /* faulted entries are tagged DID 0, VT-d 6.2.3 */
        submit(w, 7 | 1 << 4 | (uint64_t)u->pasid << 32, 0);
    }
}

static void change_context(struct world *w)
{
    struct user *u = &w->users[pick(w, USERS)];
    uint64_t old = rig_get(w->rig, u->context);
    rig_put(w->rig, u->context, old ^ 1);
    if ((old & 1) == 0 && !w->cm) {
        return;
    }
    submit(w, 1 | 3 << 4 | (uint64_t)u->sid << 32, 0);
    for (unsigned i = 0; i < USERS; i++) {
        if (w->users[i].sid == u->sid) {
            submit(w, 7 | (uint64_t)w->users[i].did << 16, 0);
            submit(w, 2 | 2 << 4 | (uint64_t)w->users[i].did << 16, 0);
        }
    }
}

static void check(struct world *w, unsigned step)
{
    struct model_outcome fresh;
    struct model_outcome cached;
    for (unsigned n = 0; n < 12; n++) {
        const struct user *u = &w->users[pick(w, USERS)];
        uint64_t buf = 0;
        struct model_request r = {.sid = u->sid, .has_pasid = u->pasid != 0, .pasid = u->pasid,
                                  .addr = addresses[pick(w, ADDRESSES)] + 8, .len = 8,
                                  .op = pick(w, 2) != 0 ? MODEL_WRITE : MODEL_READ};
        (void)model_translate(rig_unit(w->rig), &r, &fresh);
        (void)model_dma(rig_unit(w->rig), &r, &buf, &cached);
        /* A fault cached for a read may name another stage than a fresh write's. */
        bool same = w->cm ? (fresh.reason == 0) == (cached.reason == 0)
                          : fresh.reason == cached.reason;
        if (!same || (fresh.reason == 0 && fresh.hpa != cached.hpa)) {
            fail_msg("step %u: sid %x pasid %u kind %u at %llx: fresh %02x/%llx cached %02x/%llx", step,
                     u->sid, u->pasid, u->kind, r.addr, fresh.reason, fresh.hpa, cached.reason, cached.hpa);
        }
    }
}

static void random_walk(uint64_t seed, bool cm)
{
    struct world w = world_create(seed, cm);
    for (unsigned step = 0; step < STEPS; step++) {
        switch (pick(&w, 8)) {
        case 0: case 1: case 2:
            change_first_stage(&w);
            break;
        case 3: case 4: case 5:
            change_second_stage(&w);
            break;
        case 6:
            change_pasid_entry(&w);
            break;
        default:
            change_context(&w);
            break;
        }
        check(&w, step);
    }
    const struct model_counters *c = model_counters(rig_unit(w.rig));
    assert_true(c->iotlb_hits > STEPS / 10); /* the caches did serve */
    assert_true(c->context_hits > STEPS && c->pasid_hits > STEPS);
    rig_destroy(w.rig);
}

static void seed_1(void **state) { (void)state; random_walk(1, false); }
static void seed_2(void **state) { (void)state; random_walk(2, false); }
static void seed_1_cm(void **state) { (void)state; random_walk(1, true); }
static void seed_2_cm(void **state) { (void)state; random_walk(2, true); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_1), cmocka_unit_test(seed_2),
        cmocka_unit_test(seed_1_cm), cmocka_unit_test(seed_2_cm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
