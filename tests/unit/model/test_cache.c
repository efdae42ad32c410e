/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is cached, when that is used, and what drops it besides descriptors: caching mode, stale
 * rights and flags, SRTP, TE, page requests, the two register commands. VT-d 6.1, 6.2, 6.5.1,
 * 6.5.3.1, 6.6, 11.4.4.
 */
#include "tests/model/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CM (1ull << 7)
#define ESRTPS (1ull << 63)
#define SMTS (1ull << 43)

static struct scene build(enum scene_mode mode, uint64_t cap_set, uint64_t cap_clear)
{
    struct model_config config = rig_default_config();
    struct scene_options options = {0};
    struct model_request request = {.op = MODEL_READ};
    config.cap = (config.cap & ~cap_clear) | cap_set;
    return scene_build(&config, mode, &options, &request);
}

static struct scene start(enum scene_mode mode, uint64_t cap_set, uint64_t cap_clear)
{
    struct scene s = build(mode, cap_set, cap_clear);
    rig_enable(s.rig, s.rtaddr);
    return s;
}

static unsigned rd(struct scene *s)
{
    return rig_read(s->rig, &s->request, NULL);
}

static unsigned wr(struct scene *s)
{
    return rig_write(s->rig, &s->request, 5);
}

/* VT-d 6.2.4: the IOTLB serves what memory no longer says. */
static void stale_until_invalidated(void **state)
{
    (void)state;
    static const enum scene_mode modes[] = {LEGACY_SECOND, SCALABLE_FIRST, SCALABLE_SECOND,
                                            SCALABLE_NESTED};
    static const enum place leaves[] = {SS1, FS1, SS1, FS1};
    static const unsigned reasons[] = {0x06, 0x71, 0x79, 0x71};
    for (unsigned i = 0; i < 4; i++) {
        struct scene s = start(modes[i], 0, 0);
        assert_int_equal(rd(&s), 0);
        scene_change(&s, leaves[i], 0, ~0ull);
        assert_int_equal(rd(&s), 0);
        rig_submit(s.rig, 0x12, 0);
        assert_int_equal(rd(&s), reasons[i]);
        scene_destroy(&s);
    }
}

/* VT-d 6.2.4, 7.1: a second-stage change under nesting is stale as well, until iotlb. */
static void stale_second_stage_under_nesting(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED, 0, 0);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, SS1, 0, 3);
    assert_int_equal(rd(&s), 0);
    rig_submit(s.rig, 6 | 3 << 4 | 0xbull << 16, s.addr & ~0xfffull); /* another DID */
    assert_int_equal(rd(&s), 0);
    rig_submit(s.rig, 2 | 3 << 4 | (uint64_t)SCENE_DID << 16, 0); /* any page of the DID */
    assert_int_equal(rd(&s), 0x79);
    scene_destroy(&s);
}

/* VT-d 3.6.1: rights are cached; lowering them shows only after invalidation. */
static void stale_rights(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED, 0, 0);
    assert_int_equal(wr(&s), 0);
    scene_change(&s, FS1, 0, 2);
    scene_change(&s, SS1, 0, 2);
    assert_int_equal(wr(&s), 0);
    rig_submit(s.rig, 0x12, 0);
    assert_int_equal(wr(&s), 0x85);
    scene_destroy(&s);
}

/* VT-d 7.1: raising R/W needs an invalidation unless the device retries. */
static void raised_rights_wait_for_invalidation(void **state)
{
    (void)state;
    struct scene s = build(SCALABLE_SECOND, 0, 0);
    scene_change(&s, SS1, 0, 2);
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, SS1, 2, 0);
    assert_int_equal(wr(&s), 0x85);
    rig_submit(s.rig, 2 | 3 << 4 | (uint64_t)SCENE_DID << 16, s.addr & ~0xfffull);
    assert_int_equal(wr(&s), 0);
    scene_destroy(&s);
}

