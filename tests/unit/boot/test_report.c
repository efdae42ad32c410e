/* SPDX-License-Identifier: BSD-2-Clause */
/* What a start prints: at level info a bounded number of lines, whatever the machine; at level debug all of it. */
#include "boot/report.h"

#include "boot/console.h"
#include "drivers/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/*
 * Of the 60 lines of a start these remain for what cannot be counted here: the launch (4), the next boot image (3), the
 * image's own (13).
 */
enum { MOST_LINES = 40 };

static u32 lines[LOG_DEBUG + 1];
static char text[64 << 10];

void console_log(enum log_level level, const char *format, ...)
{
    va_list args;
    size_t at = strlen(text);
    lines[level]++;
    va_start(args, format);
    (void)format_text_v(text + at, sizeof(text) - at, format, args);
    va_end(args);
    strcat(text, "\n");
}

static u32 shown(enum log_level most)
{
    u32 count = 0;
    for (u32 i = 0; i <= (u32)most; i++) {
        count += lines[i];
    }
    return count;
}

static struct machine m;

static void report(void)
{
    const struct verdict verdict = {.start = true, .isolated = true, .ability = VTD_ABILITY_NESTED};
    memset(lines, 0, sizeof(lines));
    memset(text, 0, sizeof(text));
    report_cpu(&m);
    report_tables(&m);
    report_units(&m);
    report_verdict(&verdict);
}

static void machine_with(u32 units, u32 regions, bool alike)
{
    memset(&m, 0, sizeof(m));
    m.cpu.vmx = true;
    m.dmar_usable = true;
    m.dmar.unit_count = units;
    m.dmar.region_count = regions;
    for (u32 i = 0; i < units; i++) {
        m.units[i].cap = 0x01d2078c406f0406ull + (alike ? 0 : i);
        m.units[i].ecap = 0x0003c99c84f050c3ull;
    }
}

static void a_server(void **state)
{
    (void)state;
    machine_with(20, 3, true);
    report();
    assert_in_range(shown(LOG_INFO), 20, 30);
    assert_non_null(strstr(text, "unit 0: able"));
    assert_null(strstr(text, "unit 1: able"));
    assert_non_null(strstr(text, "12 more units"));
    assert_non_null(strstr(text, "unit 19: segment"));
}

/* Everything that there is a line for, as many as can be. */
static void the_worst_machine(void **state)
{
    (void)state;
    machine_with(VTD_DMAR_UNITS, VTD_DMAR_REGIONS, false);
    m.census.phantoms = 9;
    m.tables.wrong_sum_count = ACPI_WRONG_SUMS;
    m.sleep.elsewhere = true;
    m.dmar.unknown_structures = 7;
    m.units_may_come = true;
    m.dmar.note_count = VTD_DMAR_NOTES + 20;
    for (u32 i = 0; i < VTD_DMAR_NOTES; i++) {
        m.dmar.notes[i] = (struct vtd_dmar_error){.what = "x", .expected = "y"};
    }
    report();
    assert_in_range(shown(LOG_INFO), 20, MOST_LINES);
    assert_true(shown(LOG_DEBUG) > 4 * VTD_DMAR_UNITS + VTD_DMAR_REGIONS);
}

static void one_unit_is_told_in_full(void **state)
{
    (void)state;
    machine_with(1, 1, true);
    report();
    assert_int_equal(lines[LOG_DEBUG], 0);
    assert_null(strstr(text, " more "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server),
        cmocka_unit_test(the_worst_machine),
        cmocka_unit_test(one_unit_is_told_in_full),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
