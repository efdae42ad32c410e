/* SPDX-License-Identifier: BSD-2-Clause */
/* Storms of refused interrupt requests: they are read now and then, cost no device anything, and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SID = 0x1234, OTHER = 0x20, SECOND = 1000000, PAUSE = SECOND / 10, BUDGET = 64, RECORDS = 8 };

static void start(struct vtd_rig *rig)
{
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.cap = (config.cap & ~(0xffull << 40)) | (RECORDS - 1ull) << 40;
    config.ecap |= 1 << 3;      /* IR */
    vtd_rig_start_with(rig, &config);
    assert_int_equal(vtd_irt_create(rig->unit), OK);
    assert_int_equal(vtd_irt_enable(rig->unit, false), OK);
    hosted_clear_log();
}

static void stop(struct vtd_rig *rig)
{
    assert_int_equal(vtd_irt_disable(rig->unit), OK);
    vtd_rig_stop(rig);
}

static u32 drain(struct vtd_rig *rig)
{
    struct vtd_fault f;
    u32 count = 0;
    while (vtd_fault_next(rig->unit, &f)) {
        count++;
    }
    return count;
}

/* The reason that nothing silences: compatibility format, blocked. */
static void refuse(struct vtd_rig *rig, u32 times)
{
    struct model_interrupt out;
    for (u32 i = 0; i < times; i++) {
        assert_false(model_interrupt(rig->model, SID, 0xfee00000, 0x51, &out));
        assert_int_equal(out.reason, 0x25);
    }
}

static void begin(struct vtd_rig *rig)
{
    for (u32 i = 0; i < BUDGET; i++) {
        refuse(rig, 1);
        assert_int_equal(drain(rig), 1);
    }
    assert_null(strstr(hosted_log(), "without end"));
    refuse(rig, 1);
    assert_int_equal(drain(rig), 1);
    assert_non_null(strstr(hosted_log(), "interrupt requests are refused without end, the last of 12:06.4"));
}

static void records_stay_full_and_are_read_ten_times_a_second(void **state)
{
    (void)state;
    struct vtd_rig rig;
    start(&rig);
    begin(&rig);
    for (u32 i = 0; i < 20; i++) {
        refuse(&rig, 3 * RECORDS);
        assert_int_equal(drain(&rig), 0);
        hosted_advance_us(PAUSE);
        assert_int_equal(drain(&rig), RECORDS);
        assert_int_equal(vtd_regs_read32(rig.unit, VTD_FSTS) & (FSTS_PPF | FSTS_PFO), 0);
    }
    stop(&rig);
}

/* Neither the device's DMA nor anybody else's is punished, and faults of DMA in between are seen. */
static void dma_is_no_part_of_it(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault_counts counts;
    struct vtd_fault f;
    start(&rig);
    begin(&rig);
    for (u32 i = 0; i < 5; i++) {
        assert_int_not_equal(vtd_rig_dma(&rig, OTHER, VTD_NO_PASID, true, VTD_RIG_HOLE), 0);
        refuse(&rig, 3 * RECORDS);
        hosted_advance_us(PAUSE);
        assert_true(vtd_fault_next(rig.unit, &f));
        assert_int_equal(f.sid, OTHER);
        (void)drain(&rig);
    }
    vtd_fault_get_counts(rig.unit, &counts);
    assert_int_equal(counts.silenced, 0);
    assert_int_equal(vtd_storm_faults(rig.unit, SID), 0);
    assert_int_equal(vtd_storm_faults(rig.unit, OTHER), 5);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    stop(&rig);
}

/* A time without them, and each is read at once again. */
static void it_ends(void **state)
{
    (void)state;
    struct vtd_rig rig;
    start(&rig);
    begin(&rig);
    for (u32 i = 0; i < 2; i++) {
        hosted_advance_us(PAUSE);
        assert_int_equal(drain(&rig), 0);
    }
    hosted_advance_us(PAUSE);
    refuse(&rig, 1);
    assert_int_equal(drain(&rig), 1);
    refuse(&rig, 1);
    assert_int_equal(drain(&rig), 1);
    stop(&rig);
}

/* So many in a second; what comes now and then is no storm. */
static void few_are_none(void **state)
{
    (void)state;
    struct vtd_rig rig;
    start(&rig);
    for (u32 i = 0; i < 10 * BUDGET; i++) {
        refuse(&rig, 1);
        assert_int_equal(drain(&rig), 1);
        hosted_advance_us(SECOND / (BUDGET / 2));
    }
    assert_null(strstr(hosted_log(), "without end"));
    stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_stay_full_and_are_read_ten_times_a_second),
        cmocka_unit_test(dma_is_no_part_of_it),
        cmocka_unit_test(it_ends),
        cmocka_unit_test(few_are_none),
    };
    return cmocka_run_group_tests_name("vtd_sweep", tests, NULL, NULL);
}