/* VT-d 6.2.5: a structure-cache entry carries the AND of the rights above it. */
static void structure_caches_carry_rights(void **state)
{
    (void)state;
    static const struct { enum scene_mode mode; enum place above, leaf; uint64_t right;
                          unsigned reason; } cases[] = {
        {SCALABLE_FIRST, FS3, FS1, 2, 0x85}, {SCALABLE_FIRST, FS4, FS1, 2, 0x85},
        {SCALABLE_NESTED, FS2, FS1, 2, 0x85}, {SCALABLE_SECOND, SS3, SS1, 2, 0x85},
        {SCALABLE_SECOND, SS2, SS1, 2, 0x85}, {LEGACY_SECOND, SS4, SS1, 2, 0x05},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = build(cases[i].mode, 0, 0);
        scene_change(&s, cases[i].above, 0, cases[i].right);
        /* The next page, first touched through the caches. */
        rig_put(s.rig, s.place[cases[i].leaf] + 8, rig_get(s.rig, s.place[cases[i].leaf]));
        rig_enable(s.rig, s.rtaddr);
        assert_int_equal(rd(&s), 0);
        s.request.addr += 0x1000;
        uint64_t reads = model_counters(rig_unit(s.rig))->walk_reads;
        assert_int_equal(wr(&s), cases[i].reason);
        assert_true(model_counters(rig_unit(s.rig))->walk_reads - reads <= 7);
        scene_destroy(&s);
    }
    /* U/S and R, which show only in a first access through other entries. */
    struct scene s = build(SCALABLE_FIRST, 0, 0);
    scene_change(&s, PE2, 1, 0);
    scene_change(&s, FS3, 0, 4);
    scene_change(&s, CTX1, 1u << 20, 0); /* RID_PRIV */
    rig_put(s.rig, s.place[FS1] + 8, rig_get(s.rig, s.place[FS1]));
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, CTX1, 0, 1u << 20);
    rig_submit(s.rig, 0x11, 0);
    s.request.addr += 0x1000;
    assert_int_equal(rd(&s), 0x81);
    scene_destroy(&s);
    s = build(SCALABLE_SECOND, 0, 0);
    scene_change(&s, SS3, 0, 1);
    rig_put(s.rig, s.place[SS1] + 8, rig_get(s.rig, s.place[SS1]));
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(wr(&s), 0);
    s.request.addr += 0x1000;
    assert_int_equal(rd(&s), 0x86);
    scene_destroy(&s);
}

/* VT-d 7.1.1: FPD counts as well when its entry comes from a cache. */
static void cached_fpd(void **state)
{
    (void)state;
    static const enum place places[] = {CTX0, DIR, PE0};
    for (unsigned i = 0; i < 3; i++) {
        struct scene s = build(SCALABLE_FIRST, 0, 0);
        struct rig_fault fault;
        scene_change(&s, places[i], 2, 0);
        rig_enable(s.rig, s.rtaddr);
        assert_int_equal(rd(&s), 0);
        scene_change(&s, FS1, 0, 3);
        rig_submit(s.rig, 0x12, 0); /* context and PASID caches remain */
        assert_int_equal(rd(&s), 0x71);
        assert_false(rig_take_fault(s.rig, &fault));
        scene_change(&s, FS1, 1, 0);
        assert_int_equal(rd(&s), 0);
        assert_int_equal(wr(&s), 0x85); /* from the IOTLB */
        assert_false(rig_take_fault(s.rig, &fault));
        scene_destroy(&s);
    }
}

/* VT-d 3.6.2: a read that cached D=0 does not hide the first write's D. */
static void dirty_is_set_after_a_cached_read(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED, 0, 0);
    assert_int_equal(rd(&s), 0);
    assert_int_equal(rig_get(s.rig, s.place[FS1]) & 0x60, 0x20);
    assert_int_equal(wr(&s), 0);
    assert_int_equal(rig_get(s.rig, s.place[FS1]) & 0x60, 0x60);
    scene_destroy(&s);
}

/* VT-d 3.6.2: flags that software clears stay clear while the entry is cached. */
static void cleared_flags_stay_clear_while_cached(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_FIRST, 0, 0);
    assert_int_equal(wr(&s), 0);
    scene_change(&s, FS1, 0, 0x60);
    assert_int_equal(wr(&s), 0);
    assert_int_equal(rig_get(s.rig, s.place[FS1]) & 0x60, 0);
    rig_submit(s.rig, 6 | 2 << 4 | (uint64_t)SCENE_DID << 16, 0);
    assert_int_equal(wr(&s), 0);
    assert_int_equal(rig_get(s.rig, s.place[FS1]) & 0x60, 0x60);
    scene_destroy(&s);
}

