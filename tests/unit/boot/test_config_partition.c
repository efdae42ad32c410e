/* SPDX-License-Identifier: BSD-2-Clause */
/* [partition NAME]: every key, every mistake with its line, and what a mistake leaves of the rest. */
#include "boot/config_partition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct config config;
static struct config_error error;

static enum result parse(const char *text)
{
    return config_parse(text, strlen(text), &config, &error);
}

static void every_key(void **state)
{
    (void)state;
    assert_int_equal(parse("[partition rt-0]\n"
                           "cpus = 2-3, 5,64 - 65\n"
                           "memory = 256M at 0x140000000\n"
                           "image = raw 0x7C00 \\EFI\\rt.bin\n"
                           "[policy]\nfatal = reset\nwithout-interrupt-isolation = run\n"
                           "[ partition\tb ]\n"
                           "allow-shared-core = yes\nrestart = 3\ncache = 0x7e0\nwatchdog = 3600\nconsole = none\n"
                           "start = later\ncontrol-by = root\nguest-iommu = nested\n"
                           "arguments = a=b quiet\n"
                           "initrd = /initrd\nimage = /vmlinuz\nmemory = 2G\ncpus = 1023\n"), OK);
    assert_int_equal(config.partition_error.line, 0);
    assert_int_equal(config.fatal, FATAL_RESET);
    assert_true(config.run_without_interrupt_isolation);
    assert_string_equal(config.weak_key, "without-interrupt-isolation");
    assert_int_equal(config.partition_count, 2);
    const struct config_partition *p = &config.partitions[0];
    assert_string_equal(p->name, "rt-0");
    assert_int_equal(p->line, 1);
    assert_int_equal(p->cpus[0], 0x2c);
    assert_int_equal(p->cpus[1], 3);
    assert_int_equal(p->memory_size, 256 << 20);
    assert_true(p->memory_placed);
    assert_int_equal(p->memory_at, 0x140000000);
    assert_true(p->raw);
    assert_int_equal(p->raw_address, 0x7c00);
    assert_string_equal(p->image, "\\EFI\\rt.bin");
    assert_string_equal(p->initrd, "");
    assert_int_equal(p->console, PARTITION_CONSOLE_VIRTUAL);
    assert_int_equal(p->restarts, 0);
    assert_int_equal(p->units, GUEST_IOMMU_AUTO);
    assert_int_equal(p->watchdog_s, 0);
    assert_false(p->shares_cores || p->later || p->root_controls);
    p++;
    assert_string_equal(p->name, "b");
    assert_int_equal(p->cpus[15], 1ull << 63);
    assert_int_equal(p->memory_size, 2ull << 30);
    assert_false(p->memory_placed);
    assert_false(p->raw);
    assert_string_equal(p->image, "/vmlinuz");
    assert_string_equal(p->initrd, "/initrd");
    assert_string_equal(p->arguments, "a=b quiet");
    assert_int_equal(p->console, PARTITION_CONSOLE_NONE);
    assert_int_equal(p->restarts, 3);
    assert_int_equal(p->units, GUEST_IOMMU_NESTED);
    assert_int_equal(p->watchdog_s, 3600);
    assert_int_equal(p->cache_ways, 0x7e0);
    assert_true(p->shares_cores && p->later && p->root_controls);
}

#define REST "\ncpus = 1\nmemory = 2M\nimage = \\x\n"

#define DEVICE "up to 32 of SEGMENT:BUS:DEVICE.FUNCTION, as 0000:03:00.0, [interrupts=none]"

static void consoles(void **state)
{
    (void)state;
    assert_int_equal(parse("[partition a]" REST "console = virtual\n[partition b]" REST "console = com2\n"), OK);
    assert_int_equal(config.partition_count, 2);
    assert_int_equal(config.partitions[0].console, PARTITION_CONSOLE_VIRTUAL);
    assert_int_equal(config.partitions[1].console, PARTITION_CONSOLE_COM2);
}

