/* SPDX-License-Identifier: BSD-2-Clause */
/* A unit's interrupt remapping table on the reference unit: words put together by hand from VT-d 5.1 and 9.9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

#define ECAP_IR (1ull << 3)
#define ECAP_EIM (1ull << 4)
#define CAP_ESIRTPS (1ull << 62)
#define GSTS_REMAPPING (1u << 25)

enum { SID = 0x1234, VECTOR = 0x51 };

static struct model_config config_with(u64 cap, u64 ecap)
{
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.cap |= cap;
    config.ecap |= ecap | 15ull << 20;
    return config;
}

static void start(struct vtd_rig *rig)
{
    const struct model_config config = config_with(0, ECAP_IR | ECAP_EIM);
    vtd_rig_start_with(rig, &config);
    assert_int_equal(vtd_irt_create(rig->unit), OK);
}

static void stop(struct vtd_rig *rig)
{
    assert_int_equal(vtd_irt_disable(rig->unit), OK);
    vtd_rig_stop(rig);
}

/* Present, fixed, to that 32-bit destination, for SID alone. */
static struct irte entry(u32 destination, u8 vector)
{
    return (struct irte){{(u64)destination << 32 | (u64)vector << 16 | 1, 1ull << 18 | SID}};
}

static u64 request(u32 index)
{
    return 0xfee00010 | (u64)(index & 0x7fff) << 5 | (u64)(index >> 15) << 2;
}

/* The reason, or 0 with the message. */
static u8 interrupt(struct vtd_rig *rig, u32 index, struct model_interrupt *out)
{
    (void)model_interrupt(rig->model, SID, request(index), 0, out);
    return out->reason;
}

static u64 reg(struct vtd_rig *rig, u32 offset, u32 size)
{
    return model_read(rig->model, offset, size);
}

static u64 told(struct vtd_rig *rig)
{
    return model_counters(rig->model)->descriptors[MODEL_DESC_IEC];
}

static void an_interrupt_goes_where_its_entry_says(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct model_interrupt out;
    start(&rig);
    const struct irte last = entry(0x12c, VECTOR);
    vtd_irt_set(rig.unit, IRTE_TABLE_MAX - 1, &last);
    assert_int_equal(vtd_irt_enable(rig.unit, true), OK);
    assert_int_equal(reg(&rig, 0xb8, 8) & 0xfffff, 1u << 11 | 15); /* aligned to 1 MiB, EIME, 65,536 entries */
    assert_int_equal(interrupt(&rig, IRTE_TABLE_MAX - 1, &out), 0);
    assert_int_equal(out.addr, 0x10000000000 | 0xfee2c000);
    assert_int_equal(out.data & 0xff, VECTOR);
    assert_int_equal(interrupt(&rig, 0, &out), 0x22);
    assert_false(model_interrupt(rig.model, SID + 1, request(0xffff), 0, &out));
    assert_int_equal(out.reason, 0x26);
    assert_false(model_interrupt(rig.model, SID, 0xfee00000, 0x51, &out)); /* compatibility format */
    assert_int_equal(out.reason, 0x25);
    stop(&rig);
}

/* What the unit has cached it goes on using until it is told: a changed entry is not announced by itself. */
static void an_entry_counts_when_the_unit_is_told(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct model_interrupt out;
    start(&rig);
    const struct irte before = entry(1 << 8, VECTOR), after = entry(2 << 8, VECTOR);
    vtd_irt_set(rig.unit, 7, &before);
    assert_int_equal(vtd_irt_enable(rig.unit, false), OK);
    assert_int_equal(interrupt(&rig, 7, &out), 0);
    assert_int_equal(out.addr, 0xfee01000);
    vtd_irt_set(rig.unit, 7, &after);
    assert_int_equal(vtd_irt_entries(rig.unit)[7].w[0], after.w[0]);
    assert_int_equal(interrupt(&rig, 7, &out), 0);
    assert_int_equal(out.addr, 0xfee01000);
    const struct vtd_desc invalidation = vtd_desc_interrupt_entries(7, 0);
    assert_int_equal(vtd_queue_post(rig.unit, &invalidation, 1, NULL), OK);
    assert_int_equal(interrupt(&rig, 7, &out), 0);
    assert_int_equal(out.addr, 0xfee02000);
    stop(&rig);
}

