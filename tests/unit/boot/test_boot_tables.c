/* SPDX-License-Identifier: BSD-2-Clause */
/* The image's ELF file, the page tables built for it, and the memory map: right and wrong input. */
#include "boot/elf.h"
#include "boot/page_tables.h"
#include "boot/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* --- ELF --- */

#define LINK 0x10000ull
enum { ELF_BYTES = 0x500, HEADERS = 64, TEXT = 0x200, DATA = 0x400 };

static u8 file[ELF_BYTES];

static void put(u32 at, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++) {
        file[at + i] = (u8)(value >> (8 * i));
    }
}

static void put_segment(u32 index, u32 flags, u64 offset, u64 address, u64 in_file, u64 in_memory)
{
    u32 at = HEADERS + 56 * index;
    put(at, 1, 4);
    put(at + 4, flags, 4);
    put(at + 8, offset, 8);
    put(at + 16, address, 8);
    put(at + 24, address, 8);
    put(at + 32, in_file, 8);
    put(at + 40, in_memory, 8);
    put(at + 48, 4096, 8);
}

static void build_elf(void)
{
    memset(file, 0, sizeof(file));
    put(0, 0x464c457f, 4);
    put(4, 0x010102, 3);
    put(16, 2, 2);
    put(18, 62, 2);
    put(20, 1, 4);
    put(24, LINK, 8);
    put(32, HEADERS, 8);
    put(52, 64, 2);
    put(54, 56, 2);
    put(56, 2, 2);
    put_segment(0, 5, TEXT, LINK, 0x180, 0x180);
    put_segment(1, 6, DATA, LINK + 0x1000, 0x100, 0x1800);
}

static enum result parse(struct elf_image *image)
{
    const char *why = NULL;
    u8 *exact = malloc(sizeof(file));
    memcpy(exact, file, sizeof(file));
    enum result r = elf_parse(exact, sizeof(file), image, &why);
    assert_true(r == OK || why != NULL);
    free(exact);
    return r;
}

static void an_image_is_read(void **state)
{
    (void)state;
    struct elf_image image;
    build_elf();
    assert_int_equal(parse(&image), OK);
    assert_int_equal(image.base, LINK);
    assert_int_equal(image.size, 0x3000);
    assert_int_equal(image.segment_count, 2);
    assert_true(image.segments[0].executable && !image.segments[0].writable);
    assert_true(image.segments[1].writable && !image.segments[1].executable);
    assert_int_equal(image.segments[1].offset, 0x1000);
    assert_int_equal(image.segments[1].size, 0x2000);
    assert_int_equal(image.segments[1].file_size, 0x100);
}

static void images_that_are_refused(void **state)
{
    (void)state;
    static const struct { const char *name; u32 at; u64 value; u32 bytes; } wrong[] = {
        {"magic", 0, 0, 4},
        {"32-bit", 4, 1, 1},
        {"shared object", 16, 3, 2},
        {"other machine", 18, 3, 2},
        {"header size", 54, 32, 2},
        {"headers outside", 32, ELF_BYTES + 1, 8},
        {"headers far outside", 32, ~0ull, 8},
        {"too many headers", 56, 0xffff, 2},
        {"no headers", 56, 0, 2},
        {"dynamic", HEADERS, 2, 4},
        {"interpreter", HEADERS, 3, 4},
        {"writable and executable", HEADERS + 4, 7, 4},
        {"offset outside", HEADERS + 8, ELF_BYTES, 8},
        {"offset far outside", HEADERS + 8, ~0ull, 8},
        {"more in the file than in memory", HEADERS + 40, 0x17f, 8},
        {"low address", HEADERS + 16, 0x100000, 8},
        {"address not aligned", HEADERS + 16, LINK + 0x10, 8},
        {"far too large", HEADERS + 56 + 40, 1ull << 40, 8},
        {"overlapping", HEADERS + 56 + 16, LINK, 8},
        {"behind the image's place", HEADERS + 56 + 16, LINK + 0x80000, 8},
        {"address at the end", HEADERS + 56 + 16, 0xfffffffffffff000, 8},
    };
    for (u32 i = 0; i < ARRAY_LEN(wrong); i++) {
        struct elf_image image;
        build_elf();
        put(wrong[i].at, wrong[i].value, wrong[i].bytes);
        if (parse(&image) != ERR_MALFORMED) {
            fail_msg("%s", wrong[i].name);
        }
    }
    const char *why;
    struct elf_image image;
    assert_int_equal(elf_parse(file, 0, &image, &why), ERR_MALFORMED);
}

