/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a unit over from any state, with DMA after every register write: what was translated is never untranslated, or
 * the console says so, and nothing reaches Nestor's memory. Then hangs at each step, and giving the unit back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

#define CAP_PLMR (1ull << 5)
#define CAP_PHMR (1ull << 6)
#define CAP_ESRTPS (1ull << 63)
#define ECAP_IR (1ull << 3)
#define ECAP_ADMS (1ull << 52)

enum { GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, PMEN = 0x64, PLMBASE = 0x68, PLMLIMIT = 0x6c, PHMBASE = 0x70,
       PHMLIMIT = 0x78, ELSEWHERE = 0x300000,
       OWN = HOSTED_POOL, OWN_BYTES = HOSTED_BYTES - HOSTED_POOL };
#define EPM (1u << 31)

static struct {
    struct vtd_rig *rig;
    u32 writes, untranslated, moved, own, regions;
    bool kept;                  /* Nestor's memory is protected from here on */
} seen;

static bool reads(struct model_unit *model, u64 addr, struct model_outcome *outcome)
{
    u64 value = 0;
    const struct model_request request = {.sid = 9, .op = MODEL_READ, .addr = addr, .len = 8};
    return model_dma(model, &request, &value, outcome);
}

/* After each register write a device tries what no table maps: firmware's or ours. */
static void on_mmio(bool enter)
{
    struct model_outcome outcome;
    struct model_unit *model = seen.rig->model;
    if (enter) {
        return;
    }
    seen.writes++;
    seen.regions += (u32)model_read(model, PMEN, 4) & 1;
    seen.moved += reads(model, ELSEWHERE, &outcome) ? 1 : 0;
    seen.untranslated += outcome.kind == MODEL_KIND_UNTRANSLATED ? 1 : 0;
    seen.own += reads(model, OWN + 0x100000, &outcome) && seen.kept ? 1 : 0;
}

struct state_left {
    u64 cap, ecap;     /* of a server's unit, with these bits on top */
    u32 firmware;      /* of vtd_rig_firmware() */
    bool abort, pmr, legacy;
    bool window;       /* what was translated is untranslated for a moment, and the console says so */
};

static const struct state_left states[] = {
    {.firmware = 0},
    {.firmware = 0, .cap = CAP_ESRTPS},
    {.firmware = 2, .cap = CAP_ESRTPS},
    {.firmware = 0, .cap = CAP_ESRTPS, .legacy = true},
    {.firmware = 0, .cap = CAP_ESRTPS | CAP_PHMR},
    {.firmware = 2, .cap = CAP_PHMR},
    {.firmware = 0, .cap = CAP_PHMR | CAP_PLMR, .legacy = true},
    {.firmware = 0, .cap = CAP_PLMR},
    {.firmware = 0, .cap = CAP_PLMR, .pmr = true},
    {.firmware = 0, .cap = CAP_PHMR | CAP_PLMR, .pmr = true},
    {.firmware = 0, .cap = CAP_ESRTPS | CAP_PHMR | CAP_PLMR, .pmr = true},
    {.firmware = 7, .window = true},
    {.firmware = 1, .window = true},
    {.firmware = 7, .legacy = true},
    {.firmware = 7, .cap = CAP_ESRTPS},
    {.firmware = 7, .cap = CAP_PHMR, .window = true},
    {.firmware = 7, .cap = CAP_PHMR | CAP_PLMR, .window = true},
    {.firmware = 7, .cap = CAP_PHMR | CAP_PLMR, .pmr = true, .window = true},
    {.firmware = 7, .cap = CAP_PLMR, .pmr = true, .window = true},
    {.firmware = 0, .cap = CAP_ESRTPS, .abort = true},
    {.firmware = 0, .cap = CAP_PHMR, .abort = true, .window = true},
    {.firmware = 0, .abort = true, .window = true},
};