/* VT-d 3.7.2: the same for the second stage's D under SSADE. */
static void cleared_second_stage_dirty(void **state)
{
    (void)state;
    struct scene s = build(SCALABLE_SECOND, 0, 0);
    scene_change(&s, PE0, 0x200, 0);
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(rd(&s), 0);
    assert_int_equal(rig_get(s.rig, s.place[SS1]) & 0x300, 0x100);
    assert_int_equal(wr(&s), 0);
    assert_int_equal(rig_get(s.rig, s.place[SS1]) & 0x300, 0x300);
    scene_change(&s, SS1, 0, 0x300);
    assert_int_equal(wr(&s), 0);
    assert_int_equal(rig_get(s.rig, s.place[SS1]) & 0x300, 0);
    scene_destroy(&s);
}

/* VT-d 6.2.2, 6.2.3, 6.2.4.1: with CM=0 nothing that faulted is cached. */
static void cm0_caches_no_fault(void **state)
{
    (void)state;
    static const struct { enum scene_mode mode; enum place at; uint64_t bit; unsigned reason; }
    cases[] = {
        {LEGACY_SECOND, ROOT0, 1, 0x01}, {LEGACY_SECOND, CTX0, 1, 0x02},
        {LEGACY_SECOND, SS1, 3, 0x06}, {SCALABLE_PASS, ROOT0, 1, 0x39},
        {SCALABLE_PASS, CTX0, 1, 0x41}, {SCALABLE_PASS, DIR, 1, 0x51},
        {SCALABLE_PASS, PE0, 1, 0x59}, {SCALABLE_SECOND, SS2, 3, 0x79},
        {SCALABLE_FIRST, FS1, 1, 0x71}, {SCALABLE_NESTED, SS1, 3, 0x79},
        {SCALABLE_NESTED, SP2, 3, 0x79},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = build(cases[i].mode, 0, 0);
        scene_change(&s, cases[i].at, 0, cases[i].bit);
        rig_enable(s.rig, s.rtaddr);
        assert_int_equal(rd(&s), cases[i].reason);
        scene_change(&s, cases[i].at, cases[i].bit, 0);
        assert_int_equal(rd(&s), 0);
        scene_destroy(&s);
    }
}

/*
 * VT-d 6.1: with CM=1 a not-present entry stays not-present until invalidated, except in
 * first-stage tables. `flush` are the descriptors that suffice, by the tags of 6.2.
 */
static void cm1_caches_faults(void **state)
{
    (void)state;
    const uint64_t did = (uint64_t)SCENE_DID << 16;
    const uint64_t sid = (uint64_t)SCENE_SID << 32;
    const struct {
        enum scene_mode mode;
        enum place at;
        uint64_t bit;
        unsigned reason;
        uint64_t not_enough, enough;
    } cases[] = {
        {LEGACY_SECOND, CTX0, 1, 0x02, 1 | 3 << 4 | did | sid, 1 | 3 << 4 | sid},
        {LEGACY_SECOND, CTX0, 1, 0x02, 1 | 2 << 4 | did, 1 | 2 << 4},
        {LEGACY_SECOND, ROOT0, 1, 0x01, 0x12, 0x11},
        {LEGACY_SECOND, SS1, 3, 0x06, 0x11, 2 | 2 << 4 | did},
        {SCALABLE_PASS, CTX0, 1, 0x41, 0x37, 1 | 3 << 4 | sid},
        {SCALABLE_PASS, ROOT0, 1, 0x39, 0x12, 0x11},
        {SCALABLE_PASS, DIR, 1, 0x51, 7 | 1 << 4 | did, 7 | 1 << 4},
        {SCALABLE_PASS, PE0, 1, 0x59, 7 | 1 << 4 | did, 7 | 1 << 4},
        {SCALABLE_PASS, PE0, 1, 0x59, 7 | 0 << 4 | did, 7 | 0 << 4},
        {SCALABLE_SECOND, SS1, 3, 0x79, 0x37, 2 | 2 << 4 | did},
        {SCALABLE_SECOND, SS3, 3, 0x79, 0x11, 2 | 2 << 4 | did},
        {SCALABLE_NESTED, SS1, 3, 0x79, 0x11, 2 | 2 << 4 | did},
        {SCALABLE_NESTED, SP1, 3, 0x79, 0x37, 2 | 2 << 4 | did},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = build(cases[i].mode, CM, 0);
        scene_change(&s, cases[i].at, 0, cases[i].bit);
        rig_enable(s.rig, s.rtaddr);
        assert_int_equal(rd(&s), cases[i].reason);
        scene_change(&s, cases[i].at, cases[i].bit, 0);
        assert_int_equal(rd(&s), cases[i].reason);
        assert_true(rig_submit(s.rig, cases[i].not_enough, 0));
        assert_int_equal(rd(&s), cases[i].reason);
        assert_true(rig_submit(s.rig, cases[i].enough, 0));
        assert_int_equal(rd(&s), 0);
        scene_destroy(&s);
    }
}