static void any_byte_of_an_image(void **state)
{
    (void)state;
    for (u32 at = 0; at < HEADERS + 2 * 56; at++) {
        for (u32 value = 0; value < 256; value++) {
            struct elf_image image;
            build_elf();
            file[at] = (u8)value;
            if (parse(&image) == OK) {
                assert_true(image.size <= 64 << 20);
            }
        }
    }
}

/* --- page tables --- */

#define DIRECT 0xffff800000000000ull
enum { POOL_PAGES = 64 };
#define POOL_AT 0x12345000ull

static u8 pool[POOL_PAGES * 4096] __attribute__((aligned(4096)));

static struct page_tables fresh(u32 levels, bool huge, u32 pages)
{
    memset(pool, 0, sizeof(pool));
    struct page_tables t = {.memory = pool, .physical = POOL_AT, .pages = pages, .levels = levels,
                            .huge = huge};
    assert_int_equal(page_tables_create(&t), OK);
    return t;
}

/* An independent walk: address bits 56..12 in steps of 9, as in SDM volume 3, figures 4-8 to 4-11. */
static bool walk(u32 levels, u64 virtual, u64 *physical, u64 *entry)
{
    u64 table = POOL_AT;
    for (u32 level = levels; level >= 1; level--) {
        u32 shift = 12 + 9 * (level - 1);
        memcpy(entry, pool + (table - POOL_AT) + 8 * (virtual >> shift & 511), 8);
        if ((*entry & 1) == 0) {
            return false;
        }
        u64 address = *entry & 0x000ffffffffff000;
        if (level == 1 || (*entry & 0x80) != 0) {
            *physical = address | (virtual & ((1ull << shift) - 1));
            return true;
        }
        table = address;
    }
    return false;
}

static void check_mapped(u32 levels, u64 virtual, u64 physical, u32 rights)
{
    u64 found;
    u64 entry;
    assert_true(walk(levels, virtual, &found, &entry));
    assert_int_equal(found, physical);
    assert_int_equal(entry >> 1 & 1, (rights & PAGE_WRITE) != 0);
    assert_int_equal(entry >> 63, (rights & PAGE_EXECUTE) == 0);
    assert_int_equal(entry & 4, 0);
}

static void map_and_walk(u32 levels, bool huge)
{
    u64 found;
    u64 entry;
    u64 image = 0x1f400000;
    struct page_tables t = fresh(levels, huge, POOL_PAGES);
    assert_int_equal(page_tables_map(&t, LINK, image, 0x5000, PAGE_EXECUTE), OK);
    assert_int_equal(page_tables_map(&t, LINK + 0x5000, image + 0x5000, 0x3000, PAGE_WRITE), OK);
    assert_int_equal(page_tables_map(&t, DIRECT, 0, image, PAGE_WRITE), OK);
    assert_int_equal(page_tables_map(&t, DIRECT + image, image, 0x5000, PAGE_READ), OK);
    assert_int_equal(page_tables_map(&t, DIRECT + image + 0x5000, image + 0x5000,
                                     (8ull << 30) - image - 0x5000, PAGE_WRITE), OK);
    assert_int_equal(page_tables_map(&t, 0x7e000, 0x7e000, 0x1000, PAGE_EXECUTE), OK);
    check_mapped(levels, LINK, image, PAGE_EXECUTE);
    check_mapped(levels, LINK + 0x4fff, image + 0x4fff, PAGE_EXECUTE);
    check_mapped(levels, LINK + 0x5000, image + 0x5000, PAGE_WRITE);
    check_mapped(levels, DIRECT, 0, PAGE_WRITE);
    check_mapped(levels, DIRECT + image - 1, image - 1, PAGE_WRITE);
    check_mapped(levels, DIRECT + image, image, PAGE_READ);
    check_mapped(levels, DIRECT + image + 0x5000, image + 0x5000, PAGE_WRITE);
    check_mapped(levels, DIRECT + (8ull << 30) - 1, (8ull << 30) - 1, PAGE_WRITE);
    check_mapped(levels, 0x7e123, 0x7e123, PAGE_EXECUTE);
    assert_false(walk(levels, LINK + 0x8000, &found, &entry));
    assert_false(walk(levels, DIRECT + (8ull << 30), &found, &entry));
    assert_false(walk(levels, 0x7f000, &found, &entry));
    assert_true(t.used <= page_tables_needed(8ull << 30, huge));
}

