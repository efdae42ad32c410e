/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds and runs the scenes of scene.h.
 */
#include "tests/model/scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FINAL_PAGE 0x80000000ull    /* host address of the final page, 1 GiB aligned */
#define TABLES_GPA 0x10000ull       /* first-stage tables: one page per level from here */
#define SENTINEL 0x0123456789abcdefull

static unsigned or_default(unsigned value, unsigned otherwise)
{
    return value == 0 ? otherwise : value;
}

static unsigned shift_of(unsigned level)
{
    return 12 + 9 * (level - 1);
}

static uint64_t entry_at(uint64_t table, uint64_t addr, unsigned level)
{
    return table + (addr >> shift_of(level) & 0x1ff) * 8;
}

/* A chain of second-stage tables from *table (at level top) to a leaf at level leaf. */
static void second_stage_chain(struct rig *rig, uint64_t table, unsigned top, unsigned leaf,
                               uint64_t gpa, uint64_t hpa, uint64_t entries[6])
{
    for (unsigned level = top; level > leaf; level--) {
        uint64_t entry = entry_at(table, gpa, level);
        if (rig_get(rig, entry) == 0) {
            rig_put(rig, entry, rig_page(rig) | 3);
        }
        entries[level] = entry;
        table = rig_get(rig, entry) & ~0xfffull;
    }
    entries[leaf] = entry_at(table, gpa, leaf);
    uint64_t page = hpa & ~((1ull << shift_of(leaf)) - 1);
    rig_put(rig, entries[leaf], page | 3 | (leaf > 1 ? 0x80 : 0));
}

/* Addresses with a different, non-zero index at every level. */
static uint64_t first_stage_addr(unsigned levels)
{
    uint64_t addr = 2ull << 39 | 3ull << 30 | 4ull << 21 | 5ull << 12 | 0x678;
    return levels == 5 ? addr | 1ull << 48 : addr;
}

static uint64_t second_stage_addr(unsigned levels, unsigned haw)
{
    uint64_t addr = 1ull << 30 | 1ull << 21 | 1ull << 12 | 0x678;
    if (levels >= 4) {
        addr |= 1ull << 39;
    }
    if (levels == 5 && haw > 48) {
        addr |= 1ull << 48;
    }
    return addr;
}

static void build_first_stage(struct scene *s, const struct scene_options *o, bool nested,
                              uint64_t ss_root, unsigned ss_levels, uint64_t final)
{
    unsigned levels = or_default(o->fs_levels, 4);
    unsigned leaf = or_default(o->fs_leaf, 1);
    uint64_t hpa[6] = {0};
    uint64_t chain[6] = {0};
    uint64_t preset = o->ad_preset ? 0x20 : 0;
    for (unsigned level = levels; level >= leaf; level--) {
        hpa[level] = rig_page(s->rig);
        s->fs_gpa[level] = nested ? TABLES_GPA + level * 0x1000ull : hpa[level];
        if (nested) {
            second_stage_chain(s->rig, ss_root, ss_levels, 1, s->fs_gpa[level], hpa[level],
                               chain);
            s->place[SP1 + level - 1] = chain[1];
        }
    }
    for (unsigned level = 2; level <= ss_levels && nested; level++) {
        s->place[ST2 + level - 2] = chain[level];
    }
    for (unsigned level = levels; level >= leaf; level--) {
        uint64_t entry = entry_at(hpa[level], s->addr, level);
        s->place[FS1 + level - 1] = entry;
        if (level > leaf) {
            rig_put(s->rig, entry, s->fs_gpa[level - 1] | 7 | preset);
        } else {
            uint64_t page = final & ~((1ull << shift_of(leaf)) - 1);
            rig_put(s->rig, entry, page | 7 | preset | (o->ad_preset ? 0x40 : 0) |
                                   (leaf > 1 ? 0x80 : 0));
        }
    }
}

static void build_legacy(struct scene *s, enum scene_mode mode, uint64_t ss_root,
                         unsigned ss_levels, uint16_t sid)
{
    uint64_t root = rig_page(s->rig);
    uint64_t context = rig_page(s->rig);
    s->place[ROOT0] = root + (sid >> 8) * 16ull;
    s->place[ROOT1] = s->place[ROOT0] + 8;
    s->place[CTX0] = context + (sid & 0xff) * 16ull;
    s->place[CTX1] = s->place[CTX0] + 8;
    rig_put(s->rig, s->place[ROOT0], context | 1);
    rig_put(s->rig, s->place[CTX0], mode == LEGACY_PASS ? 2 << 2 | 1 : ss_root | 1);
    rig_put(s->rig, s->place[CTX1], (ss_levels - 2) | SCENE_DID << 8);
    s->rtaddr = root;
}