/* VT-d 6.2.4.1: a second-stage refusal for lack of rights may stay as well. */
static void cm1_caches_rights(void **state)
{
    (void)state;
    struct scene s = build(SCALABLE_SECOND, CM, 0);
    scene_change(&s, SS1, 0, 2);
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(wr(&s), 0x85);
    scene_change(&s, SS1, 2, 0);
    assert_int_equal(wr(&s), 0x85);
    rig_submit(s.rig, 2 | 2 << 4 | (uint64_t)SCENE_DID << 16, 0);
    assert_int_equal(wr(&s), 0);
    scene_destroy(&s);
}

static void cm1_never_first_stage(void **state)
{
    (void)state;
    static const enum scene_mode modes[] = {SCALABLE_FIRST, SCALABLE_NESTED};
    for (unsigned m = 0; m < 2; m++) {
        for (unsigned level = 0; level < 4; level++) {
            struct scene s = build(modes[m], CM, 0);
            enum place at = (enum place)(FS1 + level);
            scene_change(&s, at, 0, 1);
            rig_enable(s.rig, s.rtaddr);
            assert_int_equal(rd(&s), 0x71);
            scene_change(&s, at, 1, 0);
            assert_int_equal(rd(&s), 0);
            scene_destroy(&s);
        }
    }
}

/* The relaxation that config.tolerate_linux names: the new DID clears a faulted entry. */
static void tolerate_linux(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    struct scene_options options = {0};
    struct model_request request = {.op = MODEL_READ};
    config.cap |= CM;
    config.tolerate_linux = true;
    struct scene s = scene_build(&config, SCALABLE_PASS, &options, &request);
    scene_change(&s, PE0, 0, 1);
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(rd(&s), 0x59);
    scene_change(&s, PE0, 1, 0);
    assert_int_equal(rd(&s), 0x59);
    rig_submit(s.rig, 7 | 1 << 4 | (uint64_t)SCENE_DID << 16, 0);
    assert_int_equal(rd(&s), 0);
    scene_destroy(&s);
    config.ecap &= ~(1ull << 46 | 1ull << 26 | 1ull << 45);
    s = scene_build(&config, SCALABLE_FIRST, &options, &request);
    scene_change(&s, PE0, 2 << 2, 0); /* AW=2 with SSTS=0 */
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(rd(&s), 0);
    scene_destroy(&s);
}

static void set_root(struct scene *s, uint64_t value)
{
    model_write(rig_unit(s->rig), 0x20, 8, value);
    uint32_t sticky = (uint32_t)model_read(rig_unit(s->rig), 0x1c, 4) & 0x96ffffffu;
    model_write(rig_unit(s->rig), 0x18, 4, sticky | 1u << 30);
}

static void set_translation(struct scene *s, bool on)
{
    uint32_t sticky = (uint32_t)model_read(rig_unit(s->rig), 0x1c, 4) & 0x16ffffffu;
    model_write(rig_unit(s->rig), 0x18, 4, sticky | (on ? 1u << 31 : 0));
}

/* VT-d 6.6, CAP.ESRTPS: SRTP forgets everything, or nothing. */
static void srtp(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED, 0, 0);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, FS1, 0, 1);
    set_root(&s, s.rtaddr);
    assert_int_equal(rd(&s), 0x71);
    scene_destroy(&s);
    s = start(SCALABLE_NESTED, 0, ESRTPS);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, FS1, 0, 1);
    scene_change(&s, PE0, 0, 1);
    scene_change(&s, CTX0, 0, 1);
    set_root(&s, s.rtaddr);
    assert_int_equal(rd(&s), 0);
    rig_submit(s.rig, 0x12, 0);
    assert_int_equal(rd(&s), 0x71); /* context and PASID caches still serve */
    rig_submit(s.rig, 0x37, 0);
    assert_int_equal(rd(&s), 0x59);
    rig_submit(s.rig, 0x11, 0);
    assert_int_equal(rd(&s), 0x41);
    scene_destroy(&s);
}

