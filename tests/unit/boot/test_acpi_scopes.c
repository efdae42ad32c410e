/* SPDX-License-Identifier: BSD-2-Clause */
/* Scopes of functions that partitions have leave the DMAR table, and everything else stays. */
#include "boot/acpi_scopes.h"

#include "boot/acpi_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { TABLE = 0x1000 };

static u8 bytes[512];
static u32 used;

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    return addr >= TABLE && addr + size <= TABLE + sizeof(bytes) ? bytes + (addr - TABLE) : NULL;
}

static const struct acpi_memory access = {at, NULL};
static const struct acpi_tables tables = {.dmar = TABLE};

/* 00:1c.0 leads to bus 3. */
static u32 read(void *ctx, struct pci_function f, u32 offset)
{
    (void)ctx;
    return f.bus == 0 && f.device == 0x1c && offset == 0x18 ? 0x030300 : ~0u;
}

static const struct pci_config pci = {.read = read, .last_bus = 255};

static void begin(void)
{
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "DMAR", 4);
    used = 48;
}

static u32 structure(u32 type, u32 first, u32 segment)
{
    u32 start = used;
    bytes_put(bytes + used, type | first << 16, 4);
    bytes[used + first - 1] = 0xa5;
    bytes_put(bytes + used + 6, segment, 2);
    used += first;
    return start;
}

static void scope(u32 start, u8 type, u8 bus, u32 hops, u32 path)
{
    const u8 head[] = {type, (u8)(6 + 2 * hops), 0, 0, 0, bus};
    memcpy(bytes + used, head, 6);
    bytes_put(bytes + used + 6, path, 2 * hops);
    used += 6 + 2 * hops;
    bytes_put(bytes + start + 2, used - start, 2);
}

static void end(void)
{
    bytes_put(bytes + 4, used, 4);
    acpi_fix_sum(bytes, used);
}

/* With 00:08.0 and 03:00.1 given away, or without. */
static void build(bool all)
{
    begin();
    u32 s = structure(0, 16, 0);
    if (all) {
        scope(s, 1, 0, 1, 0x0008);
    }
    scope(s, 1, 0, 1, 0x0108);
    if (all) {
        scope(s, 1, 0, 2, 0x0100001c);
    }
    scope(s, 2, 0, 1, 0x0008);
    s = structure(0, 16, 1);
    scope(s, 1, 0, 1, 0x0008);
    s = structure(3, 20, 0);
    bytes[s + 8] = 1;
    s = structure(1, 24, 0);
    if (all) {
        scope(s, 1, 3, 1, 0x0100);
    }
    s = structure(5, 8, 0);
    scope(s, 1, 0, 1, 0x0007);
    if (all) {
        scope(s, 1, 0, 1, 0x0008);
    }
    structure(9, 16, 0);
    end();
}

static const struct handover_function given[] = {{.source_id = 8 << 3}, {.source_id = 3 << 8 | 1}};

static void they_go(void **state)
{
    (void)state;
    u8 expected[sizeof(bytes)];
    build(false);
    memcpy(expected, bytes, sizeof(bytes));
    build(true);
    acpi_hide_functions(&access, &tables, &pci, given, ARRAY_LEN(given));
    assert_memory_equal(bytes, expected, sizeof(bytes));
    build(true);
    memcpy(expected, bytes, sizeof(bytes));
    acpi_hide_functions(&access, &tables, &pci, given, 0);
    assert_memory_equal(bytes, expected, sizeof(bytes));
}

/* Reads and writes stay inside the table, and every search ends. */
static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    build(true);
    for (u32 i = 4, size = used; i < size; i++) {
        for (u32 value = 0; value < 256; value++) {
            build(true);
            bytes[i] = (u8)value;
            acpi_hide_functions(&access, &tables, &pci, given, ARRAY_LEN(given));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_go),
        cmocka_unit_test(any_byte_may_be_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