static void a_fault_is_told_by_its_index(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault fault;
    struct model_interrupt out;
    start(&rig);
    assert_int_equal(vtd_irt_enable(rig.unit, false), OK);
    assert_int_equal(interrupt(&rig, 0x8123, &out), 0x22);
    assert_true(vtd_fault_next(rig.unit, &fault));
    assert_int_equal(fault.addr, 0x8123ull << 48);
    assert_non_null(strstr(hosted_log(), "12:06.4 interrupt, index 33059: interrupt entry not present (reason 0x22)"));
    stop(&rig);
}

/* With ESIRTPS the unit forgets by itself; without, it is told once for SIRTP and once before IRE falls. */
static void invalidations_are_those_of_6_7(void **state)
{
    (void)state;
    static const struct { u64 cap; u32 on, off; } cases[] = {{0, 1, 1}, {CAP_ESIRTPS, 0, 0}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        const struct model_config config = config_with(cases[i].cap, ECAP_IR);
        struct vtd_rig rig;
        vtd_rig_start_with(&rig, &config);
        assert_int_equal(vtd_irt_create(rig.unit), OK);
        assert_int_equal(vtd_irt_enable(rig.unit, false), OK);
        assert_int_equal(told(&rig), cases[i].on);
        assert_int_equal(vtd_irt_disable(rig.unit), OK);
        assert_int_equal(told(&rig), cases[i].on + cases[i].off);
        vtd_rig_stop(&rig);
    }
}

static void compatibility_requests_pass_on_demand(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct model_interrupt out;
    start(&rig);
    assert_int_equal(vtd_irt_enable(rig.unit, false), OK);
    assert_false(model_interrupt(rig.model, SID, 0xfee00000, 0x51, &out));
    assert_int_equal(vtd_irt_pass_compatibility(rig.unit, true), OK);
    assert_true(model_interrupt(rig.model, SID, 0xfee00000, 0x51, &out));
    assert_int_equal(vtd_irt_pass_compatibility(rig.unit, false), OK);
    assert_false(model_interrupt(rig.model, SID, 0xfee00000, 0x51, &out));
    stop(&rig);
}

/* EIME outlives IRES on hardware and would disturb whoever comes next. */
static void the_extended_mode_ends_with_remapping(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct model_interrupt out;
    start(&rig);
    assert_int_equal(vtd_irt_enable(rig.unit, true), OK);
    assert_int_equal(vtd_irt_disable(rig.unit), OK);
    assert_int_equal(reg(&rig, 0x1c, 4) & GSTS_REMAPPING, 0);
    assert_int_equal(reg(&rig, 0xb8, 8) & 1u << 11, 0);
    assert_true(model_interrupt(rig.model, SID, 0xfee00000, 0x51, &out));
    assert_int_equal(model_counters(rig.model)->eime_changed_live, 0);
    vtd_rig_stop(&rig);
}

static void a_unit_without_it_has_no_table(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_irt_create(rig.unit), ERR_UNSUPPORTED);
    vtd_rig_stop(&rig);
}

static void pages(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct model_config config = config_with(0, ECAP_IR);
    vtd_rig_start_with(&rig, &config);
    u32 before = hosted_pages_used();
    hosted_fail_after(0);
    assert_int_equal(vtd_irt_create(rig.unit), ERR_NO_MEMORY);
    assert_int_equal(hosted_pages_used(), before);
    hosted_fail_after(UINT32_MAX);
    assert_int_equal(vtd_irt_create(rig.unit), OK);
    assert_int_equal(vtd_irt_create(rig.unit), OK);
    assert_int_equal(hosted_pages_used(), before + 256);
    vtd_rig_stop(&rig);
}