/* RTADDR means nothing before SRTP, VT-d 11.4.5. */
static void rtaddr_is_latched(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_PASS, 0, 0);
    model_write(rig_unit(s.rig), 0x20, 8, 0x3ull << 10);
    assert_int_equal(rd(&s), 0);
    set_root(&s, 0x3ull << 10);
    assert_int_equal(rd(&s), 0x33);
    scene_destroy(&s);
}

/* VT-d 11.4.4.1: turning TE off on SMTS hardware forgets all. */
static void translation_off(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_FIRST, 0, ESRTPS);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, FS1, 0, 1);
    set_translation(&s, false);
    struct model_outcome outcome;
    uint64_t value;
    s.request.len = 8;
    assert_true(model_dma(rig_unit(s.rig), &s.request, &value, &outcome));
    assert_int_equal(outcome.kind, MODEL_KIND_UNTRANSLATED);
    assert_int_equal(outcome.hpa, s.request.addr);
    set_translation(&s, true);
    assert_int_equal(rd(&s), 0x71);
    scene_destroy(&s);
}

/* VT-d Table 30, RTA.1 and RTA.4. */
static void modes_of_rtaddr(void **state)
{
    (void)state;
    static const struct { uint64_t ecap_clear, rtaddr; unsigned reason; } cases[] = {
        {0, 3u << 10, 0x33}, {1ull << 52, 3u << 10, 0x30}, {0, 2u << 10, 0x30},
        {SMTS, 1u << 10, 0x30}, {0, 1u << 7, 0x30},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model_config config = rig_default_config();
        config.ecap &= ~cases[i].ecap_clear;
        struct rig *rig = rig_create(&config);
        struct model_request r = {.sid = SCENE_SID, .addr = 0x1000};
        struct rig_fault fault;
        rig_enable(rig, rig_page(rig) | cases[i].rtaddr);
        assert_int_equal(rig_read(rig, &r, NULL), cases[i].reason);
        assert_true(rig_take_fault(rig, &fault));
        assert_int_equal(fault.reason, cases[i].reason);
        rig_destroy(rig);
    }
}

/* VT-d 9.8, RTADDR.SSIRWE: permissions come from bits 61 and 62. */
static void separate_io_bits(void **state)
{
    (void)state;
    struct scene s = build(SCALABLE_SECOND, 0, 0);
    rig_enable(s.rig, s.rtaddr | 1u << 7);
    assert_int_equal(rd(&s), 0x79); /* R and W are ignored now */
    for (unsigned i = 0; i < 4; i++) {
        scene_change(&s, (enum place)(SS1 + i), 3ull << 61, 3);
    }
    assert_int_equal(rd(&s), 0);
    assert_int_equal(wr(&s), 0);
    scene_change(&s, SS1, 0, 1ull << 62);
    rig_submit(s.rig, 0x12, 0);
    assert_int_equal(rd(&s), 0);
    assert_int_equal(wr(&s), 0x85);
    scene_destroy(&s);
}

/* VT-d 6.5.3.1: a page request removes what would serve its page, and only that. */
static void page_request_invalidates(void **state)
{
    (void)state;
    struct scene s = build(SCALABLE_FIRST, 0, 0);
    scene_change(&s, CTX0, 0x14, 0); /* DTE, PRE */
    uint64_t queue = rig_page(s.rig);
    rig_enable(s.rig, s.rtaddr);
    model_write(rig_unit(s.rig), 0xd0, 8, queue);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, FS1, 0, 1);
    assert_int_equal(rd(&s), 0);
    struct model_page_request r = {.sid = SCENE_SID, .read = true, .last = true, .group = 7,
                                   .addr = s.addr};
    enum model_page_response response;
    assert_true(model_page_request(rig_unit(s.rig), &r, &response));
    assert_int_equal(rd(&s), 0x71);
    /* The descriptor, VT-d 7.4.1.1: type, RID; RDR, LPIG, PRGI, address. */
    assert_int_equal(rig_get(s.rig, queue), 1 | SCENE_SID << 16);
    assert_int_equal(rig_get(s.rig, queue + 8), (s.addr & ~0xfffull) | 7 << 3 | 5);
    assert_int_equal(model_read(rig_unit(s.rig), 0xc8, 8), 32);
    assert_int_equal(model_read(rig_unit(s.rig), 0xdc, 4), 1);
    scene_destroy(&s);
}

