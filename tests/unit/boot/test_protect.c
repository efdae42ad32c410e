/* SPDX-License-Identifier: BSD-2-Clause */
/* Protected regions that the machine cannot provide, each with the line that says so. */
#include "boot/protect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct ranges ranges = {
    .list = {{0, 0xa0000, RANGE_RAM}, {0x100000, 0xff00000, RANGE_RAM},
             {0x10000000, 0x100000, RANGE_RESERVED}, {0xff000000, 0x1000000, RANGE_MMIO}},
    .count = 4};

/* A reserved region in RAM. */
static const struct vtd_dmar dmar = {.region_count = 1, .regions = {{.base = 0x7000000, .limit = 0x70fffff}}};

/* What the message must contain; NULL: the region is right. */
static void check(const char *value, bool rule, const char *expected)
{
    static char text[200];
    char message[CONFIG_ERROR_TEXT];
    const struct protect_machine m = {&ranges, 0x10000000, 0x100000, &dmar, rule};
    struct config config;
    struct config_error error = {0};
    strcpy(text, "[memory]\n#\nprotect = ");
    strcat(text, value);
    assert_int_equal(config_parse(text, strlen(text), &config, &error), OK);
    assert_int_equal(protect_check(&config, &m, &error), expected == NULL);
    if (expected != NULL) {
        config_error_text(&error, message);
        assert_non_null(strstr(message, expected));
        assert_non_null(strstr(message, "line 3: protect = 0x"));
    }
}

static void regions(void **state)
{
    (void)state;
    check("0x100000-0x100fff", true, NULL);
    check("0xc0000-0xfffff", true, NULL);
    check("0xff000000-0xffffffff", true, NULL);
    check("0x200000-0x3fffff dma=read", false, NULL);
    check("0x200000-0x3fffff dma=read", true, "0x200000-0x3fffff dma=read: expected dma=none");
    check("0x200000-0x3fffff dma=read", true, "Intel 772415");
    check("0xff00000-0x10000fff", true, "not Nestor's own");
    check("0x100ff000-0x100fffff", false, "not Nestor's own");
    check("0x10100000-0x10100fff", true, "firmware's map");
    check("0x100ff000-0x10100fff", true, "firmware's map");
    check("0xa0000-0x1fffff", true, "firmware's map");
    check("0x70ff000-0x7100fff", true, "reserves for no device");
    check("0x6fff000-0x7000fff", false, "reserves for no device");
    check("0x7100000-0x7100fff", true, NULL);
    check("0x6fff000-0x6ffffff", true, NULL);
}

static void the_second_of_two(void **state)
{
    static const char text[] = "[memory]\nprotect = 0x1000-0x1fff\n\nprotect = 0x20000000-0x20000fff\n";
    const struct protect_machine m = {&ranges, 0x10000000, 0x100000, NULL, true};
    struct config config;
    struct config_error error;
    (void)state;
    assert_int_equal(config_parse(text, sizeof(text) - 1, &config, &error), OK);
    assert_false(protect_check(&config, &m, &error));
    assert_int_equal(error.line, 4);
}

static void affected_cpus(void **state)
{
    (void)state;
    assert_true(protect_cpu_is_affected(&(struct cpu_facts){.family = 6, .model = 0x8f}));
    assert_true(protect_cpu_is_affected(&(struct cpu_facts){.family = 6, .model = 0xcf}));
    assert_false(protect_cpu_is_affected(&(struct cpu_facts){.family = 6, .model = 0x55}));
    assert_false(protect_cpu_is_affected(&(struct cpu_facts){.family = 15, .model = 0x8f}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions),
        cmocka_unit_test(the_second_of_two),
        cmocka_unit_test(affected_cpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
