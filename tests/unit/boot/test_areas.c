/* SPDX-License-Identifier: BSD-2-Clause */
/* Address-space descriptors as UEFI's PCI protocols return them, and where ACPI says that memory may appear. */
#include "boot/acpi_memory.h"
#include "boot/areas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct areas areas;

static void begin(void)
{
    memset(&areas, 0, sizeof(areas));
}

static void check(u32 i, u64 base, u64 size)
{
    assert_true(i < areas.count);
    assert_int_equal(areas.list[i].base, base);
    assert_int_equal(areas.list[i].size, size);
}

static void areas_are_whole_pages(void **state)
{
    (void)state;
    begin();
    areas_add(&areas, 0x1000, 0);
    areas_add(&areas, ~0ull - 0xfff, 0x1000);
    areas_add(&areas, 0x1000, ~0ull);
    assert_int_equal(areas.count, 0);
    areas_add(&areas, 0x1100, 0x10);
    check(0, 0x1000, 0x1000);
    areas_add(&areas, 0x2000, 0x1001);
    check(0, 0x1000, 0x3000);
    areas_add(&areas, 0x8000, 0x1000);
    check(1, 0x8000, 0x1000);
    for (u64 i = 0; i < AREAS; i++) {
        areas_add(&areas, 0x100000 + 0x2000 * i, 0x1000);
    }
    assert_int_equal(areas.count, AREAS);
    assert_int_equal(areas.lost, 2);
}

static u8 descriptors[8192];
static u32 used;

static void put(u8 type, u64 base, u64 length)
{
    u8 *d = descriptors + used;
    memset(d, 0, 46);
    d[0] = 0x8a;
    d[1] = 43;
    d[3] = type;
    memcpy(d + 14, &base, 8);
    memcpy(d + 38, &length, 8);
    used += 46;
}

static void end(void)
{
    descriptors[used++] = 0x79;
    descriptors[used++] = 0;
}

/* In a block of exactly its size, so that a read beyond it is seen. */
static void read_descriptors(void)
{
    u8 *exact = malloc(used);
    assert_non_null(exact);
    memcpy(exact, descriptors, used);
    begin();
    areas_add_descriptors(&areas, exact);
    free(exact);
    used = 0;
}

static void windows_of_memory_are_taken(void **state)
{
    (void)state;
    put(1, 0x1000, 0xf000);                /* I/O */
    put(0, 0x80000000, 0x7ec00000);
    put(2, 0, 0x100);                      /* buses */
    put(0, 0, 0);                          /* none of that kind */
    put(0, 0x800000000, 0x800000000);
    end();
    read_descriptors();
    assert_int_equal(areas.count, 2);
    check(0, 0x80000000, 0x7ec00000);
    check(1, 0x800000000, 0x800000000);
    end();
    read_descriptors();
    assert_int_equal(areas.count, 0);
}

static void ports_are_found(void **state)
{
    static const struct { u32 first, count; bool has; } cases[] = {
        {0x5ff8, 8, false}, {0x5ff9, 8, true}, {0x6000, 8, true}, {0x60f8, 8, true}, {0x60ff, 1, true},
        {0x6100, 8, false}, {0x0000, 0x10000, true}, {0x9c0, 8, false}, {0x8000, 8, false},
    };
    (void)state;
    put(0, 0x9c0, 8);                      /* memory */
    put(1, 0x6000, 0x100);
    put(1, 0x8000, 0);
    end();
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(areas_have_ports(descriptors, cases[i].first, cases[i].count), cases[i].has);
    }
    used = 0;
    end();
    assert_false(areas_have_ports(descriptors, 0, 0x10000));
    used = 0;
}