static void leave(struct vtd_rig *rig, const struct state_left *s, bool adms)
{
    struct model_config config = vtd_rig_config(s->legacy ? VTD_RIG_LEGACY : VTD_RIG_SERVER);
    config.cap = (config.cap & ~(CAP_ESRTPS | CAP_PHMR | CAP_PLMR)) | s->cap;
    config.ecap |= s->ecap | (adms ? ECAP_ADMS : 0);
    vtd_rig_prepare_with(rig, &config);
    vtd_rig_firmware(rig, s->firmware);
    if (s->abort) {
        model_write(rig->model, RTADDR, 8, 0xc00);
        model_write(rig->model, GCMD, 4, 1u << 30);
        model_write(rig->model, GCMD, 4, 1u << 31);
    }
    if (s->pmr) {
        model_write(rig->model, PLMBASE, 4, 0);
        model_write(rig->model, PLMLIMIT, 4, 0x800000);
        model_write(rig->model, PHMBASE, 8, ~0ull);
        model_write(rig->model, PHMLIMIT, 8, 0);
        model_write(rig->model, PMEN, 4, EPM);
    }
}

static enum result protect(struct vtd_rig *rig)
{
    return vtd_takeover_protect(rig->unit, (hpa_t){OWN}, OWN_BYTES);
}

static void check_take_over(const struct state_left *s, bool adms)
{
    struct vtd_rig rig;
    leave(&rig, s, adms);
    bool was_on = (model_read(rig.model, GSTS, 4) >> 31) != 0;
    bool can = (s->cap & (CAP_PHMR | CAP_PLMR)) != 0;
    memset(&seen, 0, sizeof(seen));
    seen.rig = &rig;
    assert_int_equal(protect(&rig), can ? OK : ERR_UNSUPPORTED);
    seen.kept = can;
    hosted_watch_mmio(on_mmio);
    vtd_rig_take_over(&rig);
    hosted_watch_mmio(NULL);
    bool said = strstr(hosted_log(), "DMA is untranslated") != NULL;
    assert_true(seen.writes > 8);
    assert_int_equal(seen.own, 0);
    assert_int_equal(said, s->window);
    if (was_on && !said) {
        assert_int_equal(seen.untranslated, 0);
        assert_int_equal(seen.moved, 0);
    } else {
        assert_true(seen.moved > 0 || s->pmr); /* the firmware's drivers go on */
    }
    assert_int_equal(seen.regions != 0, can);
    assert_int_equal(model_read(rig.model, PMEN, 4), 0);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_not_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_OTHER), 0);
    assert_int_equal(vtd_takeover(rig.unit, &rig.def), ERR_EXISTS);
    assert_int_equal(protect(&rig), ERR_EXISTS);
    vtd_rig_stop(&rig);
}

static void never_untranslated(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(states); i++) {
        for (u32 adms = states[i].abort ? 1 : 0; adms < 2; adms++) {
            check_take_over(&states[i], adms != 0);
        }
    }
}

static void expect_regions(struct vtd_rig *rig, u32 low_base, u32 low_limit, u64 high_base, u64 high_limit)
{
    assert_int_equal(model_read(rig->model, PMEN, 4), EPM | 1);
    assert_int_equal(model_read(rig->model, PLMBASE, 4), low_base);
    assert_int_equal(model_read(rig->model, PLMLIMIT, 4), low_limit);
    assert_int_equal(model_read(rig->model, PHMBASE, 8), high_base);
    assert_int_equal(model_read(rig->model, PHMLIMIT, 8), high_limit);
}

enum { LAST = OWN + OWN_BYTES - 0x100000 }; /* the model's regions are fine to 1 MiB */
#define HIGHEST 0x7ffffff00000ull

