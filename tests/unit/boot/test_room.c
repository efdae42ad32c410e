/* SPDX-License-Identifier: BSD-2-Clause */
/* What is listed, how many tables that takes, and where Nestor's memory goes, on machines of several kinds. */
#include "boot/room.h"

#include "iommu/domain/domain.h"
#include "tests/support/hosted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define TIB (1ull << 40)

static struct vtd_dmar dmar;
static struct areas pluggable, windows, avoid;
static struct ranges map, listed;

static void begin(void)
{
    memset(&dmar, 0, sizeof(dmar));
    memset(&pluggable, 0, sizeof(pluggable));
    memset(&windows, 0, sizeof(windows));
    memset(&avoid, 0, sizeof(avoid));
    map = (struct ranges){.list = {{0, 0xa0000, RANGE_RAM}, {MIB, 0x38700000 - MIB, RANGE_RAM},
                                   {0x40000000, 0x1000, RANGE_RESERVED}, {4 * GIB, 4 * GIB, RANGE_RAM}}, .count = 4};
}

static void add_region(u64 base, u64 limit)
{
    dmar.regions[dmar.region_count++] = (struct vtd_dmar_region){.base = base, .limit = limit};
}

static enum result list_up_to(u64 limit)
{
    const struct room_extras extras = {.dmar = &dmar, .pluggable = &pluggable, .windows = &windows, .limit = limit};
    return room_list(&map, &extras, &listed);
}

static void list(void)
{
    assert_int_equal(list_up_to(1ull << 39), OK);
}

static enum range_kind kind_at(u64 addr)
{
    for (u32 i = 0; i < listed.count; i++) {
        if (addr - listed.list[i].base < listed.list[i].size) {
            return listed.list[i].kind;
        }
    }
    fail_msg("%llx is not listed", addr);
    return RANGE_RAM;
}

/* Graphics' stolen memory, in no entry of the map: an Alienware 15 R2 of 2015, and firmware like it. */
static void reserved_regions_are_listed(void **state)
{
    (void)state;
    begin();
    add_region(0x38800000, 0x3cffffff);
    add_region(0x3e2e0000, 0x3e2fffff);
    add_region(0x10000000, 0x10000fff);     /* in RAM */
    add_region(0x386ff000, 0x38700fff);     /* half in RAM */
    list();
    assert_true(ranges_cover(&listed, 0x38800000, 0x4800000));
    assert_true(ranges_cover(&listed, 0x3e2e0000, 0x20000));
    assert_int_equal(kind_at(0x38800000), RANGE_MMIO);
    assert_int_equal(kind_at(0x10000000), RANGE_RAM);
    assert_int_equal(kind_at(0x386ff000), RANGE_RAM);
    assert_int_equal(kind_at(0x38700000), RANGE_MMIO);
    assert_false(ranges_cover(&listed, 0x38701000, 1));
    assert_false(ranges_cover(&listed, 0x3d000000, 1));
}

static void windows_are_listed_without_interrupt_messages(void **state)
{
    (void)state;
    begin();
    areas_add(&windows, 0x80000000, 0x80000000);
    areas_add(&windows, 0x4000000000, 0x4000000000);
    areas_add(&windows, 0xfee00000, 0x1000);
    list();
    assert_true(ranges_cover(&listed, 0x80000000, 0x7ee00000));
    assert_false(ranges_cover(&listed, 0xfee00000, 1));
    assert_false(ranges_cover(&listed, 0xfeefffff, 1));
    assert_true(ranges_cover(&listed, 0xfef00000, 0x1100000));
    assert_true(ranges_cover(&listed, 0x4000000000, 0x4000000000));
    assert_int_equal(list_up_to(1ull << 38), OK);
    assert_false(ranges_cover(&listed, 0x4000000000, 1));
    assert_int_equal(list_up_to(0x5000000000), OK);
    assert_true(ranges_cover(&listed, 0x4000000000, 0x1000000000));
    assert_false(ranges_cover(&listed, 0x5000000000, 1));
}