static void tables_translate_as_asked(void **state)
{
    (void)state;
    map_and_walk(4, false);
    map_and_walk(4, true);
    map_and_walk(5, false);
    map_and_walk(5, true);
}

static void mapping_twice_is_refused(void **state)
{
    (void)state;
    struct page_tables t = fresh(4, false, POOL_PAGES);
    assert_int_equal(page_tables_map(&t, DIRECT, 0, 4 << 20, PAGE_WRITE), OK);
    assert_int_equal(page_tables_map(&t, DIRECT + 0x1000, 0x1000, 0x1000, PAGE_READ), ERR_EXISTS);
    assert_int_equal(page_tables_map(&t, DIRECT, 0, 2 << 20, PAGE_READ), ERR_EXISTS);
    assert_int_equal(page_tables_map(&t, LINK, 0, 0x1000, PAGE_READ), OK);
    assert_int_equal(page_tables_map(&t, LINK, 0, 0x1000, PAGE_READ), ERR_EXISTS);
    assert_int_equal(page_tables_map(&t, 0x10, 0, 0x1000, PAGE_READ), ERR_INVALID);
}

static void running_out_of_tables_is_said(void **state)
{
    (void)state;
    for (u32 pages = 1; pages < 4; pages++) {
        struct page_tables t = fresh(4, false, pages);
        assert_int_equal(page_tables_map(&t, LINK, 0, 0x1000, PAGE_READ), ERR_NO_MEMORY);
    }
    struct page_tables t = fresh(4, false, 4);
    assert_int_equal(page_tables_map(&t, LINK, 0, 0x1000, PAGE_READ), OK);
}

/* --- memory map --- */

struct descriptor {
    u32 type, pad;
    u64 base, virtual, pages, attributes;
    u64 tail;            /* firmware's descriptors may be larger than the structure */
};

static struct ranges ranges;

static void maps_are_sorted_and_merged(void **state)
{
    (void)state;
    static const struct descriptor map[] = {
        {.type = 7, .base = 0x100000, .pages = 0x100},
        {.type = 4, .base = 0x200000, .pages = 0x10},
        {.type = 3, .base = 0, .pages = 1},
        {.type = 0, .base = 0x210000, .pages = 1},
        {.type = 7, .base = 0x1000, .pages = 0x9f},
        {.type = 6, .base = 0x211000, .pages = 2},
        {.type = 10, .base = 0x213000, .pages = 1},
        {.type = 7, .base = 0x500000, .pages = 0},
        {.type = 11, .base = 0xe0000000, .pages = 0x10000},
    };
    static const struct memory_range expected[] = {
        {0, 0xa0000, RANGE_RAM}, {0x100000, 0x110000, RANGE_RAM},
        {0x210000, 0x1000, RANGE_RESERVED}, {0x211000, 0x3000, RANGE_FIRMWARE},
        {0xe0000000, 0x10000000, RANGE_MMIO}};
    assert_int_equal(ranges_from_map(map, ARRAY_LEN(map), sizeof(map[0]), &ranges), OK);
    assert_int_equal(ranges.count, ARRAY_LEN(expected));
    for (u32 i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(ranges.list[i].base, expected[i].base);
        assert_int_equal(ranges.list[i].size, expected[i].size);
        assert_int_equal(ranges.list[i].kind, expected[i].kind);
    }
    assert_true(ranges_meet_memory(&ranges, 0x9f000, 0x2000));
    assert_false(ranges_meet_memory(&ranges, 0xa0000, 0x60000));
    assert_false(ranges_meet_memory(&ranges, 0xe0000000, 0x1000));
    assert_true(ranges_cover(&ranges, 0x100000, 0x114000));
    assert_false(ranges_cover(&ranges, 0x100000, 0x114001));
    assert_false(ranges_cover(&ranges, 0xa0000, 1));
    assert_false(ranges_cover(&ranges, 0x1000, ~0ull));
}

static void free_memory_alone(void **state)
{
    (void)state;
    static const struct descriptor map[] = {
        {.type = 7, .base = 0x100000, .pages = 0x100}, {.type = 4, .base = 0x200000, .pages = 0x10},
        {.type = 7, .base = 0x210000, .pages = 1}, {.type = 14, .base = 0x211000, .pages = 1}};
    assert_int_equal(ranges_free_from_map(map, ARRAY_LEN(map), sizeof(map[0]), &ranges), OK);
    assert_int_equal(ranges.count, 2);
    assert_int_equal(ranges.list[0].size, 0x100000);
    assert_int_equal(ranges.list[1].base, 0x210000);
}