/* Which region it is, beside or in place of one that firmware has on. */
static void regions_that_are_there(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct state_left both = {.cap = CAP_PHMR | CAP_PLMR}, low = {.cap = CAP_PLMR}, high = {.cap = CAP_PHMR},
                            beside = {.cap = CAP_PHMR | CAP_PLMR, .pmr = true},
                            instead = {.cap = CAP_PLMR, .pmr = true};
    const struct { const struct state_left *left; u32 low_base, low_limit; u64 high_base, high_limit; } cases[] = {
        {&both, 0xfff00000, 0, OWN, LAST}, {&low, OWN, LAST, 0, 0}, {&high, 0, 0, OWN, LAST},
        {&beside, 0, 0x800000, OWN, LAST}, {&instead, OWN, LAST, 0, 0},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        leave(&rig, cases[i].left, false);
        assert_int_equal(protect(&rig), OK);
        expect_regions(&rig, cases[i].low_base, cases[i].low_limit, cases[i].high_base, cases[i].high_limit);
        assert_int_equal(vtd_takeover_release(rig.unit), OK);
        assert_int_equal(model_read(rig.model, PMEN, 4), 0);
        vtd_rig_stop(&rig);
    }
}

/* A region of firmware's that is one piece long, its limit like its base, is one: ours takes the other. */
static void a_region_of_one_piece_stays(void **state)
{
    (void)state;
    struct vtd_rig rig;
    leave(&rig, &(struct state_left){.cap = CAP_PHMR | CAP_PLMR}, false);
    model_write(rig.model, PLMBASE, 4, ~0u);
    model_write(rig.model, PLMLIMIT, 4, 0);
    model_write(rig.model, PHMBASE, 8, 0x100000);
    model_write(rig.model, PHMLIMIT, 8, 0x100000);
    model_write(rig.model, PMEN, 4, EPM);
    assert_int_equal(protect(&rig), OK);
    expect_regions(&rig, OWN, LAST, 0x100000, 0x100000);
    assert_int_equal(vtd_takeover_release(rig.unit), OK);
    vtd_rig_stop(&rig);
}

/* Firmware's own region has Nestor's memory in it: it is never off, and outlives a failed start. */
static void a_region_that_covers_us_stays(void **state)
{
    (void)state;
    struct vtd_rig rig;
    leave(&rig, &(struct state_left){.cap = CAP_PHMR | CAP_PLMR}, false);
    model_write(rig.model, PLMLIMIT, 4, HOSTED_BYTES);
    model_write(rig.model, PHMBASE, 8, ~0ull);
    model_write(rig.model, PMEN, 4, EPM);
    assert_int_equal(protect(&rig), OK);
    expect_regions(&rig, 0, HOSTED_BYTES, HIGHEST, 0);
    assert_int_equal(vtd_takeover_release(rig.unit), OK);
    assert_int_equal(model_read(rig.model, PMEN, 4), EPM | 1);
    vtd_rig_take_over(&rig);
    assert_int_equal(model_read(rig.model, PMEN, 4), 0);
    vtd_rig_stop(&rig);
}

/* No region that would cover more than Nestor's memory, and none where it cannot reach. */
static void no_region_that_fits(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct { u64 cap, base, size; } cases[] = {
        {CAP_PHMR, OWN + 0x1000, 0x100000}, {CAP_PHMR, OWN, 0x101000}, {CAP_PLMR, 1ull << 32, 0x100000},
        {CAP_PHMR, 1ull << 47, 0x100000}, {0, OWN, 0x100000},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        leave(&rig, &(struct state_left){.cap = cases[i].cap}, false);
        assert_int_equal(vtd_takeover_protect(rig.unit, (hpa_t){cases[i].base}, cases[i].size), ERR_UNSUPPORTED);
        assert_int_equal(model_read(rig.model, PMEN, 4), 0);
        vtd_rig_stop(&rig);
        /* What firmware has on is on again. */
        leave(&rig, &(struct state_left){.cap = CAP_PLMR, .pmr = true}, false);
        assert_int_equal(vtd_takeover_protect(rig.unit, (hpa_t){1ull << 32}, 0x100000), ERR_UNSUPPORTED);
        expect_regions(&rig, 0, 0x800000, 0, 0);
        vtd_rig_stop(&rig);
    }
}