/* VT-d 7.4.1, Table 31: refused, full, overflowed. */
static void page_request_errors(void **state)
{
    (void)state;
    struct scene s = build(SCALABLE_FIRST, 0, 0);
    rig_enable(s.rig, s.rtaddr);
    struct model_page_request r = {.sid = SCENE_SID, .read = true, .last = true,
                                   .addr = s.addr};
    enum model_page_response response;
    struct rig_fault fault;
    assert_false(model_page_request(rig_unit(s.rig), &r, &response));
    assert_int_equal(response, MODEL_PAGE_INVALID);
    assert_true(rig_take_fault(s.rig, &fault));
    assert_int_equal(fault.reason, 0x47); /* PRE=0, SCT.8 */
    assert_true(fault.t2);
    assert_false(fault.read);
    scene_change(&s, CTX0, 0x14, 0);
    rig_submit(s.rig, 0x11, 0);
    model_write(rig_unit(s.rig), 0xd0, 8, rig_page(s.rig));
    for (unsigned i = 0; i < 127; i++) {
        assert_true(model_page_request(rig_unit(s.rig), &r, &response));
    }
    assert_false(model_page_request(rig_unit(s.rig), &r, &response));
    assert_int_equal(response, MODEL_PAGE_SUCCESS);
    assert_int_equal(model_read(rig_unit(s.rig), 0xdc, 4), 3);
    model_write(rig_unit(s.rig), 0xc0, 8, 32); /* room, but PRO is still set */
    assert_false(model_page_request(rig_unit(s.rig), &r, &response));
    model_write(rig_unit(s.rig), 0xdc, 4, 2);
    assert_true(model_page_request(rig_unit(s.rig), &r, &response));
    scene_destroy(&s);
}

/* VT-d 6.5.1, 11.4.6: the register commands work in legacy mode below version 6 only. */
static void register_invalidation(void **state)
{
    (void)state;
    struct scene s = start(LEGACY_SECOND, 0, 0);
    struct model_unit *u = rig_unit(s.rig);
    const uint64_t did = SCENE_DID;
    assert_int_equal(rd(&s), 0);
    scene_change(&s, SS1, 0, 3);
    model_write(u, 0x500, 8, (s.addr & ~0xfffull) + 0x1000);
    model_write(u, 0x508, 8, 1ull << 63 | 3ull << 60 | did << 32); /* another page */
    assert_int_equal(model_read(u, 0x508, 8) >> 57 & 0x43, 3);
    assert_int_equal(rd(&s), 0);
    model_write(u, 0x508, 8, 1ull << 63 | 2ull << 60 | (did + 1) << 32); /* another domain */
    assert_int_equal(rd(&s), 0);
    model_write(u, 0x500, 8, s.addr & ~0xfffull);
    model_write(u, 0x508, 8, 1ull << 63 | 3ull << 60 | did << 32);
    assert_int_equal(rd(&s), 0x06);
    scene_change(&s, SS1, 3, 0);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, CTX0, 0, 1);
    model_write(u, 0x28, 8, 1ull << 63 | 3ull << 61 | (SCENE_SID + 1) << 16 | did);
    model_write(u, 0x508, 8, 1ull << 63 | 1ull << 60);
    assert_int_equal(rd(&s), 0);
    model_write(u, 0x28, 8, 1ull << 63 | 3ull << 61 | SCENE_SID << 16 | did);
    assert_int_equal(model_read(u, 0x28, 8) >> 59 & 0x13, 3);
    model_write(u, 0x508, 8, 1ull << 63 | 1ull << 60);
    assert_int_equal(rd(&s), 0x02);
    scene_destroy(&s);
}

static void register_invalidation_gone(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_FIRST, 0, 0);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, FS1, 0, 1);
    model_write(rig_unit(s.rig), 0x508, 8, 1ull << 63 | 1ull << 60);
    assert_int_equal(model_read(rig_unit(s.rig), 0x508, 8) >> 57 & 0x43, 0); /* IAIG 0 */
    assert_int_equal(rd(&s), 0);
    scene_destroy(&s);
}