/* For good, from any state: no table, ours with 8-bit destinations, and compatibility requests that pass. */
static void a_unit_is_isolated_from_any_state(void **state)
{
    (void)state;
    for (u32 had = 0; had < 3; had++) {
        struct vtd_rig rig;
        struct model_interrupt out;
        const struct model_config config = config_with(0, ECAP_IR | ECAP_EIM);
        vtd_rig_start_with(&rig, &config);
        if (had != 0) {
            assert_int_equal(vtd_irt_create(rig.unit), OK);
            assert_int_equal(vtd_irt_enable(rig.unit, had == 2), OK);
            assert_int_equal(vtd_irt_pass_compatibility(rig.unit, true), OK);
        }
        for (u32 i = 0; i < 2; i++) {
            assert_int_equal(vtd_irt_isolate(rig.unit), OK);
            assert_int_equal(reg(&rig, 0xb8, 8) & 1u << 11, 1u << 11);
            assert_int_equal(reg(&rig, 0x1c, 4) & (GSTS_REMAPPING | 1u << 23), GSTS_REMAPPING);
            assert_int_equal(interrupt(&rig, 5, &out), 0x22);
            assert_false(model_interrupt(rig.model, SID, 0xfee00000, 0x51, &out));
        }
        assert_int_equal(model_counters(rig.model)->eime_changed_live, 0);
        stop(&rig);
    }
}

static void a_unit_that_cannot_be_isolated(void **state)
{
    (void)state;
    static const u64 ecaps[] = {0, ECAP_IR};
    for (u32 i = 0; i < ARRAY_LEN(ecaps); i++) {
        struct vtd_rig rig;
        const struct model_config config = config_with(0, ecaps[i]);
        vtd_rig_start_with(&rig, &config);
        u32 before = hosted_pages_used();
        assert_int_equal(vtd_irt_isolate(rig.unit), ERR_UNSUPPORTED);
        assert_int_equal(hosted_pages_used(), before);
        assert_int_equal(reg(&rig, 0x1c, 4) & GSTS_REMAPPING, 0);
        vtd_rig_stop(&rig);
    }
    struct vtd_rig rig;
    const struct model_config config = config_with(0, ECAP_IR | ECAP_EIM);
    vtd_rig_start_with(&rig, &config);
    hosted_fail_after(0);
    assert_int_equal(vtd_irt_isolate(rig.unit), ERR_NO_MEMORY);
    hosted_fail_after(UINT32_MAX);
    assert_int_equal(reg(&rig, 0x1c, 4) & GSTS_REMAPPING, 0);
    vtd_rig_stop(&rig);
}

/* Firmware's table, below the pool, with one entry; and its remapping on. */
enum { FW_TABLE = 0x400000 };

static void firmware_remaps(struct vtd_rig *rig, u64 cap, bool keep)
{
    const struct model_config config = config_with(cap, ECAP_IR | ECAP_EIM);
    vtd_rig_prepare_with(rig, &config);
    const struct irte e = entry(0x300, VECTOR);
    memcpy(port_hpa_to_ptr((hpa_t){FW_TABLE + 5 * sizeof(e)}), &e, sizeof(e));
    model_write(rig->model, 0xb8, 8, FW_TABLE | 7);
    model_write(rig->model, 0x18, 4, 1u << 24);
    model_write(rig->model, 0x18, 4, 1u << 25);
    rig->def.keep_interrupts = keep;
    vtd_rig_take_over(rig);
}