static void leftovers_are_named(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct state_left s = {.firmware = 7, .cap = CAP_ESRTPS, .ecap = ECAP_IR};
    leave(&rig, &s, false);
    /* More faults than records, and interrupt remapping on. */
    for (u16 sid = 0; sid < 20; sid++) {
        (void)vtd_rig_dma(&rig, (u16)(sid << 3), VTD_NO_PASID, true, VTD_RIG_HOLE);
    }
    model_write(rig.model, GCMD, 4, 0x86000000);
    vtd_rig_take_over(&rig);
    assert_non_null(strstr(hosted_log(), "interrupt remapping is switched off"));
    assert_non_null(strstr(hosted_log(), "8 fault records that firmware left are dropped, others"));
    assert_int_equal(model_read(rig.model, GSTS, 4) & 1u << 25, 0);
    assert_int_equal(model_read(rig.model, 0x34, 4), 0);
    vtd_rig_stop(&rig);
}

/* The unit stops answering after any register write: an error that names it, and a way back. */
static struct { struct vtd_rig *rig; u32 left; struct model_faults faults; } hang;

static void hang_later(bool enter)
{
    if (enter && hang.left-- == 0) {
        model_set_faults(hang.rig->model, &hang.faults);
    }
}

/* True if the unit was in time after all. */
static bool hang_at(const struct state_left *s, bool adms, u32 write, const struct model_faults *how)
{
    struct vtd_rig rig;
    leave(&rig, s, adms);
    hosted_clock_step(1000); /* ten seconds in ten thousand looks */
    hang.rig = &rig;
    hang.left = write;
    hang.faults = *how;
    hosted_watch_mmio(hang_later);
    enum result r = protect(&rig);
    r = r == OK || r == ERR_UNSUPPORTED ? vtd_takeover(rig.unit, &rig.def) : r;
    hosted_watch_mmio(NULL);
    bool hears = !how->deaf && !how->gone;
    model_set_faults(rig.model, &(struct model_faults){0});
    assert_true(!hears || (model_read(rig.model, PMEN, 4) & 1) == 0);
    model_kick(rig.model);
    if (r != OK) {
        assert_true(r == ERR_TIMEOUT || (r == ERR_INVALID && how->deaf) || (r == ERR_INVALID && how->gone));
        assert_non_null(strstr(hosted_log(), "unit 0"));
        assert_true(hosted_log_lines() < 16);
        /* Tried again, it works. */
        vtd_rig_take_over(&rig);
    }
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
    return r == OK;
}

static void hangs_after_any_write(void **state)
{
    (void)state;
    const struct model_faults kinds[] = {{.gcmd_hang = true}, {.queue_hang = true}, {.deaf = true}, {.gone = true}};
    u32 errors[ARRAY_LEN(kinds)] = {0};
    for (u32 i = 0; i < ARRAY_LEN(states); i++) {
        for (u32 n = 0; n < 20 * ARRAY_LEN(kinds); n++) {
            u32 kind = n % ARRAY_LEN(kinds);
            bool adms = states[i].abort || i % 2 != 0;
            errors[kind] += hang_at(&states[i], adms, n / ARRAY_LEN(kinds), &kinds[kind]) ? 0 : 1;
        }
    }
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_true(errors[i] > 50);
    }
}