static void each_mistake_is_named(void **state)
{
    (void)state;
    static const struct { const char *text; u32 line; const char *key, *expected; } cases[] = {
        {"[partition]" REST, 1, "[partition]", "[partition NAME], a name of 1 to 15 of a-z, 0-9 and -"},
        {"[partition A]" REST, 1, "[partition A]", "[partition NAME], a name of 1 to 15 of a-z, 0-9 and -"},
        {"[partition a b]" REST, 1, "[partition a b]", "[partition NAME], a name of 1 to 15 of a-z, 0-9 and -"},
        {"[partition a234567890123456]" REST, 1, "[partition a234567890123456]",
         "[partition NAME], a name of 1 to 15 of a-z, 0-9 and -"},
        {"[partition a]" REST "[partition a]" REST, 5, "[partition a]", "each name only once"},
        {"[partition a]\nmemory = 2M\nimage = \\x", 1, "cpus", "the key: a partition needs it"},
        {"#\n[partition a]\ncpus = 1\nimage = \\x", 2, "memory", "the key: a partition needs it"},
        {"[partition a]\nmemory = 2M\ncpus = 1", 1, "image", "the key: a partition needs it"},
        {"[partition a]\ncpus =", 2, "cpus", "numbers and ranges of CPUs below 1024, as 2-3,5"},
        {"[partition a]\ncpus = 1,,2", 2, "cpus", "numbers and ranges of CPUs below 1024, as 2-3,5"},
        {"[partition a]\ncpus = 2-", 2, "cpus", "numbers and ranges of CPUs below 1024, as 2-3,5"},
        {"[partition a]\ncpus = 1,2 - ,4", 2, "cpus", "numbers and ranges of CPUs below 1024, as 2-3,5"},
        {"[partition a]\ncpus = 3-2", 2, "cpus", "numbers and ranges of CPUs below 1024, as 2-3,5"},
        {"[partition a]\ncpus = 0-1024", 2, "cpus", "numbers and ranges of CPUs below 1024, as 2-3,5"},
        {"[partition a]\ncpus = 18446744073709551615", 2, "cpus", "numbers and ranges of CPUs below 1024, as 2-3,5"},
        {"[partition a]\nmemory = 2", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nmemory = 0M", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nmemory = 3M", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nmemory = 18014398509481984G", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nmemory = 4194304G", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nmemory = 2M by 0x200000", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nmemory = 2M at 0x100000", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nmemory = 2M at 0", 2, "memory", "a multiple of 2M, as 256M or 2G [at ADDRESS]"},
        {"[partition a]\nimage = x", 2, "image", "a path that begins with \\, or raw ADDRESS PATH"},
        {"[partition a]\nimage = raw \\x", 2, "image", "a path that begins with \\, or raw ADDRESS PATH"},
        {"[partition a]\nimage = raw 0x100000000 \\x", 2, "image", "a path that begins with \\, or raw ADDRESS PATH"},
        {"[partition a]\ninitrd = x", 2, "initrd", "a path that begins with \\, printable, below 256 characters"},
        {"[partition a]\nstart = never", 2, "start", "boot or later"},
        {"[partition a]\ncontrol-by = all", 2, "control-by", "none or root"},
        {"[partition a]" REST "start = later", 1, "control-by", "the key: a partition needs it"},
        {"[partition a]\nconsole = com1", 2, "console", "virtual, com2 or none"},
        {"[partition a]\nrestart = often", 2, "restart", "never, always or a number below 4294967295"},
        {"[partition a]\nrestart = 4294967295", 2, "restart", "never, always or a number below 4294967295"},
        {"[partition a]\ncache = 0", 2, "cache", "a number whose bits are one run, as 0x00f"},
        {"[partition a]\ncache = 0x101", 2, "cache", "a number whose bits are one run, as 0x00f"},
        {"[partition a]\ncache = 0x100000000", 2, "cache", "a number whose bits are one run, as 0x00f"},
        {"[partition a]\nwatchdog = 0", 2, "watchdog", "none, or 1 to 3600 seconds"},
        {"[partition a]\nwatchdog = 3601", 2, "watchdog", "none, or 1 to 3600 seconds"},
        {"[partition a]\nwatchdog = never", 2, "watchdog", "none, or 1 to 3600 seconds"},
        {"[partition a]\nallow-shared-core = 1", 2, "allow-shared-core", "no or yes"},
        {"[partition a]\nguest-iommu = shadow", 2, "guest-iommu", "auto, nested or none"},
        {"[partition a]\nguest-iommu =", 2, "guest-iommu", "auto, nested or none"},
        {"[partition a]\ncpus = 1\ncpus = 2", 3, "cpus", "each key only once"},
        {"[partition a]\nlevel = info", 2, "level", "the key in section [console]"},
        {"[partition a]\nport = 0x3f8", 2, "port", "a key of this section; see docs/config.md"},
        {"[partition a]\ndevice = 00:03.0", 2, "device", DEVICE},
        {"[partition a]\ndevice = 10000:00:03.0", 2, "device", DEVICE},
        {"[partition a]\ndevice = 0000:100:03.0", 2, "device", DEVICE},
        {"[partition a]\ndevice = 0000:00:20.0", 2, "device", DEVICE},
        {"[partition a]\ndevice = 0000:00:03.8", 2, "device", DEVICE},
        {"[partition a]\ndevice = 0000:00:03.0.0", 2, "device", DEVICE},
        {"[partition a]\ndevice = 0000:00:03.0 interrupts=some", 2, "device", DEVICE},
        {"[partition a]\nno key", 2, "no key", "key = value, [section] or # comment"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(cases[i].text), OK);
        assert_int_equal(config.partition_count, 0);
        assert_int_equal(config.partition_error.line, cases[i].line);
        assert_string_equal(config.partition_error.key, cases[i].key);
        assert_string_equal(config.partition_error.expected, cases[i].expected);
    }
}

/* As that a file is no image, of which boot/program.h says key and what was expected (unit/boot/test_program). */
static void what_is_found_later_has_its_line(void **state)
{
    (void)state;
    static const struct { const char *key; u32 line; } cases[] = {
        {"image", 8}, {"initrd", 6}, {"arguments", 7}, {"memory", 5}, {"guest-iommu", 9}, {"console", 3},
        {"partition", 3},
    };
    assert_int_equal(parse("[console]\nlevel = info\n[partition a]\ncpus = 1\nmemory = 2M\ninitrd = \\r\n"
                           "arguments = x\nimage = \\x\nguest-iommu = none\n[partition b]" REST), OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        config_partition_mistake(&config.partitions[0], cases[i].key, "another", &error);
        assert_int_equal(error.line, cases[i].line);
        assert_string_equal(error.key, cases[i].key);
        assert_string_equal(error.expected, "another");
    }
}

/* Each with its own line. */
static void devices(void **state)
{
    (void)state;
    assert_int_equal(parse("[partition a]" REST "device = 0000:fe:1F.7\n#\ndevice = 1:0:3.0 interrupts=none\n"), OK);
    assert_int_equal(config.partition_count, 1);
    const struct config_partition *p = &config.partitions[0];
    assert_int_equal(p->device_count, 2);
    assert_int_equal(p->devices[0].segment, 0);
    assert_int_equal(p->devices[0].source_id, 0xfeff);
    assert_false(p->devices[0].without_interrupts);
    assert_int_equal(p->devices[0].line, 5);
    assert_int_equal(p->devices[1].segment, 1);
    assert_int_equal(p->devices[1].source_id, 3 << 3);
    assert_true(p->devices[1].without_interrupts);
    assert_int_equal(p->devices[1].line, 7);
    char text[2048] = "[partition a]" REST;
    for (u32 i = 0; i < HANDOVER_FUNCTIONS; i++) {
        sprintf(text + strlen(text), "device = 0:0:%x.0\n", i);
    }
    assert_int_equal(parse(text), OK);
    assert_int_equal(config.partitions[0].device_count, HANDOVER_FUNCTIONS);
    strcat(text, "device = 0:1:0.0\n");
    assert_int_equal(parse(text), OK);
    assert_int_equal(config.partition_count, 0);
    assert_int_equal(config.partition_error.line, 5 + HANDOVER_FUNCTIONS);
}

static void at_most_so_many(void **state)
{
    (void)state;
    char text[1024] = "";
    for (u32 i = 0; i < HANDOVER_PARTITIONS; i++) {
        sprintf(text + strlen(text), "[partition p%u]" REST, i);
    }
    assert_int_equal(parse(text), OK);
    assert_int_equal(config.partition_count, HANDOVER_PARTITIONS);
    strcat(text, "[partition more]" REST);
    assert_int_equal(parse(text), OK);
    assert_int_equal(config.partition_count, 0);
    assert_string_equal(config.partition_error.expected, "at most 7 partitions beside the root");
}

/* The root runs with what the user said of it. A mistake elsewhere still takes everything away. */
static void a_mistake_leaves_the_rest(void **state)
{
    (void)state;
    assert_int_equal(parse("[partition a]\nfoo = 1\nbar = 2\n[partition]\n[policy]\nfatal = reset\n"), OK);
    assert_int_equal(config.partition_error.line, 2);
    assert_string_equal(config.partition_error.key, "foo");
    assert_int_equal(config.fatal, FATAL_RESET);
    assert_int_equal(parse("[partition a]" REST "[policy]\nfatal = maybe\n"), ERR_MALFORMED);
    assert_int_equal(error.line, 6);
    assert_int_equal(config.partition_count, 0);
    assert_int_equal(parse("[memory extra]\n"), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key),
        cmocka_unit_test(consoles),
        cmocka_unit_test(each_mistake_is_named),
        cmocka_unit_test(what_is_found_later_has_its_line),
        cmocka_unit_test(devices),
        cmocka_unit_test(at_most_so_many),
        cmocka_unit_test(a_mistake_leaves_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