static void memory_that_may_appear_counts_as_memory(void **state)
{
    (void)state;
    begin();
    areas_add(&pluggable, 4 * GIB, 64 * GIB);
    areas_add(&windows, 32 * GIB, 64 * GIB);
    list();
    assert_int_equal(kind_at(8 * GIB), RANGE_RAM);
    assert_int_equal(kind_at(68 * GIB - 1), RANGE_RAM);
    assert_int_equal(kind_at(68 * GIB), RANGE_MMIO);
    assert_int_equal(room_physical_end(&listed, NULL, 0), 68 * GIB);
}

static void a_list_that_is_full(void **state)
{
    (void)state;
    begin();
    for (u64 i = 0; i < HANDOVER_RANGES; i++) {
        map.list[i] = (struct memory_range){2 * i * MIB, MIB, RANGE_RAM};
    }
    map.count = HANDOVER_RANGES;
    assert_int_equal(list_up_to(1ull << 39), OK);
    add_region(MIB, MIB + 0xfff);
    assert_int_equal(list_up_to(1ull << 39), ERR_NO_MEMORY);
    dmar.region_count = 0;
    areas_add(&windows, 0xfef00000, 0x1000);
    assert_int_equal(list_up_to(1ull << 39), ERR_NO_MEMORY);
}

/* The direct map reaches what Nestor touches, a UART far up included; windows of devices need not be in it. */
static void the_end_of_what_is_touched(void **state)
{
    (void)state;
    begin();
    areas_add(&windows, TIB / 4, GIB);
    list();
    assert_int_equal(room_physical_end(&listed, NULL, 0), 8 * GIB);
    static const struct area uart = {0x4017000000, 0x1000}, nothing = {0x4017000000, 0};
    assert_int_equal(room_physical_end(&listed, &uart, 1), 0x4017001000);
    assert_int_equal(room_physical_end(&listed, &nothing, 1), 8 * GIB);
    listed.count = 1;
    assert_int_equal(room_physical_end(&listed, NULL, 0), 4 * GIB);
}

static void registers_are_no_memory(void **state)
{
    (void)state;
    begin();
    assert_true(room_is_for_device(&map, 39, 0xfe034000, 32));
    assert_true(room_is_for_device(&map, 39, 0x4017000000, 32));
    assert_false(room_is_for_device(&map, 38, 0x4017000000, 32));
    assert_false(room_is_for_device(&map, 39, (1ull << 39) - 16, 32));
    assert_false(room_is_for_device(&map, 39, 0x10000000, 32));
    assert_false(room_is_for_device(&map, 39, 0x386ffff0, 32));
    assert_true(room_is_for_device(&map, 39, 0x40000000, 32));    /* reserved */
}

/* --- tables, against those that a domain really makes --- */

static u64 tables_made(u64 page_sizes)
{
    const struct memory_range *last = &listed.list[listed.count - 1];
    u32 levels = last->base + last->size > 1ull << 48 ? 5 : 4;
    const struct domain_config config = {.levels = levels, .page_sizes = page_sizes, .coherent = true};
    struct domain *d;
    assert_int_equal(domain_create(&config, &d), OK);
    for (u32 i = 0; i < listed.count; i++) {
        u64 base = listed.list[i].base;
        u64 end = base + listed.list[i].size;
        while (i + 1 < listed.count && listed.list[i + 1].base == end) {
            end += listed.list[++i].size;
        }
        assert_int_equal(domain_map(d, (gpa_t){base}, (hpa_t){base}, end - base, 7, MEM_WB), OK);
    }
    u64 pages = domain_table_pages(d);
    assert_int_equal(domain_destroy(d), OK);
    return pages;
}

static void check_tables(u64 page_sizes)
{
    u64 made = tables_made(page_sizes);
    u64 counted = room_tables(&listed, page_sizes);
    if (counted != made) {
        fail_msg("page sizes %llx: %llu counted, %llu made", page_sizes,
                 counted, made);
    }
}