static void firmware_that_remaps_goes_on_in_our_table(void **state)
{
    (void)state;
    static const u64 caps[] = {0, CAP_ESIRTPS};
    for (u32 i = 0; i < ARRAY_LEN(caps); i++) {
        struct vtd_rig rig;
        struct model_interrupt out;
        u64 irta;
        bool compatibility;
        firmware_remaps(&rig, caps[i], true);
        assert_int_equal(interrupt(&rig, 5, &out), 0);
        assert_true(vtd_irt_get_firmware(rig.unit, &irta, &compatibility));
        assert_int_equal(irta, FW_TABLE | 7);
        assert_false(compatibility);
        assert_int_equal(vtd_irt_create(rig.unit), OK);
        const struct irte e = entry(0x300, VECTOR + 1);
        vtd_irt_set(rig.unit, 5, &e);
        assert_int_equal(vtd_irt_enable(rig.unit, false), OK);
        assert_int_equal(interrupt(&rig, 5, &out), 0);
        assert_int_equal(out.data & 0xff, VECTOR + 1); /* not what it had cached */
        /* The machine goes back: firmware's table counts again, and at no time was it off. */
        assert_int_equal(vtd_irt_restore(rig.unit), OK);
        assert_int_equal(interrupt(&rig, 5, &out), 0);
        assert_int_equal(out.data & 0xff, VECTOR);
        assert_int_not_equal(reg(&rig, 0x1c, 4) & GSTS_REMAPPING, 0);
        vtd_rig_stop(&rig);
    }
}

static void firmware_that_remaps_for_nobody_is_switched_off(void **state)
{
    (void)state;
    struct vtd_rig rig;
    u64 irta;
    bool compatibility;
    firmware_remaps(&rig, 0, false);
    assert_non_null(strstr(hosted_log(), "interrupt remapping is switched off"));
    assert_int_equal(reg(&rig, 0x1c, 4) & GSTS_REMAPPING, 0);
    assert_int_equal(told(&rig), 1); /* before it fell, VT-d 6.7 */
    assert_false(vtd_irt_get_firmware(rig.unit, &irta, &compatibility));
    vtd_rig_stop(&rig);
}

static void a_table_in_use_is_not_given_back(void **state)
{
    (void)state;
    struct vtd_rig rig;
    start(&rig);
    assert_int_equal(vtd_irt_enable(rig.unit, false), OK);
    assert_int_equal(vtd_takeover_release(rig.unit), ERR_BUSY);
    u32 used = hosted_pages_used();
    vtd_unit_destroy(rig.unit);
    assert_int_equal(hosted_pages_used(), used);
    assert_non_null(strstr(hosted_log(), "its tables are not given back"));
}

/* Whatever step the unit does not take is an error in bounded time, and what it may still read is not given back. */
static void a_unit_that_hangs(void **state)
{
    (void)state;
    const struct model_faults gcmd = {.gcmd_hang = true}, queue = {.queue_hang = true}, none = {0};
    const struct model_faults *const kinds[] = {&gcmd, &queue};
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        struct vtd_rig rig;
        start(&rig);
        hosted_clock_step(1000);
        model_set_faults(rig.model, kinds[i]);
        assert_int_equal(vtd_irt_enable(rig.unit, false), ERR_TIMEOUT);
        u32 used = hosted_pages_used();
        vtd_unit_destroy(rig.unit);
        assert_int_equal(hosted_pages_used(), used);
        model_set_faults(rig.model, &none);
        model_kick(rig.model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupt_goes_where_its_entry_says),
        cmocka_unit_test(an_entry_counts_when_the_unit_is_told),
        cmocka_unit_test(a_fault_is_told_by_its_index),
        cmocka_unit_test(invalidations_are_those_of_6_7),
        cmocka_unit_test(compatibility_requests_pass_on_demand),
        cmocka_unit_test(the_extended_mode_ends_with_remapping),
        cmocka_unit_test(a_unit_without_it_has_no_table),
        cmocka_unit_test(pages),
        cmocka_unit_test(a_unit_is_isolated_from_any_state),
        cmocka_unit_test(a_unit_that_cannot_be_isolated),
        cmocka_unit_test(firmware_that_remaps_goes_on_in_our_table),
        cmocka_unit_test(firmware_that_remaps_for_nobody_is_switched_off),
        cmocka_unit_test(a_table_in_use_is_not_given_back),
        cmocka_unit_test(a_unit_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
