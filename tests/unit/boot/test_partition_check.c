/* SPDX-License-Identifier: BSD-2-Clause */
/* Can this machine have these partitions? Each reason why not, with its line and key. */
#include "boot/partition_check.h"

#include "boot/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MIB (1ull << 20)
#define ANY "image = \\x\n"

static struct config config;
static struct config_error error;
static struct machine machine;

/* Two threads a core. */
static const u32 apic_ids[] = {0, 1, 2, 3, 8, 9};
static const struct memory_range memory[] = {{0, 640 << 10, RANGE_RAM}, {MIB, 31 * MIB, RANGE_RAM},
                                             {32 * MIB, 32 * MIB, RANGE_RAM}, {128 * MIB, 64 * MIB, RANGE_RAM}};
static struct partition_machine facts;

static bool check(const char *text)
{
    assert_int_equal(config_parse(text, strlen(text), &config, &error), OK);
    assert_int_equal(config.partition_error.line, 0);
    return partition_check(&config, &facts, &error);
}

static void is_refused(const char *text, u32 line, const char *key, const char *expected)
{
    assert_false(check(text));
    assert_int_equal(error.line, line);
    assert_string_equal(error.key, key);
    assert_string_equal(error.expected, expected);
}

static void begin(void)
{
    facts = (struct partition_machine){.apic_ids = apic_ids, .cpus = ARRAY_LEN(apic_ids), .core_shift = 1,
                                       .memory = memory, .memory_count = ARRAY_LEN(memory)};
}

static void what_is_possible(void **state)
{
    (void)state;
    begin();
    assert_true(check(""));
    assert_true(check("[partition a]\ncpus = 2-3\nmemory = 62M at 0x200000\n" ANY
                      "[partition b]\ncpus = 4,5\nmemory = 64M at 0x8000000\n" ANY));
    assert_true(check("[partition a]\ncpus = 1\nmemory = 2M\nallow-shared-core = yes\n" ANY));
    facts.core_shift = 0;
    assert_true(check("[partition a]\ncpus = 1\nmemory = 2M\n" ANY));
}

static void cpus(void **state)
{
    (void)state;
    begin();
    is_refused("[partition a]\ncpus = 0-1\nmemory = 2M\n" ANY, 2, "cpus", "others than CPU 0, which starts the root");
    is_refused("[partition a]\nmemory = 2M\ncpus = 4-6\n" ANY, 3, "cpus", "CPUs of this machine, which has 6");
    is_refused("[partition a]\ncpus = 1023\nmemory = 2M\n" ANY, 2, "cpus", "CPUs of this machine, which has 6");
    is_refused("[partition a]\ncpus = 2-3\nmemory = 2M\n" ANY "[partition b]\ncpus = 2-5\nmemory = 2M\n" ANY, 6, "cpus",
               "others than CPU 2, which partition a has");
}

static void cache_ways(void **state)
{
    (void)state;
    begin();
#define KEYS(CPUS, WAYS) "\ncpus = " CPUS "\nmemory = 2M\ncache = " WAYS "\n" ANY
    assert_true(check("[partition a]" KEYS("2-3", "0xf000")));      /* nothing is known of the machine */
    facts.cache_known = true;
    is_refused("[partition a]" KEYS("2-3", "0x00f"), 4, "cache", "a CPU that can keep ways of its L3 apart, or no key");
    facts.cache_ways = 11;
    facts.cache_classes = 3;
    assert_true(check("[partition a]" KEYS("2-3", "0x00f") "[partition b]" KEYS("4-5", "0x030")));
    assert_true(check("[partition a]" KEYS("2-3", "0x7fe")));
    is_refused("[partition a]" KEYS("2-3", "0x00f") "[partition b]" KEYS("4-5", "0x018"), 9, "cache",
               "ways that partition a does not have");
    is_refused("[partition a]" KEYS("2-3", "0xc00"), 4, "cache", "some of the 11 ways that this machine has");
    is_refused("[partition a]" KEYS("2-3", "0x7ff"), 4, "cache", "ways that leave the root others, in one run");
    is_refused("[partition a]" KEYS("2-3", "0x010"), 4, "cache", "ways that leave the root others, in one run");
    facts.cache_open = 0x600;
    is_refused("[partition a]" KEYS("2-3", "0x7f0"), 4, "cache", "ways that CPUs alone fill, not 0x600");
    assert_true(check("[partition a]" KEYS("2-3", "0x1ff")));
    facts.cache_open = 0;
    facts.cache_classes = 2;
    is_refused("[partition a]" KEYS("2-3", "0x00f") "[partition b]" KEYS("4-5", "0x030"), 9, "cache",
               "the key in 1 partitions at most, on this CPU");
}

static void consoles(void **state)
{
    (void)state;
    begin();
#define COM2(CPUS) "\ncpus = " CPUS "\nmemory = 2M\nconsole = com2\n" ANY
    assert_true(check("[partition a]" COM2("2-3")));
    is_refused("[partition a]" COM2("2-3") "[partition b]" COM2("4-5"), 9, "console",
               "virtual or none, as partition a has COM2");
    facts.uart_missing = "virtual or none, as Nestor speaks on COM2";
    is_refused("[partition a]" COM2("2-3"), 4, "console", facts.uart_missing);
    assert_true(check("[partition a]\ncpus = 2-3\nmemory = 2M\nconsole = none\n" ANY
                      "[partition b]\ncpus = 4-5\nmemory = 2M\n" ANY));
}