static void lists_that_are_none(void **state)
{
    (void)state;
    put(0, 0x1000, 0x1000);
    put(0, 0x8000, 0x1000);
    descriptors[46 + 1] = 44;
    end();
    read_descriptors();
    assert_int_equal(areas.count, 1);
    put(0, 0x1000, 0x1000);
    descriptors[used++] = 0x87;            /* a DWORD descriptor, which UEFI does not have here */
    read_descriptors();
    assert_int_equal(areas.count, 1);
    for (u32 i = 0; i < 100; i++) {        /* no end tag */
        put(0, 0x1000 + 0x2000 * i, 0x1000);
    }
    read_descriptors();
    assert_true(areas.count < 100);
}

/* --- ACPI --- */

enum { MEMORY = 0x2000, SRAT = 0x100, CEDT = 0x1000 };
static u8 memory[MEMORY];

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    return addr < MEMORY && size <= MEMORY - addr ? memory + addr : NULL;
}

static const struct acpi_memory access = {at, NULL};
static const struct acpi_tables tables = {.srat = SRAT, .cedt = CEDT};

static void put_affinity(u32 where, u8 type, u8 bytes, u64 base, u64 length, u32 flags)
{
    memory[where] = type;
    memory[where + 1] = bytes;
    memcpy(memory + where + 8, &base, 8);
    memcpy(memory + where + 16, &length, 8);
    memcpy(memory + where + 28, &flags, 4);
}

static void put_window(u32 where, u8 type, u16 bytes, u64 base, u64 size)
{
    memory[where] = type;
    memcpy(memory + where + 2, &bytes, 2);
    memcpy(memory + where + 8, &base, 8);
    memcpy(memory + where + 16, &size, 8);
}

static void build(void)
{
    memset(memory, 0, sizeof(memory));
    u32 srat_bytes = 48 + 16 + 4 * 40;
    u32 cedt_bytes = 36 + 32 + 2 * 44;
    memcpy(memory + SRAT, "SRAT", 4);
    memcpy(memory + SRAT + 4, &srat_bytes, 4);
    memory[SRAT + 48] = 0;                 /* a CPU */
    memory[SRAT + 49] = 16;
    put_affinity(SRAT + 64, 1, 40, 0, 0x80000000, 1);
    put_affinity(SRAT + 104, 1, 40, 0x4000000000, 0x1000000000, 3);
    put_affinity(SRAT + 144, 1, 40, 0x6000000000, 0x1000000000, 2);
    put_affinity(SRAT + 184, 1, 40, 0x8000000000, 0x1000000000, 7);
    memcpy(memory + CEDT, "CEDT", 4);
    memcpy(memory + CEDT + 4, &cedt_bytes, 4);
    put_window(CEDT + 36, 0, 32, 0xfe000000, 0x10000);      /* a host bridge's registers */
    put_window(CEDT + 68, 1, 44, 0x10000000000, 0x2000000000);
    put_window(CEDT + 112, 1, 44, 0x20000000000, 0);
}

static void memory_that_may_appear(void **state)
{
    (void)state;
    build();
    acpi_read_pluggable(&access, &tables, &areas);
    assert_int_equal(areas.count, 3);
    check(0, 0x4000000000, 0x1000000000);
    check(1, 0x8000000000, 0x1000000000);
    check(2, 0x10000000000, 0x2000000000);
    const struct acpi_tables none = {.srat = 0};
    acpi_read_pluggable(&access, &none, &areas);
    assert_int_equal(areas.count, 0);
}

static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    for (u32 i = 0; i < 2; i++) {
        u32 table = i == 0 ? SRAT : CEDT;
        for (u32 offset = 4; offset < 230; offset++) {
            for (u32 value = 0; value < 256; value++) {
                build();
                memory[table + offset] = (u8)value;
                acpi_read_pluggable(&access, &tables, &areas);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_are_whole_pages),
        cmocka_unit_test(windows_of_memory_are_taken),
        cmocka_unit_test(lists_that_are_none),
        cmocka_unit_test(memory_that_may_appear),
        cmocka_unit_test(any_byte_may_be_wrong),
        cmocka_unit_test(ports_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