static void what_is_still_on_is_not_freed(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    u32 pages = hosted_pages_used();
    vtd_unit_destroy(rig.unit);
    assert_int_equal(hosted_pages_used(), pages);
    assert_non_null(strstr(hosted_log(), "still on"));
    model_set_faults(rig.model, &(struct model_faults){.gcmd_hang = true});
    assert_int_equal(vtd_takeover_release(rig.unit), ERR_TIMEOUT);
    vtd_unit_destroy(rig.unit);
    assert_int_equal(hosted_pages_used(), pages);
    model_set_faults(rig.model, &(struct model_faults){0});
    model_kick(rig.model);
    assert_int_equal(vtd_takeover_release(rig.unit), OK);
    vtd_rig_take_over(&rig);
    vtd_rig_stop(&rig);
}

/* Nothing of a unit that was not taken over is changed; what was protected is open again. */
static void as_firmware_left_it(void **state)
{
    (void)state;
    struct vtd_rig rig;
    leave(&rig, &(struct state_left){.cap = CAP_PHMR, .firmware = 3}, false);
    u64 gsts = model_read(rig.model, GSTS, 4);
    assert_int_equal(vtd_takeover_release(rig.unit), OK);
    assert_int_equal(model_read(rig.model, GSTS, 4), gsts);
    assert_int_equal(protect(&rig), OK);
    assert_int_equal(vtd_takeover_release(rig.unit), OK);
    assert_int_equal(model_read(rig.model, GSTS, 4), gsts);
    assert_int_equal(model_read(rig.model, PMEN, 4), 0);
    vtd_rig_stop(&rig);
}

/* It fails when all is set: translation is off or known not to be, and what the unit may read is not given back. */
static void fails_late(void **state)
{
    (void)state;
    const struct model_faults kinds[] = {{.queue_hang = true}, {.gcmd_hang = true}};
    for (u32 i = 0; i < 2 * ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        leave(&rig, &(struct state_left){.cap = CAP_PHMR, .firmware = i < 2 ? 0 : 1, .legacy = true}, false);
        u32 before = hosted_pages_used();
        assert_int_equal(protect(&rig), OK);
        model_set_faults(rig.model, &kinds[i % 2]);
        assert_int_equal(vtd_takeover(rig.unit, &rig.def), ERR_TIMEOUT);
        assert_int_equal(model_read(rig.model, PMEN, 4), 0);
        bool on = (model_read(rig.model, GSTS, 4) & (1u << 31 | 1u << 26)) != 0;
        bool ours = (model_read(rig.model, GSTS, 4) & 1u << 26) != 0;
        vtd_unit_destroy(rig.unit);
        assert_int_equal(hosted_pages_used() > before - 1, ours);
        assert_true(on || !ours);
        if (ours) {
            assert_non_null(strstr(hosted_log(), "does not go off"));
            model_set_faults(rig.model, &(struct model_faults){0});
            model_kick(rig.model);
            assert_int_equal(vtd_takeover_release(rig.unit), OK);
            vtd_rig_stop(&rig);
        }
    }
}

/* The attempt fails with Nestor's memory protected: as firmware left it, DMA goes on. */
static void a_default_that_cannot_be(void **state)
{
    (void)state;
    const struct state_left left[] = {
        {.firmware = 0}, {.legacy = true}, {.cap = CAP_PHMR}, {.cap = CAP_ESRTPS},
        {.cap = CAP_PHMR, .legacy = true},
    };
    for (u32 i = 0; i < ARRAY_LEN(left); i++) {
        struct vtd_rig rig;
        leave(&rig, &left[i], true);
        u32 pages = hosted_pages_used();
        struct vtd_default def = rig.def;
        def.ss_levels = 5;
        (void)!protect(&rig);
        assert_int_equal(vtd_takeover(rig.unit, &def), ERR_UNSUPPORTED);
        assert_int_equal(hosted_pages_used(), pages);
        assert_int_equal(model_read(rig.model, GSTS, 4) >> 31, 0);
        assert_int_equal(model_read(rig.model, PMEN, 4), 0);
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_HOLE), 0);
        for (u32 n = 0; n < 6; n++) {
            hosted_fail_after(n);
            enum result r = vtd_takeover(rig.unit, &rig.def);
            hosted_fail_after(~0u);
            if (r == OK) {
                break;
            }
            assert_int_equal(r, ERR_NO_MEMORY);
            assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_HOLE), 0);
        }
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        vtd_rig_stop(&rig);
    }
}