static void tables_are_counted(void **state)
{
    (void)state;
    hosted_reset();
    static const u64 sizes[] = {PAGE_SIZE, PAGE_SIZE | 2 * MIB, PAGE_SIZE | 2 * MIB | GIB};
    for (u32 i = 0; i < ARRAY_LEN(sizes); i++) {
        begin();
        list();
        check_tables(sizes[i]);
        add_region(0x38800000, 0x3cffffff);
        add_region(0x3e2e0000, 0x3e2fffff);
        areas_add(&windows, 0x80000000, 0x7e000000);
        areas_add(&windows, 511 * GIB + MIB, GIB);
        list();
        check_tables(sizes[i]);
        listed.list[listed.count++] = (struct memory_range){(1ull << 51) + MIB, 3 * GIB, RANGE_MMIO};
        check_tables(sizes[i]);
        /* Pages here and there, several in one table, and runs that end and begin in one. */
        listed.count = 0;
        u32 random = 1;
        for (u64 at = 0; listed.count < 200; at += ((random >> 16 & 0x3ff) + 1) * PAGE_SIZE) {
            random = random * 1664525 + 1013904223;
            u64 size = ((random >> 8 & 0x7ff) + 1) * PAGE_SIZE;
            listed.list[listed.count++] = (struct memory_range){at, size, RANGE_RAM};
            random = random * 1664525 + 1013904223;
            at += size;
        }
        check_tables(sizes[i]);
    }
}

/* Without large pages, as on a Surface Pro 3 with 8 GiB: 16 MiB of tables. */
static void the_pool_follows_the_machine(void **state)
{
    (void)state;
    begin();
    list();
    struct room_need need = {.list = &listed, .page_sizes = PAGE_SIZE, .cpus = 4, .units = 2, .functions = 20};
    u64 small = room_pool(&need);
    assert_true(small > room_tables(&listed, PAGE_SIZE) * PAGE_SIZE + 8 * MIB);
    need.two_roots = true;
    assert_true(room_pool(&need) > 2 * room_tables(&listed, PAGE_SIZE) * PAGE_SIZE + 8 * MIB);
    need.two_roots = false;
    need.page_sizes = PAGE_SIZE | 2 * MIB;
    assert_true(room_pool(&need) < 12 * MIB);
    /* An interrupt table is 1 MiB at a multiple of it; the pool gives any page. */
    u64 without = room_pool(&need);
    need.shadow_bytes = 3 * MIB;
    assert_int_equal(room_pool(&need), without + 3 * MIB);
    need.shadow_bytes = 0;
    need.interrupt_tables = 2;
    assert_true(room_pool(&need) >= without + 2 * (2 * MIB - PAGE_SIZE));
    /* Two sockets with 224 CPUs, 4 TiB, 20 units, 2,000 functions and windows of 4 TiB. */
    map.list[3].size = 4 * TIB;
    areas_add(&windows, 8 * TIB, 4 * TIB);
    assert_int_equal(list_up_to(1ull << 46), OK);
    need = (struct room_need){.list = &listed, .page_sizes = PAGE_SIZE | 2 * MIB | GIB, .cpus = 224, .units = 20,
                              .functions = 2000};
    assert_true(room_pool(&need) < 128 * MIB);
    need.page_sizes = PAGE_SIZE | 2 * MIB;
    assert_true(room_pool(&need) < 256 * MIB);
}

/* --- the place --- */

static u64 find(u64 size)
{
    u64 base = 0;
    assert_true(room_find(&map, &avoid, size, &base));
    assert_int_equal(base % (2 * MIB), 0);
    bool inside = false;
    for (u32 i = 0; i < map.count; i++) {
        inside = inside || (map.list[i].base <= base && base + size <= map.list[i].base + map.list[i].size);
    }
    assert_true(inside);
    return base;
}

static void the_place_is_the_same_each_time(void **state)
{
    (void)state;
    begin();
    assert_int_equal(find(16 * MIB), 4 * GIB);
    map.list[3].size -= 512 * MIB;          /* firmware took more from the top */
    assert_int_equal(find(16 * MIB), 4 * GIB);
    map.count = 3;                          /* no memory above 4 GiB */
    assert_int_equal(find(16 * MIB), 256 * MIB);
    map.list[1].size = 0x18000000;
    assert_int_equal(find(16 * MIB), 256 * MIB);
    map.list[1].size = 0xf000000;           /* 240 MiB in all */
    assert_int_equal(find(16 * MIB), 128 * MIB);
    map.list[1].size = 48 * MIB;
    assert_int_equal(find(8 * MIB), 32 * MIB);
    assert_int_equal(find(32 * MIB), 2 * MIB);
    u64 base;
    assert_false(room_find(&map, &avoid, 64 * MIB, &base));
    assert_false(room_find(&map, &avoid, 1ull << 60, &base));
}