static void build_scalable(struct scene *s, enum scene_mode mode, const struct scene_options *o,
                           uint64_t ss_root, unsigned ss_levels)
{
    static const uint64_t pgtt[] = {[SCALABLE_FIRST] = 1, [SCALABLE_SECOND] = 2,
                                    [SCALABLE_NESTED] = 3, [SCALABLE_PASS] = 4};
    uint16_t sid = s->request.sid;
    uint32_t pasid = s->request.has_pasid ? s->request.pasid : o->rid_pasid;
    uint64_t root = rig_page(s->rig);
    uint64_t context = rig_page(s->rig);
    uint64_t directory = rig_pages(s->rig, 1u << (o->pdts > 2 ? o->pdts - 2 : 0));
    uint64_t table = rig_page(s->rig);
    unsigned fs_levels = or_default(o->fs_levels, 4);
    s->place[ROOT0] = root + (sid >> 8) * 16ull;
    s->place[ROOT1] = s->place[ROOT0] + 8;
    rig_put(s->rig, (sid & 0x80) != 0 ? s->place[ROOT1] : s->place[ROOT0], context | 1);
    for (unsigned i = 0; i < 4; i++) {
        s->place[CTX0 + i] = context + (sid & 0x7f) * 32ull + i * 8;
    }
    /* PASIDE if the request needs it; some cases want a directory that does not reach the PASID. */
    rig_put(s->rig, s->place[CTX0],
            directory | (uint64_t)o->pdts << 9 | (s->request.has_pasid ? 8 : 0) | 1);
    rig_put(s->rig, s->place[CTX1], o->rid_pasid);
    s->place[DIR] = directory + (pasid >> 6) * 8ull;
    rig_put(s->rig, s->place[DIR], table | 1);
    for (unsigned i = 0; i < 8; i++) {
        s->place[PE0 + i] = table + (pasid & 63) * 64ull + i * 8;
    }
    bool second = mode == SCALABLE_SECOND || mode == SCALABLE_NESTED;
    bool first = mode == SCALABLE_FIRST || mode == SCALABLE_NESTED;
    rig_put(s->rig, s->place[PE0],
            (second ? ss_root | (ss_levels - 2) << 2 : 0) | pgtt[mode] << 6 | 1);
    rig_put(s->rig, s->place[PE1], SCENE_DID | 1 << 23); /* PWSNP */
    if (first) {
        rig_put(s->rig, s->place[PE2], s->fs_gpa[fs_levels] | (fs_levels == 5 ? 4 : 0));
    }
    s->rtaddr = root | 1 << 10;
}

struct scene scene_build(const struct model_config *config, enum scene_mode mode,
                         const struct scene_options *o, const struct model_request *request)
{
    struct scene s = {.rig = rig_create(config), .request = *request};
    unsigned ss_levels = or_default(o->ss_levels, 4);
    unsigned ss_leaf = or_default(o->ss_leaf, 1);
    uint64_t ss_root = rig_page(s.rig);
    uint64_t chain[6] = {0};
    bool second = mode == LEGACY_SECOND || mode == SCALABLE_SECOND || mode == SCALABLE_NESTED;
    bool first = mode == SCALABLE_FIRST || mode == SCALABLE_NESTED;
    if (s.request.sid == 0) {
        s.request.sid = o->sid != 0 ? o->sid : SCENE_SID;
    }
    uint64_t final = mode == SCALABLE_NESTED ? second_stage_addr(ss_levels, config->haw)
                                             : FINAL_PAGE;
    uint64_t leaf_mask = (1ull << shift_of(or_default(o->fs_leaf, 1))) - 1;
    s.addr = first ? first_stage_addr(or_default(o->fs_levels, 4))
                   : second_stage_addr(ss_levels, config->haw);
    s.gpa = first ? (final & ~leaf_mask) | (s.addr & leaf_mask) : s.addr;
    s.hpa = s.gpa;
    if (second) {
        uint64_t ss_mask = (1ull << shift_of(ss_leaf)) - 1;
        s.hpa = FINAL_PAGE | (s.gpa & ss_mask);
        second_stage_chain(s.rig, ss_root, ss_levels, ss_leaf, s.gpa, FINAL_PAGE, chain);
        for (unsigned level = ss_leaf; level <= ss_levels; level++) {
            s.place[SS1 + level - 1] = chain[level];
        }
    }
    if (first) {
        build_first_stage(&s, o, second, ss_root, ss_levels, final);
    }
    if (mode == LEGACY_SECOND || mode == LEGACY_PASS) {
        build_legacy(&s, mode, ss_root, ss_levels, s.request.sid);
    } else {
        build_scalable(&s, mode, o, ss_root, ss_levels);
    }
    if (s.request.addr == 0) {
        s.request.addr = s.addr;
    }
    rig_put(s.rig, s.hpa & ~7ull, SENTINEL);
    return s;
}

void scene_change(struct scene *scene, enum place at, uint64_t set, uint64_t clear)
{
    uint64_t addr = scene->place[at];
    rig_put(scene->rig, addr, (rig_get(scene->rig, addr) & ~clear) | set);
}