/* The table says that addresses have more bits than the unit has: it would walk, fetch or protect something else. */
static void registers_that_hold_fewer_bits(void **state)
{
    (void)state;
    struct vtd_rig rig;
    leave(&rig, &(struct state_left){.cap = CAP_PHMR}, false);
    model_set_faults(rig.model, &(struct model_faults){.no_latch = OWN});
    assert_int_equal(protect(&rig), ERR_UNSUPPORTED);
    assert_int_equal(model_read(rig.model, PMEN, 4), 0);
    assert_int_equal(vtd_takeover(rig.unit, &rig.def), ERR_INVALID);
    assert_non_null(strstr(hosted_log(), "unit 0: IQA holds 0x"));
    assert_int_equal(model_read(rig.model, GSTS, 4), 0);
    model_set_faults(rig.model, &(struct model_faults){0});
    vtd_rig_take_over(&rig);
    model_set_faults(rig.model, &(struct model_faults){.no_latch = OWN});
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), ERR_INVALID);
    assert_non_null(strstr(hosted_log(), "unit 0: RTADDR holds 0x"));
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    model_set_faults(rig.model, &(struct model_faults){0});
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0x39);
    vtd_rig_stop(&rig);
}

static void registers_that_make_no_sense(void **state)
{
    (void)state;
    const struct model_config good = vtd_rig_config(VTD_RIG_SERVER);
    const struct { u64 cap, ecap; u32 ver, haw; const char *text; } cases[] = {
        {~0ull, good.ecap, 0x10, 47, "no unit answers"},
        {good.cap, ~0ull, 0x10, 47, "no unit answers"},
        {good.cap, good.ecap, ~0u, 47, "no unit answers"},
        {good.cap, good.ecap, 0x10, 31, "address width"},
        {good.cap, good.ecap, 0x10, 53, "address width"},
        {good.cap | 1ull << 4, good.ecap, 0x10, 47, "write buffer"},
        {good.cap & ~(0x3ffull << 24), good.ecap, 0x10, 47, "fault records"},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct vtd_unit *unit;
        struct model_config config = good;
        config.cap = cases[i].cap;
        config.ecap = cases[i].ecap;
        config.ver = cases[i].ver;
        hosted_reset();
        (void)hosted_add_unit((hpa_t){VTD_RIG_BASE}, &config);
        assert_int_equal(vtd_unit_probe((hpa_t){VTD_RIG_BASE}, 0, 0, cases[i].haw, &unit),
                         ERR_UNSUPPORTED);
        assert_int_equal(hosted_log_lines(), 1);
        assert_non_null(strstr(hosted_log(), cases[i].text));
    }
    struct vtd_unit *unit;
    hosted_reset();
    (void)hosted_add_unit((hpa_t){VTD_RIG_BASE}, &good);
    hosted_fail_after(0);
    assert_int_equal(vtd_unit_probe((hpa_t){VTD_RIG_BASE}, 0, 0, 47, &unit), ERR_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_untranslated),
        cmocka_unit_test(regions_that_are_there),
        cmocka_unit_test(a_region_of_one_piece_stays),
        cmocka_unit_test(a_region_that_covers_us_stays),
        cmocka_unit_test(no_region_that_fits),
        cmocka_unit_test(leftovers_are_named),
        cmocka_unit_test(hangs_after_any_write),
        cmocka_unit_test(what_is_still_on_is_not_freed),
        cmocka_unit_test(as_firmware_left_it),
        cmocka_unit_test(fails_late),
        cmocka_unit_test(a_default_that_cannot_be),
        cmocka_unit_test(registers_that_hold_fewer_bits),
        cmocka_unit_test(registers_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