static void the_place_meets_nothing_that_is_to_be_avoided(void **state)
{
    (void)state;
    begin();
    areas_add(&avoid, 4 * GIB + MIB, 0x1000);
    assert_int_equal(find(16 * MIB), 4 * GIB + 2 * MIB);
    areas_add(&avoid, 4 * GIB + 17 * MIB, 0x1000);
    assert_int_equal(find(16 * MIB), 4 * GIB + 18 * MIB);
    areas_add(&avoid, 4 * GIB + 34 * MIB, MIB);
    assert_int_equal(find(16 * MIB), 4 * GIB + 18 * MIB);
    areas_add(&avoid, 4 * GIB, 4 * GIB);
    assert_int_equal(find(16 * MIB), 256 * MIB);
}

static void partitions_have_room_of_their_own(void **state)
{
    (void)state;
    struct areas devices = {.count = 0};
    struct handover_partition p = {.span_count = 2, .spans = {{0, GIB, 0xa0000}, {MIB, GIB + MIB, 511 * MIB}}};
    u64 large = room_partition(&p, &devices, 0, PAGE_SIZE | 2 * MIB);
    assert_true(large >= 256 << 10 && large < 320 << 10);
    assert_true(room_partition(&p, &devices, 0, PAGE_SIZE) >= large + 255 * PAGE_SIZE);
    /* Two and three tables of its own for a page of registers, and what cuts them. */
    areas_add(&devices, 3 * GIB, PAGE_SIZE);
    u64 one = room_partition(&p, &devices, 0, PAGE_SIZE | 2 * MIB);
    assert_true(one >= large + 2 * PAGE_SIZE && one < large + 12 * PAGE_SIZE);
    areas_add(&devices, TIB, PAGE_SIZE);
    u64 two = room_partition(&p, &devices, 0, PAGE_SIZE | 2 * MIB);
    assert_true(two >= one + 3 * PAGE_SIZE && two < one + 12 * PAGE_SIZE);
    /* The tables again, and four pages and more in each of two roots. */
    u64 three = room_partition(&p, &devices, 3, PAGE_SIZE | 2 * MIB);
    assert_true(three >= two + (3 * 2 * 4 + 11) * PAGE_SIZE && three < two + (3 * 2 * 6 + 24) * PAGE_SIZE);
}

/* 1/256 of the RAM, whole pages; never less than 8 MiB. */
static void shadows_follow_the_memory(void **state)
{
    (void)state;
    struct ranges ranges = {.count = 2};
    ranges.list[0] = (struct memory_range){0, 512 * MIB, RANGE_RAM};
    ranges.list[1] = (struct memory_range){GIB, TIB, RANGE_MMIO};
    assert_int_equal(room_shadows(&ranges), 8 * MIB);
    ranges.list[1] = (struct memory_range){GIB, 16 * GIB + 256 * MIB + PAGE_SIZE, RANGE_RAM};
    assert_int_equal(room_shadows(&ranges), 67 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_regions_are_listed),
        cmocka_unit_test(windows_are_listed_without_interrupt_messages),
        cmocka_unit_test(memory_that_may_appear_counts_as_memory),
        cmocka_unit_test(a_list_that_is_full),
        cmocka_unit_test(the_end_of_what_is_touched),
        cmocka_unit_test(registers_are_no_memory),
        cmocka_unit_test(tables_are_counted),
        cmocka_unit_test(the_pool_follows_the_machine),
        cmocka_unit_test(partitions_have_room_of_their_own),
        cmocka_unit_test(shadows_follow_the_memory),
        cmocka_unit_test(the_place_is_the_same_each_time),
        cmocka_unit_test(the_place_meets_nothing_that_is_to_be_avoided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
