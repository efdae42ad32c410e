/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses are a unit's: all that the table gives it, and all that its capabilities name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hv/machine/units.h"
#include "tests/support/vtd_rig.h"

enum { FIRST = 0x70000000, SECOND = 0x70010000, KIB = 1024 };

static struct vtd_dmar dmar;

static void probe(u32 first_bytes, u32 second_bytes, u64 second_fro)
{
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    hosted_reset();
    (void)hosted_add_unit((hpa_t){FIRST}, &config);
    config.cap = (config.cap & ~(0x3ffull << 24)) | second_fro << 24;
    (void)hosted_add_unit((hpa_t){SECOND}, &config);
    dmar = (struct vtd_dmar){.haw = 47, .unit_count = 2, .units = {
        {.base = {FIRST}, .window_size = first_bytes}, {.base = {SECOND}, .window_size = second_bytes}}};
    assert_int_equal(units_probe(&dmar), OK);
    assert_int_equal(units_count(), 2);
}

static void expect_bytes(u32 unit, u64 base, u32 bytes)
{
    struct vtd_unit_info info;
    u32 i, offset;
    vtd_unit_get_info(units_get(unit), &info);
    assert_int_equal(info.window_size, bytes);
    for (u32 at = 0; at < bytes; at += PAGE_SIZE) {
        assert_true(units_find(base + at, &i, &offset));
        assert_int_equal(i, unit);
        assert_int_equal(offset, at);
    }
    assert_true(units_find(base + bytes - 1, &i, &offset));
    assert_false(units_find(base + bytes, &i, &offset));
    assert_false(units_find(base - 1, &i, &offset));
}

static void forget(void)
{
    for (u32 i = 0; i < units_count(); i++) {
        vtd_unit_destroy(units_get(i));
    }
    assert_int_equal(hosted_pages_used(), 0);
}

static void what_the_table_gives(void **state)
{
    (void)state;
    probe(32 * KIB, 4 * KIB, 0x40);
    expect_bytes(0, FIRST, 32 * KIB);
    expect_bytes(1, SECOND, 4 * KIB);
    forget();
}

/* Fault records at 3000h of a unit to which the table gives one page (the Size field of older tables is 0). */
static void what_the_capabilities_name(void **state)
{
    (void)state;
    probe(4 * KIB, 4 * KIB, 0x300);
    expect_bytes(0, FIRST, 4 * KIB);
    expect_bytes(1, SECOND, 16 * KIB);
    forget();
}

/* Whoever does not know the table keeps as much as any unit has. */
static void nobody_told(void **state)
{
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    struct vtd_unit *unit;
    struct vtd_unit_info info;
    (void)state;
    hosted_reset();
    (void)hosted_add_unit((hpa_t){FIRST}, &config);
    assert_int_equal(vtd_unit_probe((hpa_t){FIRST}, 0, 0, 47, &unit), OK);
    vtd_unit_get_info(unit, &info);
    assert_int_equal(info.window_size, 64 * KIB);
    vtd_unit_destroy(unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_table_gives),
        cmocka_unit_test(what_the_capabilities_name),
        cmocka_unit_test(nobody_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
