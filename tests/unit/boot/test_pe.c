/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections of a PE image: found by name, and no header leads out of the image. */
#include "boot/pe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PE_AT = 0x80, OPTIONAL = 0xf0, TABLE = PE_AT + 24 + OPTIONAL, SIZE = 0x3000 };

static void put(u8 *at, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++) {
        at[i] = (u8)(value >> 8 * i);
    }
}

static void add_section(u8 *image, u32 index, const char *name, u32 address, u32 size)
{
    u8 *section = image + TABLE + 40 * index;
    memset(section, 0, 40);
    memcpy(section, name, strlen(name));
    put(section + 8, size, 4);
    put(section + 12, address, 4);
    put(image + PE_AT + 6, index + 1, 2);
}

/* In a block of exactly its size, for the sanitizer. */
static u8 *make(void)
{
    u8 *image = calloc(1, SIZE);
    assert_non_null(image);
    put(image + 0x3c, PE_AT, 4);
    memcpy(image + PE_AT, "PE\0\0", 4);
    put(image + PE_AT + 20, OPTIONAL, 2);
    add_section(image, 0, ".text", 0x1000, 0x800);
    add_section(image, 1, ".config", 0x2000, 0x123);
    add_section(image, 2, ".eightch", 0x2800, 0x800);
    return image;
}

static void found_by_name(void **state)
{
    (void)state;
    size_t size;
    u8 *image = make();
    assert_ptr_equal(pe_section(image, SIZE, ".config", &size), image + 0x2000);
    assert_int_equal(size, 0x123);
    assert_ptr_equal(pe_section(image, SIZE, ".eightch", &size), image + 0x2800);
    assert_null(pe_section(image, SIZE, ".conf", &size));
    assert_null(pe_section(image, SIZE, ".configs", &size));
    free(image);
}

static void nothing_leads_out(void **state)
{
    (void)state;
    static const struct {
        u32 at, bytes;
        u64 value;
    } wrong[] = {{0x3c, 4, 0xffffffff},          {0x3c, 4, SIZE - 23},      {PE_AT, 4, 0x4551},
                 {PE_AT + 6, 2, 0xffff},         {PE_AT + 20, 2, 0xffff},   {TABLE + 40 + 12, 4, 0xffffffff},
                 {TABLE + 40 + 12, 4, SIZE + 1}, {TABLE + 40 + 8, 4, 0x1001}, {TABLE + 40 + 8, 4, 0xffffffff}};
    size_t size;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        u8 *image = make();
        put(image + wrong[i].at, wrong[i].value, wrong[i].bytes);
        assert_null(pe_section(image, SIZE, ".config", &size));
        free(image);
    }
}

static void cut_off_anywhere(void **state)
{
    (void)state;
    size_t size;
    u8 *whole = make();
    for (size_t length = 0; length < TABLE + 120; length++) {
        u8 *image = malloc(length != 0 ? length : 1);
        assert_non_null(image);
        memcpy(image, whole, length);
        assert_null(pe_section(image, length, ".config", &size));
        free(image);
    }
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(found_by_name), cmocka_unit_test(nothing_leads_out),
                                       cmocka_unit_test(cut_off_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
