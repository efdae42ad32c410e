/*
 * Taking a unit over from any state, with DMA after every register write: what was translated is
 * never untranslated, or the console says so. Then hangs at each step, and giving the unit back.
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

enum { GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, PMEN = 0x64, HOLE_IN_PMR = 0x300000 };

static struct {
    struct vtd_rig *rig;
    u32 writes, untranslated, moved, moved_shut, pages_shut;
    bool shut, abort;
} seen;

static bool is_shut(struct model_unit *model)
{
    return (model_read(model, GSTS, 4) >> 31) != 0 || (model_read(model, PMEN, 4) & 1) != 0;
}

static void on_mmio(bool enter)
{
    u64 value = 0;
    struct model_outcome outcome;
    const struct model_request request = {.sid = 9, .op = MODEL_WRITE, .addr = HOLE_IN_PMR, .len = 8};
    struct model_unit *model = seen.rig->model;
    if (enter) {
        return;
    }
    seen.writes++;
    if (!seen.shut && is_shut(model)) {
        seen.shut = true;
        seen.pages_shut = hosted_pages_used();
    }
    seen.abort |= (model_read(model, RTADDR, 8) >> 10 & 3) == 3;
    bool ok = model_dma(model, &request, &value, &outcome);
    seen.untranslated += outcome.kind == MODEL_KIND_UNTRANSLATED ? 1 : 0;
    seen.moved += ok ? 1 : 0; /* neither our tables nor firmware's map that address */
    seen.moved_shut += ok && seen.shut ? 1 : 0;
}

/* What is said about a window, on a unit without and with abort-DMA mode. */
enum window { NONE, BOTH, NOT_WITH_ADMS, NEEDS_ADMS_NONE, NEEDS_ADMS_WINDOW };

struct state_left {
    u64 cap, ecap;     /* of a server's unit, with these bits on top */
    u32 firmware;      /* of vtd_rig_firmware() */
    bool abort, pmr, rmrr, legacy;
    enum window window;
};

static const struct state_left states[] = {
    {.firmware = 0, .window = BOTH},
    {.firmware = 0, .cap = CAP_ESRTPS, .window = NOT_WITH_ADMS},
    {.firmware = 2, .cap = CAP_ESRTPS, .window = NOT_WITH_ADMS},
    {.firmware = 0, .cap = CAP_ESRTPS, .rmrr = true, .window = BOTH},
    {.firmware = 0, .cap = CAP_ESRTPS, .legacy = true, .window = BOTH},
    {.firmware = 0, .cap = CAP_ESRTPS | CAP_PHMR},
    {.firmware = 2, .cap = CAP_PHMR},
    {.firmware = 0, .cap = CAP_PHMR | CAP_PLMR, .legacy = true},
    {.firmware = 0, .cap = CAP_PHMR, .rmrr = true, .window = BOTH},
    {.firmware = 0, .cap = CAP_PLMR, .window = BOTH},
    {.firmware = 0, .cap = CAP_PHMR | CAP_PLMR, .pmr = true, .window = BOTH},
    {.firmware = 0, .cap = CAP_ESRTPS | CAP_PHMR | CAP_PLMR, .pmr = true, .window = NOT_WITH_ADMS},
    {.firmware = 7, .window = BOTH},
    {.firmware = 1, .window = BOTH},
    {.firmware = 7, .legacy = true},
    {.firmware = 7, .cap = CAP_ESRTPS},
    {.firmware = 7, .cap = CAP_ESRTPS, .rmrr = true},
    {.firmware = 7, .cap = CAP_PHMR},
    {.firmware = 7, .cap = CAP_PHMR | CAP_PLMR},
    {.firmware = 7, .cap = CAP_PHMR | CAP_PLMR, .pmr = true},
    {.firmware = 7, .cap = CAP_PLMR, .pmr = true, .window = BOTH},
    {.firmware = 7, .cap = CAP_PHMR, .rmrr = true, .window = BOTH},
    {.firmware = 0, .cap = CAP_ESRTPS, .abort = true, .window = NEEDS_ADMS_NONE},
    {.firmware = 0, .cap = CAP_PHMR, .abort = true, .window = NEEDS_ADMS_NONE},
    {.firmware = 0, .abort = true, .window = NEEDS_ADMS_WINDOW},
};

static bool needs_adms(const struct state_left *s)
{
    return s->window == NEEDS_ADMS_NONE || s->window == NEEDS_ADMS_WINDOW;
}

static bool window_is_expected(const struct state_left *s, bool adms)
{
    return s->window == BOTH || s->window == NEEDS_ADMS_WINDOW ||
           (s->window == NOT_WITH_ADMS && !adms);
}