/* Legacy mode: the IOTLB page command goes by address, and the context cache by DID. */
static void legacy_descriptors(void **state)
{
    (void)state;
    const uint64_t did = (uint64_t)SCENE_DID << 16;
    struct scene s = start(LEGACY_SECOND, 0, 0);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, SS1, 0, 3);
    rig_submit(s.rig, 2 | 3 << 4 | did, (s.addr ^ 0x2000) & ~0xfffull);
    rig_submit(s.rig, 2 | 3 << 4 | 0x22ull << 16, s.addr & ~0xfffull);
    assert_int_equal(rd(&s), 0);
    rig_submit(s.rig, 2 | 3 << 4 | did, s.addr & ~0xfffull);
    assert_int_equal(rd(&s), 0x06);
    scene_change(&s, SS1, 3, 0);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, CTX0, 0, 1);
    rig_submit(s.rig, 1 | 2 << 4 | 0x22ull << 16, 0); /* another domain */
    rig_submit(s.rig, 1 | 3 << 4 | 0x22ull << 16 | (uint64_t)SCENE_SID << 32, 0);
    rig_submit(s.rig, 0x12, 0);
    assert_int_equal(rd(&s), 0);
    rig_submit(s.rig, 1 | 3 << 4 | did | (uint64_t)SCENE_SID << 32, 0);
    rig_submit(s.rig, 0x12, 0);
    assert_int_equal(rd(&s), 0x02);
    scene_destroy(&s);
}

/* Units share nothing. */
static void two_units(void **state)
{
    (void)state;
    struct scene a = start(SCALABLE_FIRST, 0, 0);
    struct scene b = start(SCALABLE_FIRST, 0, 0);
    assert_int_equal(rd(&a), 0);
    assert_int_equal(rd(&b), 0);
    scene_change(&a, FS1, 0, 1);
    scene_change(&b, FS1, 0, 1);
    rig_submit(a.rig, 0x12, 0);
    assert_int_equal(rd(&a), 0x71);
    assert_int_equal(rd(&b), 0);
    scene_destroy(&a);
    scene_destroy(&b);
}

/* no_caches: every change shows at once. */
static void without_caches(void **state)
{
    (void)state;
    struct model_config config = rig_default_config();
    struct scene_options options = {0};
    struct model_request request = {.op = MODEL_READ};
    config.no_caches = true;
    struct scene s = scene_build(&config, SCALABLE_NESTED, &options, &request);
    rig_enable(s.rig, s.rtaddr);
    assert_int_equal(rd(&s), 0);
    scene_change(&s, SS1, 0, 3);
    assert_int_equal(rd(&s), 0x79);
    scene_destroy(&s);
}

/* Reset forgets everything and turns translation off. */
static void reset(void **state)
{
    (void)state;
    struct scene s = start(SCALABLE_NESTED, 0, 0);
    assert_int_equal(rd(&s), 0);
    model_reset(rig_unit(s.rig));
    const struct model_counters *c = model_counters(rig_unit(s.rig));
    assert_int_equal(c->iotlb_entries + c->context_entries + c->pasid_entries + c->fs_entries +
                     c->ss_entries, 0);
    assert_int_equal(model_read(rig_unit(s.rig), 0x1c, 4), 0);
    assert_int_equal(model_read(rig_unit(s.rig), 0x38, 4), 1u << 31);
    scene_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_until_invalidated),
        cmocka_unit_test(stale_second_stage_under_nesting),
        cmocka_unit_test(stale_rights),
        cmocka_unit_test(raised_rights_wait_for_invalidation),
        cmocka_unit_test(structure_caches_carry_rights),
        cmocka_unit_test(cached_fpd),
        cmocka_unit_test(dirty_is_set_after_a_cached_read),
        cmocka_unit_test(cleared_flags_stay_clear_while_cached),
        cmocka_unit_test(cleared_second_stage_dirty),
        cmocka_unit_test(cm0_caches_no_fault),
        cmocka_unit_test(cm1_caches_faults),
        cmocka_unit_test(cm1_caches_rights),
        cmocka_unit_test(cm1_never_first_stage),
        cmocka_unit_test(tolerate_linux),
        cmocka_unit_test(srtp),
        cmocka_unit_test(rtaddr_is_latched),
        cmocka_unit_test(translation_off),
        cmocka_unit_test(modes_of_rtaddr),
        cmocka_unit_test(separate_io_bits),
        cmocka_unit_test(page_request_invalidates),
        cmocka_unit_test(page_request_errors),
        cmocka_unit_test(register_invalidation),
        cmocka_unit_test(register_invalidation_gone),
        cmocka_unit_test(legacy_descriptors),
        cmocka_unit_test(two_units),
        cmocka_unit_test(without_caches),
        cmocka_unit_test(reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