static void cores(void **state)
{
    (void)state;
    begin();
    is_refused("[partition a]\ncpus = 1\nmemory = 2M\n" ANY, 2, "cpus",
               "whole cores: CPU 0 is of the core of CPU 1; or allow-shared-core = yes");
    is_refused("[partition a]\ncpus = 2-4\nmemory = 2M\nallow-shared-core = no\n" ANY, 2, "cpus",
               "whole cores: CPU 5 is of the core of CPU 4; or allow-shared-core = yes");
    /* One that allows it says nothing for the other. */
    is_refused("[partition a]\ncpus = 4\nmemory = 2M\nallow-shared-core = yes\n" ANY
               "[partition b]\ncpus = 5\nmemory = 2M\n" ANY, 7, "cpus",
               "whole cores: CPU 4 is of the core of CPU 5; or allow-shared-core = yes");
    facts.apic_ids = NULL;
    assert_true(check("[partition a]\ncpus = 1\nmemory = 2M\n" ANY));
}

static void placed_memory(void **state)
{
    (void)state;
    static const char not_there[] = "memory of this machine that its firmware left free, or no address";
    begin();
    is_refused("[partition a]\ncpus = 2,3\nmemory = 64M at 0x200000\n" ANY, 3, "memory", not_there);
    is_refused("[partition a]\ncpus = 2,3\nmemory = 2M at 0x4000000\n" ANY, 3, "memory", not_there);
    is_refused("[partition a]\ncpus = 2,3\nmemory = 2M at 0xc000000\n" ANY, 3, "memory", not_there);
    is_refused("[partition a]\ncpus = 2,3\nmemory = 4M at 0x400000\n" ANY
               "[partition b]\ncpus = 4,5\nmemory = 4M at 0x600000\n" ANY, 7, "memory",
               "memory that partition a does not have");
    facts.memory = NULL;
    assert_true(check("[partition a]\ncpus = 2,3\nmemory = 64M at 0x200000\n" ANY));
}

/* Whichever comes first in the file. */
static void nothing_is_placed_where_memory_is_asked_for(void **state)
{
    (void)state;
    static struct areas avoid;
    const struct ranges free_memory = {.count = 1, .list = {{4096 * MIB, 1024 * MIB, RANGE_RAM}}};
    u64 base;
    begin();
    facts.memory = NULL;
    assert_true(check("[partition a]\ncpus = 2-3\nmemory = 64M\n" ANY
                      "[partition b]\ncpus = 4,5\nmemory = 64M at 0x100000000\n" ANY));
    avoid.count = 0;
    partition_add_placed(&config, &avoid);
    assert_int_equal(avoid.count, 1);
    assert_true(room_find(&free_memory, &avoid, 64 * MIB, &base));
    assert_true(base == 4160 * MIB);
}

static void interrupts(void **state)
{
    (void)state;
    begin();
    facts.interrupts_missing = "CPUs with x2APIC mode";
    is_refused("#\n[partition a]\ncpus = 2-3\nmemory = 2M\n" ANY, 2, "partition",
               "CPUs with x2APIC mode, or without-interrupt-isolation = run");
    assert_true(check("[partition a]\ncpus = 2-3\nmemory = 2M\n" ANY
                      "[policy]\nwithout-interrupt-isolation = run\n"));
    assert_true(check(""));
}

static void what_interrupts_need(void **state)
{
    (void)state;
    machine = (struct machine){.dmar_usable = true};
    assert_string_equal(partition_interrupts_missing(&machine, GUEST_IOMMU_NESTED), "CPUs with x2APIC mode");
    machine.cpu.x2apic = true;
    assert_string_equal(partition_interrupts_missing(&machine, GUEST_IOMMU_NESTED),
                        "a DMAR table that offers interrupt remapping");
    machine.dmar.intr_remap = true;
    machine.dmar.unit_count = 2;
    static const char unit[] = "units that all remap interrupts with 32-bit ids";
    enum { IR = 1 << 3, EIM = 1 << 4 };
    machine.units[0].ecap = IR | EIM;
    machine.units[1].ecap = IR;
    assert_string_equal(partition_interrupts_missing(&machine, GUEST_IOMMU_NESTED), unit);
    machine.units[1].ecap = EIM;
    assert_string_equal(partition_interrupts_missing(&machine, GUEST_IOMMU_NESTED), unit);
    machine.units[1].ecap = IR | EIM;
    assert_null(partition_interrupts_missing(&machine, GUEST_IOMMU_NESTED));
    assert_null(partition_interrupts_missing(&machine, GUEST_IOMMU_SHADOW));
    assert_string_equal(partition_interrupts_missing(&machine, GUEST_IOMMU_NONE),
                        "remapping units for the root (guest-iommu)");
    machine.dmar_usable = false;
    assert_string_equal(partition_interrupts_missing(&machine, GUEST_IOMMU_NESTED),
                        "a DMAR table that offers interrupt remapping");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_possible),
        cmocka_unit_test(cpus),
        cmocka_unit_test(consoles),
        cmocka_unit_test(cores),
        cmocka_unit_test(cache_ways),
        cmocka_unit_test(placed_memory),
        cmocka_unit_test(nothing_is_placed_where_memory_is_asked_for),
        cmocka_unit_test(interrupts),
        cmocka_unit_test(what_interrupts_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