void scene_destroy(struct scene *scene)
{
    rig_destroy(scene->rig);
}

/* --- running a case --- */

static const char *check_record(struct scene *s, const struct model_outcome *seen,
                                const struct scene_case *c)
{
    struct rig_fault fault;
    bool any = rig_take_fault(s->rig, &fault);
    if (c->reason == 0 || c->unrecorded) {
        return any ? "a fault was recorded" : NULL;
    }
    if (!any) {
        return "no fault was recorded";
    }
    if (fault.reason != c->reason || fault.sid != s->request.sid ||
        fault.addr != (s->request.addr & ~0xfffull)) {
        return "the record names another fault";
    }
    if (fault.has_pasid != s->request.has_pasid ||
        (fault.has_pasid && (fault.pasid != s->request.pasid || fault.priv != s->request.priv))) {
        return "the record's PASID or PRIV is wrong";
    }
    bool read = s->request.op != MODEL_WRITE || s->request.at == MODEL_TRANSLATION;
    if (fault.read != read) {
        return "the record's T1 is wrong";
    }
    return seen->fault_addr != fault.addr ? "outcome and record differ" : NULL;
}

static const char *check_data(struct scene *s, uint64_t buf, bool done)
{
    uint64_t memory = rig_get(s->rig, s->hpa & ~7ull);
    if (s->request.op == MODEL_READ) {
        return done && buf != SENTINEL ? "another place was read" : NULL;
    }
    if (!done) {
        return memory != SENTINEL ? "a refused access reached memory" : NULL;
    }
    return memory == SENTINEL ? "the write did not arrive" : NULL;
}

static const char *check_entries(struct scene *s, const struct scene_case *c)
{
    static char text[64];
    for (size_t i = 0; i < sizeof(c->expect) / sizeof(c->expect[0]); i++) {
        const struct change *e = &c->expect[i];
        if (e->at == NOWHERE) {
            continue;
        }
        uint64_t value = rig_get(s->rig, s->place[e->at]);
        if ((value & e->set) != e->set || (value & e->clear) != 0) {
            (void)snprintf(text, sizeof(text), "expect[%zu]: entry is %016" PRIx64, i, value);
            return text;
        }
    }
    return NULL;
}

static const char *run(struct scene *s, const struct scene_case *c)
{
    static char text[64];
    struct model_outcome foreseen;
    struct model_outcome seen;
    uint64_t buf = 0x55aa55aa55aa55aaull;
    struct model_request r = s->request;
    r.len = c->zero_length ? 0 : r.len == 0 ? 8 : r.len;
    s->request = r;
    (void)model_translate(rig_unit(s->rig), &r, &foreseen);
    bool done = model_dma(rig_unit(s->rig), &r, &buf, &seen);
    if (seen.reason != c->reason) {
        (void)snprintf(text, sizeof(text), "reason %02x, expected %02x", seen.reason, c->reason);
        return text;
    }
    if (foreseen.reason != seen.reason && seen.reason != 0x91 && seen.reason != 0x7d) {
        return "model_translate() says otherwise";
    }
    if (done != (c->reason == 0) && r.at != MODEL_TRANSLATION) {
        return "no reason, yet not done";
    }
    const char *wrong = check_record(s, &seen, c);
    if (wrong == NULL && r.at == MODEL_UNTRANSLATED && !c->zero_length &&
        !c->elsewhere) {
        wrong = check_data(s, buf, done);
    }
    return wrong != NULL ? wrong : check_entries(s, c);
}

const char *scene_run(const struct scene_case *c)
{
    struct model_config config = {
        .ver = c->ver != 0 ? c->ver : RIG_VER,
        .cap = (RIG_CAP & ~c->cap_clear) | c->cap_set,
        .ecap = (RIG_ECAP & ~c->ecap_clear) | c->ecap_set,
        .haw = or_default(c->options.haw, 48),
        .erratum_772415 = c->erratum,
    };
    struct scene s = scene_build(&config, c->mode, &c->options, &c->request);
    for (size_t i = 0; i < sizeof(c->change) / sizeof(c->change[0]); i++) {
        if (c->change[i].at == NOWHERE) {
            continue;
        }
        if (s.place[c->change[i].at] == 0) {
            scene_destroy(&s);
            return "the case changes an entry that its scene does not have";
        }
        scene_change(&s, c->change[i].at, c->change[i].set, c->change[i].clear);
    }
    s.request.addr ^= c->addr_xor;
    if (c->hole != NOWHERE) {
        rig_hole(s.rig, s.place[c->hole] & ~0xfffull, s.place[c->hole] | 0xfff);
    }
    if (c->no_update != NOWHERE) {
        rig_no_update(s.rig, s.place[c->no_update] & ~0xfffull, s.place[c->no_update] | 0xfff);
    }
    rig_enable(s.rig, s.rtaddr);
    const char *wrong = run(&s, c);
    scene_destroy(&s);
    return wrong;
}