/* 1000-2000 and 4000-6000 listed; what is added fills the gaps only. */
static void what_is_added_fills_gaps(void **state)
{
    (void)state;
    static const struct { u64 base, end; u32 count; u64 added; } cases[] = {
        {0x0, 0x8000, 5, 0x5000}, {0x1000, 0x2000, 2, 0}, {0x0, 0x1000, 3, 0x1000}, {0x2000, 0x4000, 3, 0x2000},
        {0x1000, 0x5000, 3, 0x2000}, {0x5000, 0x9000, 3, 0x3000}, {0x8000, 0x9000, 3, 0x1000},
        {0x4000, 0x6000, 2, 0}, {0x5000, 0x5000, 2, 0}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        ranges = (struct ranges){.list = {{0x1000, 0x1000, RANGE_RAM}, {0x4000, 0x2000, RANGE_RESERVED}}, .count = 2};
        u64 added = 0;
        assert_int_equal(ranges_add(&ranges, cases[i].base, cases[i].end - cases[i].base, RANGE_MMIO), OK);
        for (u32 j = 0; j < ranges.count; j++) {
            added += ranges.list[j].kind == RANGE_MMIO ? ranges.list[j].size : 0;
            assert_true(j == 0 || ranges.list[j - 1].base + ranges.list[j - 1].size <= ranges.list[j].base);
        }
        assert_int_equal(ranges.count, cases[i].count);
        assert_int_equal(added, cases[i].added);
        assert_true(ranges_cover(&ranges, cases[i].base, cases[i].end - cases[i].base));
    }
    ranges.count = 0;
    for (u64 i = 0; i < HANDOVER_RANGES; i++) {
        assert_int_equal(ranges_add(&ranges, 2 * i * PAGE_SIZE, PAGE_SIZE, RANGE_MMIO), OK);
    }
    assert_int_equal(ranges_add(&ranges, 0, PAGE_SIZE, RANGE_MMIO), OK);
    assert_int_equal(ranges_add(&ranges, PAGE_SIZE, PAGE_SIZE, RANGE_MMIO), ERR_NO_MEMORY);
}

static void maps_that_are_refused(void **state)
{
    (void)state;
    static const struct descriptor overlapping[] = {{.type = 7, .base = 0, .pages = 2},
                                                    {.type = 0, .base = 0x1000, .pages = 1}};
    static const struct descriptor wrapping[] = {{.type = 7, .base = 0x1000, .pages = ~0ull >> 12}};
    static const struct descriptor odd[] = {{.type = 7, .base = 0x10, .pages = 1}};
    static struct descriptor many[2 * HANDOVER_RANGES + 2];
    const size_t stride = sizeof(struct descriptor);
    assert_int_equal(ranges_from_map(overlapping, 2, stride, &ranges), ERR_MALFORMED);
    assert_int_equal(ranges_from_map(wrapping, 1, stride, &ranges), ERR_MALFORMED);
    assert_int_equal(ranges_from_map(odd, 1, stride, &ranges), ERR_MALFORMED);
    assert_int_equal(ranges_from_map(odd, 1, 39, &ranges), ERR_MALFORMED);
    /* Neighbours that merge count as one range, however many; others do not. */
    for (u32 i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct descriptor){.type = i % 2 == 0 ? 7 : 4, .base = i * PAGE_SIZE, .pages = 1};
    }
    assert_int_equal(ranges_from_map(many, ARRAY_LEN(many), stride, &ranges), OK);
    assert_int_equal(ranges.count, 1);
    for (u32 i = 0; i < ARRAY_LEN(many); i++) {
        many[i].base *= 2;
    }
    assert_int_equal(ranges_from_map(many, HANDOVER_RANGES, stride, &ranges), OK);
    assert_int_equal(ranges_from_map(many, HANDOVER_RANGES + 1, stride, &ranges), ERR_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_read),
        cmocka_unit_test(images_that_are_refused),
        cmocka_unit_test(any_byte_of_an_image),
        cmocka_unit_test(tables_translate_as_asked),
        cmocka_unit_test(mapping_twice_is_refused),
        cmocka_unit_test(running_out_of_tables_is_said),
        cmocka_unit_test(maps_are_sorted_and_merged),
        cmocka_unit_test(free_memory_alone),
        cmocka_unit_test(what_is_added_fills_gaps),
        cmocka_unit_test(maps_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
