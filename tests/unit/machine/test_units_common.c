/* SPDX-License-Identifier: BSD-2-Clause */
/* What all units together can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hv/machine/units.h"
#include "tests/support/vtd_rig.h"

enum { UNITS = 3, BASE = 0x70000000, BYTES = 0x1000, NONE = UNITS };

static struct vtd_dmar dmar;

/* A unit for each bit: with interrupt remapping where it is set. */
static struct units_common probe(u32 remaps, bool flag)
{
    hosted_reset();
    dmar = (struct vtd_dmar){.haw = 47, .unit_count = UNITS, .intr_remap = flag};
    for (u32 i = 0; i < UNITS; i++) {
        struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
        config.ecap |= (remaps >> i & 1) != 0 ? 1ull << 3 : 0;
        dmar.units[i].base = (hpa_t){BASE + i * BYTES};
        (void)hosted_add_unit(dmar.units[i].base, &config);
    }
    assert_int_equal(units_probe(&dmar), OK);
    struct units_common common = units_get_common();
    assert_true(common.nesting);
    for (u32 i = 0; i < UNITS; i++) {
        vtd_unit_destroy(units_get(i));
    }
    assert_int_equal(hosted_pages_used(), 0);
    return common;
}

/* What SIDP forbids a device is forbidden on the units of its segment, and makes their tables such as are flushed. */
static void limits_are_of_a_segment(void **state)
{
    (void)state;
    const struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    hosted_reset();
    dmar = (struct vtd_dmar){.haw = 47, .unit_count = UNITS};
    for (u32 i = 0; i < UNITS; i++) {
        dmar.units[i] = (struct vtd_dmar_unit){.base = {BASE + i * BYTES}, .segment = i == 1 ? 1 : 0};
        (void)hosted_add_unit(dmar.units[i].base, &config);
    }
    assert_int_equal(units_probe(&dmar), OK);
    assert_true(units_get_common().coherent);
    const struct device_limit limits[] = {{.segment = 2, .sid = 8, .flags = VTD_SCOPE_NO_PWSNP},
                                          {.segment = 1, .sid = 8, .flags = VTD_SCOPE_NO_PWSNP},
                                          {.segment = 0, .sid = 8, .flags = VTD_SCOPE_NO_PWSNP}};
    assert_int_equal(units_limit(limits, 2), OK);
    for (u32 i = 0; i < UNITS; i++) {
        struct vtd_unit_info info;
        vtd_unit_get_info(units_get(i), &info);
        assert_int_equal(info.coherent, i != 1);
    }
    assert_false(units_get_common().coherent);
    /* Four levels, and none that a table of fewer could use. */
    assert_int_equal(units_levels(0, 5), 4);
    assert_int_equal(units_levels(0, 4), 4);
    assert_int_equal(units_levels(0, 3), 0);
    assert_int_equal(units_width(0, 5), 48);
    for (u32 i = 0; i < UNITS; i++) {
        vtd_unit_destroy(units_get(i));
    }
    assert_int_equal(hosted_pages_used(), 0);
}

/* And if firmware says that the platform does; else the first without is named. */
static void interrupts_are_shown_if_every_unit_remaps(void **state)
{
    (void)state;
    static const struct { u32 remaps; bool flag, shown; u32 without; } cases[] = {
        {7, true, true, NONE}, {7, false, false, NONE}, {6, true, false, 0}, {5, true, false, 1},
        {3, true, false, 2},   {1, true, false, 1},     {0, true, false, 0},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct units_common common = probe(cases[i].remaps, cases[i].flag);
        assert_int_equal(common.interrupts, cases[i].shown);
        assert_int_equal(common.without, cases[i].without);
    }
}

/* All shares and the second stages fit together, and whoever has a unit has one entry at least. */
static void ids_are_shared(void **state)
{
    (void)state;
    for (u32 ids = 16; ids <= 0x10000; ids *= 4) {
        for (u32 others = 0; others <= HANDOVER_PARTITIONS; others++) {
            u32 root = units_share_ids(ids, others, true);
            u32 each = others != 0 ? units_share_ids(ids, others, false) : 0;
            bool too_few = ids == 16 && others == HANDOVER_PARTITIONS;
            assert_int_equal(2 + others + root + each * others <= ids, !too_few);
            assert_true(root >= 1 && (each >= 1 || others == 0) && each <= HANDOVER_UNIT_ENTRIES);
            assert_true(root >= (ids - others) / 2 - 1 || ids == 16);
        }
    }
    assert_int_equal(units_share_ids(256, 1, true), 127);
    assert_int_equal(units_share_ids(256, 1, false), 126);
    assert_int_equal(units_share_ids(65536, 7, false), HANDOVER_UNIT_ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_of_a_segment),
        cmocka_unit_test(interrupts_are_shown_if_every_unit_remaps),
        cmocka_unit_test(ids_are_shared),
    };
    return cmocka_run_group_tests_name("machine_units_common", tests, NULL, NULL);
}