static void leave(struct vtd_rig *rig, const struct state_left *s, bool adms)
{
    struct model_config config = vtd_rig_config(s->legacy ? VTD_RIG_LEGACY : VTD_RIG_SERVER);
    config.cap = (config.cap & ~(CAP_ESRTPS | CAP_PHMR | CAP_PLMR)) | s->cap;
    config.ecap |= s->ecap | (adms ? ECAP_ADMS : 0);
    vtd_rig_prepare_with(rig, &config);
    vtd_rig_firmware(rig, s->firmware);
    rig->def.rmrr_active = s->rmrr;
    if (s->abort) {
        model_write(rig->model, RTADDR, 8, 0xc00);
        model_write(rig->model, GCMD, 4, 1u << 30);
        model_write(rig->model, GCMD, 4, 1u << 31);
    }
    if (s->pmr) {
        model_write(rig->model, 0x68, 4, 0);
        model_write(rig->model, 0x6c, 4, 0x800000);
        model_write(rig->model, PMEN, 4, 1u << 31);
    }
}

/* Translation was off: the door is shut before any table of ours exists, by abort-DMA mode if the unit has it. */
static void check_door(const struct state_left *s, bool adms, u32 pages)
{
    bool may_abort = adms && (s->cap & CAP_ESRTPS) != 0 && !s->rmrr && !s->legacy;
    assert_int_equal(seen.abort, may_abort);
    if (!window_is_expected(s, adms)) {
        assert_int_equal(seen.pages_shut, pages);
        assert_int_equal(seen.moved_shut, 0);
    } else {
        assert_true(seen.untranslated > 0 || s->pmr);
    }
}

static void check_take_over(const struct state_left *s, bool adms)
{
    struct vtd_rig rig;
    leave(&rig, s, adms);
    bool was_on = (model_read(rig.model, GSTS, 4) >> 31) != 0;
    u32 pages = hosted_pages_used();
    memset(&seen, 0, sizeof(seen));
    seen.rig = &rig;
    hosted_watch_mmio(on_mmio);
    vtd_rig_take_over(&rig);
    hosted_watch_mmio(NULL);
    bool said = strstr(hosted_log(), "DMA is untranslated") != NULL;
    assert_true(seen.writes > 8);
    assert_int_equal(said, window_is_expected(s, adms));
    if (!was_on) {
        check_door(s, adms, pages);
    } else if (!said) {
        assert_int_equal(seen.moved, 0);
    } else {
        assert_true(seen.untranslated > 0 || s->pmr);
    }
    assert_int_equal(model_read(rig.model, PMEN, 4), 0);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_not_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_OTHER), 0);
    assert_int_equal(vtd_takeover(rig.unit, &rig.def), ERR_EXISTS);
    vtd_rig_stop(&rig);
}

static void never_untranslated(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(states); i++) {
        for (u32 adms = needs_adms(&states[i]) ? 1 : 0; adms < 2; adms++) {
            check_take_over(&states[i], adms != 0);
        }
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
    hang.rig = &rig;
    hang.left = write;
    hang.faults = *how;
    hosted_watch_mmio(hang_later);
    enum result r = vtd_takeover(rig.unit, &rig.def);
    hosted_watch_mmio(NULL);
    model_set_faults(rig.model, &(struct model_faults){0});
    model_kick(rig.model);
    if (r != OK) {
        assert_int_equal(r, ERR_TIMEOUT);
        assert_non_null(strstr(hosted_log(), "unit 0"));
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
    const struct model_faults kinds[] = {{.gcmd_hang = true}, {.queue_hang = true}};
    u32 errors = 0;
    for (u32 i = 0; i < ARRAY_LEN(states); i++) {
        for (u32 n = 0; n < 40; n++) {
            bool adms = needs_adms(&states[i]) || i % 2 != 0;
            errors += hang_at(&states[i], adms, n / 2, &kinds[n % 2]) ? 0 : 1;
        }
    }
    assert_true(errors > 100);
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

/* The attempt fails after the door was shut: as firmware left it, DMA goes on. */
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

static void event_registers(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    vtd_regs_event_write(rig.unit, VTD_FEDATA, 0x31);
    assert_int_equal(vtd_regs_event_read(rig.unit, VTD_FEDATA), 0x31);
    struct vtd_unit_info info;
    vtd_unit_get_info(rig.unit, &info);
    assert_true(info.nesting && info.coherent && info.mode == VTD_MODE_SCALABLE);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_untranslated),
        cmocka_unit_test(leftovers_are_named),
        cmocka_unit_test(hangs_after_any_write),
        cmocka_unit_test(what_is_still_on_is_not_freed),
        cmocka_unit_test(a_default_that_cannot_be),
        cmocka_unit_test(registers_that_make_no_sense),
        cmocka_unit_test(event_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
