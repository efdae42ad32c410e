/* SPDX-License-Identifier: BSD-2-Clause */
/* Each I/O port that FADT and SPCR name, in each of the fields that they have for one. */
#include "boot/acpi_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { FADT = 0x400, SPCR = 0x800, MEMORY = 0x1000, FADT_BYTES = 276, SPCR_BYTES = 80 };

static u8 memory[MEMORY];
static const struct acpi_tables tables = {.fadt = FADT, .spcr = SPCR};

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    return addr < MEMORY && size <= MEMORY - addr ? memory + addr : NULL;
}

static const struct acpi_memory access = {at, NULL};

static void put(u32 where, u64 value, u32 bytes)
{
    memcpy(memory + where, &value, bytes);
}

static void clear(void)
{
    memset(memory, 0, sizeof(memory));
    put(FADT + 4, FADT_BYTES, 4);
    put(SPCR + 4, SPCR_BYTES, 4);
}

static const char *user(u32 first)
{
    return acpi_ports_user(&access, &tables, first, 8);
}

static void nothing_is_named(void **state)
{
    (void)state;
    clear();
    assert_null(user(0));
    assert_null(user(0x9c0));
    const struct acpi_tables none = {.fadt = 0};
    assert_null(acpi_ports_user(&access, &none, 0, 0x10000));
}

static void each_block_of_fadt(void **state)
{
    static const struct { u32 place, length_at; } blocks[] = {
        {48, 0}, {56, 88}, {60, 88}, {64, 89}, {68, 89}, {72, 90}, {76, 91}, {80, 92}, {84, 93},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(blocks); i++) {
        clear();
        put(FADT + blocks[i].place, 0x9c4, 4);
        if (blocks[i].length_at != 0) {
            memory[FADT + blocks[i].length_at] = 0x10;
        }
        assert_string_equal(user(0x9c0), "FADT");
        assert_int_equal(user(0x9d0) != NULL, blocks[i].length_at != 0);
        assert_null(user(0x9b8));
        put(FADT + 4, blocks[i].place, 4);
        assert_null(user(0x9c0));
    }
}

static void each_generic_address(void **state)
{
    static const u32 places[] = {116, 148, 160, 172, 184, 196, 208, 220, 232, 244, 256};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(places); i++) {
        clear();
        memory[FADT + places[i]] = 1;
        put(FADT + places[i] + 4, 0x9c0, 8);
        assert_string_equal(user(0x9c0), "FADT");
        assert_null(user(0x9c8));
        memory[FADT + places[i] + 1] = 128;
        assert_string_equal(user(0x9c8), "FADT");
        memory[FADT + places[i]] = 0;   /* in memory */
        assert_null(user(0x9c0));
    }
}

static void a_serial_port(void **state)
{
    (void)state;
    clear();
    memory[SPCR + 40] = 1;
    put(SPCR + 44, 0x3f8, 8);
    assert_string_equal(user(0x3f8), "SPCR");
    assert_string_equal(user(0x3f1), "SPCR");
    assert_null(user(0x3f0));
    assert_null(user(0x400));
    put(SPCR + 4, 51, 4);
    assert_null(user(0x3f8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_named),
        cmocka_unit_test(each_block_of_fadt),
        cmocka_unit_test(each_generic_address),
        cmocka_unit_test(a_serial_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
