/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleep registers and types, in every form that FADT and AML have for them: what passes, and that nothing else
 * does.
 */
#include "boot/acpi_blocks.h"
#include "boot/acpi_sleep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MEMORY = 0x4000, XSDT = 0x100, FADT = 0x400, DSDT = 0x1000, SSDT = 0x2000, PSDT = 0x2800, OLD_DSDT = 0x3000,
       PORT = 0, MEM = 1 };

static u8 memory[MEMORY];
static struct acpi_tables tables;
static struct acpi_sleep sleep_facts;

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    return addr < MEMORY && size <= MEMORY - addr ? memory + addr : NULL;
}

static const struct acpi_memory access = {at, NULL};

static void put(u32 addr, u64 value, u32 bytes)
{
    memcpy(memory + addr, &value, bytes);
}

static void table(u32 addr, const char *signature, u32 length)
{
    memcpy(memory + addr, signature, 4);
    put(addr + 4, length, 4);
}

/* A definition block of these bytes after some others, so that nothing is at a round address. */
static void block(u32 addr, const char *signature, const void *aml, size_t bytes)
{
    memset(memory + addr + 36, 0xa3, 13);
    memcpy(memory + addr + 49, aml, bytes);
    table(addr, signature, 49 + (u32)bytes + 3);
}

static void generic(u32 addr, u8 space, u64 address)
{
    memory[addr] = space;
    memory[addr + 1] = 16;
    put(addr + 4, address, 8);
}

#define S3_5 "\x08_S3_\x12\x06\x02\x0a\x05\x0a\x05"
#define S4_6 "\x08_S4_\x12\x06\x02\x0a\x06\x0a\x06"
#define S5_7 "\x08_S5_\x12\x06\x02\x0a\x07\x0a\x07"
#define AML(addr, signature, text) block(addr, signature, text, sizeof(text) - 1)

static void build(void)
{
    memset(memory, 0, sizeof(memory));
    table(FADT, "FACP", 276);
    put(FADT + 40, DSDT, 4);
    put(FADT + 64, 0x1804, 4);
    AML(DSDT, "DSDT", S3_5 S4_6 S5_7);
    AML(SSDT, "SSDT", "");
    AML(PSDT, "PSDT", "");
    put(XSDT + 36, FADT, 8);
    put(XSDT + 44, SSDT, 8);
    put(XSDT + 52, PSDT, 8);
    table(XSDT, "XSDT", 60);
    tables = (struct acpi_tables){.xsdt = XSDT, .list = XSDT, .fadt = FADT};
}

static void read_sleep(void)
{
    acpi_read_sleep(&access, &tables, &sleep_facts);
}

static const struct sleep_register *find(enum sleep_kind kind, bool in_memory, u64 address)
{
    for (u32 i = 0; i < sleep_facts.count; i++) {
        const struct sleep_register *r = &sleep_facts.list[i];
        if (r->kind == kind && r->memory == in_memory && r->address == address) {
            return r;
        }
    }
    return NULL;
}

static void check_passes(u8 passes)
{
    read_sleep();
    const struct sleep_register *r = find(SLEEP_CONTROL, PORT, 0x1804);
    assert_non_null(r);
    assert_int_equal(r->passes, passes);
}

static void what_is_known_to_be_harmless_passes(void **state)
{
    (void)state;
    build();
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 1);
    assert_true(sleep_facts.s5_found);
    char text[ACPI_SLEEP_TEXT];
    acpi_sleep_text(&sleep_facts, text);
    assert_string_equal(text, "sleep types refused: 012345 at port 0x1804; others are S4 or S5");
}

/*
 * Each form of an S3 object with type 5, on a machine whose S4 has type 5 as well: once it is seen, S4 loses
 * type 5.
 */
static void each_form_of_an_object(void **state)
{
    (void)state;
    static const struct { const char *name; const char *aml; size_t bytes; } forms[] = {
#define FORM(name, aml) {name, aml, sizeof(aml) - 1}
        FORM("name", "\x08_S3_\x12\x0a\x04\x0a\x05\x0a\x05\x00\x00"),
        FORM("name from the root", "\x08\\_S3_\x12\x0a\x04\x0a\x05\x0a\x05\x00\x00"),
        FORM("package of a long length", "\x08_S3_\x12\x4a\x00\x02\x0a\x05\x0a\x05"),
        FORM("package of a longer length", "\x08_S3_\x12\x89\x00\x00\x02\x0a\x05\x0a\x05"),
        FORM("package of the longest length", "\x08_S3_\x12\xca\x00\x00\x00\x02\x0a\x05\x0a\x05"),
        FORM("variable package", "\x08_S3_\x13\x07\x0a\x02\x0a\x05\x0a\x05"),
        FORM("variable package of a constant", "\x08_S3_\x13\x06\x01\x0a\x05\x0a\x05"),
        FORM("word", "\x08_S3_\x12\x08\x02\x0b\x05\x00\x0b\x05\x00"),
        FORM("double word", "\x08_S3_\x12\x0c\x02\x0c\x05\x00\x00\x00\x0c\x05\x00\x00\x00"),
        FORM("quad word", "\x08_S3_\x12\x0b\x01\x0e\x05\x05\x00\x00\x00\x00\x00\x00"),
        FORM("one element for both", "\x08_S3_\x12\x05\x01\x0b\x05\x05"),
        FORM("more bits than three", "\x08_S3_\x12\x06\x02\x0a\x0d\x0a\x0d"),
        FORM("under a condition", "\xa0\x10SS3_\x08_S3_\x12\x06\x02\x0a\x05\x0a\x05"),
        FORM("in a scope", "\x10\x0f\\\x00\x08_S3_\x12\x06\x02\x0a\x05\x0a\x05"),
        FORM("method", "\x14\x0f_S3_\x00\xa4\x12\x06\x02\x0a\x05\x0a\x05\xa3"),
        FORM("method from the root", "\x14\x0f\\_S3_\x00\xa4\x12\x06\x02\x0a\x05\x0a\x05"),
        FORM("method that chooses", "\x14\x4a\x01_S3_\x00\xa0\x0bSS1_\xa4\x12\x04\x02\x00\x00"
                                    "\xa4\x12\x06\x02\x0a\x05\x0a\x05"),
        FORM("name behind what could begin a method", "\x14\x41\x08_S3_\x12\x06\x02\x0a\x05\x0a\x05"
                                                      "\xa4\x12\x04\x02\x00\x00"),
        FORM("S1", "\x08_S1_\x12\x06\x02\x0a\x05\x0a\x05"),
        FORM("S2", "\x08_S2_\x12\x06\x02\x0a\x05\x0a\x05"),
        FORM("no name operator", "_S3_\x12\x06\x02\x0a\x05\x0a\x05"),
    };
    for (u32 i = 0; i < ARRAY_LEN(forms); i++) {
        build();
        AML(DSDT, "DSDT", "\x08_S4_\x12\x06\x02\x0a\x05\x0a\x05" S5_7);
        check_passes(1 << 5 | 1 << 7);
        block(SSDT, "SSDT", forms[i].aml, forms[i].bytes);
        read_sleep();
        const struct sleep_register *r = find(SLEEP_CONTROL, PORT, 0x1804);
        if (r->passes != 1 << 7 || sleep_facts.types[1].harmful >> 5 == 0) {
            fail_msg("%s: passes %02x, S3 of PM1b %02x", forms[i].name, r->passes, sleep_facts.types[1].harmful);
        }
    }
}

static void objects_in_any_block(void **state)
{
    (void)state;
    build();
    AML(DSDT, "DSDT", "");
    AML(SSDT, "SSDT", S3_5);
    AML(PSDT, "PSDT", S5_7);
    check_passes(1 << 7);
    build();
    AML(OLD_DSDT, "DSDT", "\x08_S2_\x12\x06\x02\x0a\x06\x0a\x06");
    put(FADT + 40, OLD_DSDT, 4);
    put(FADT + 140, DSDT, 8);
    check_passes(1 << 7);
    build();
    put(FADT + 40, 0, 4);
    put(FADT + 140, DSDT, 8);
    check_passes(1 << 6 | 1 << 7);
}

static void without_an_s5_object_the_unknown_passes(void **state)
{
    (void)state;
    char text[ACPI_SLEEP_TEXT];
    build();
    AML(DSDT, "DSDT", S3_5 S4_6);
    check_passes(0xff & ~(1 << 5));
    assert_false(sleep_facts.s5_found);
    acpi_sleep_text(&sleep_facts, text);
    assert_string_equal(text, "sleep types refused: 5 at port 0x1804; no S5 object is found, so unknown ones pass");
    build();
    AML(DSDT, "DSDT", "");
    check_passes(0xff);
    /* Not objects: four bytes that happen to be there, and a reference that is not a constant. */
    AML(DSDT, "DSDT", "_S5_\x12\x06\x02\x0a\x07\x0a\x07");
    check_passes(0xff);
    AML(DSDT, "DSDT", "\x08_S5_\x12\x06\x02SS5_\x0a\x07");
    check_passes(0xff);
    put(FADT + 40, MEMORY, 4);
    check_passes(0xff);
}

/* S3 (5, 1), S5 (7, 0): each port has its own types; reduced hardware has those of the first. */
static void two_ports_with_types_of_their_own(void **state)
{
    (void)state;
    build();
    put(FADT + 68, 0x1904, 4);
    generic(FADT + 244, MEM, 0);
    memory[FADT + 244] = 0;
    put(FADT + 248, 0xfed80000, 8);
    AML(DSDT, "DSDT", "\x08_S3_\x12\x05\x02\x0a\x05\x01" "\x08_S5_\x12\x05\x02\x0a\x07\x00");
    check_passes(1 << 7);
    assert_int_equal(find(SLEEP_CONTROL, PORT, 0x1904)->passes, 1 << 0);
    assert_int_equal(find(SLEEP_CONTROL, PORT, 0x1904)->port, 1);
    assert_int_equal(find(SLEEP_REDUCED_CONTROL, MEM, 0xfed80000)->passes, 1 << 7);
}

static void registers_in_all_fields(void **state)
{
    (void)state;
    /* Only the 64-bit form. */
    build();
    put(FADT + 64, 0, 4);
    generic(FADT + 172, 1, 0x1804);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 1);
    /* Both, and they are the same: one register. */
    put(FADT + 64, 0x1804, 4);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 1);
    /* Both, different: two. */
    put(FADT + 64, 0x404, 4);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(find(SLEEP_CONTROL, PORT, 0x404)->passes, 1 << 6 | 1 << 7);
    /* Everything there can be. */
    put(FADT + 56, 0x400, 4);
    put(FADT + 60, 0x500, 4);
    put(FADT + 68, 0x504, 4);
    generic(FADT + 148, 1, 0x1800);
    generic(FADT + 160, 0, 0xfed00000);
    generic(FADT + 184, 0, 0xfed00004);
    generic(FADT + 244, 1, 0x700);
    generic(FADT + 256, 1, 0x701);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, HANDOVER_SLEEP);
    assert_non_null(find(SLEEP_STATUS, PORT, 0x400));
    assert_non_null(find(SLEEP_STATUS, PORT, 0x500));
    assert_non_null(find(SLEEP_STATUS, PORT, 0x1800));
    assert_non_null(find(SLEEP_STATUS, MEM, 0xfed00000));
    assert_non_null(find(SLEEP_CONTROL, MEM, 0xfed00004));
    assert_non_null(find(SLEEP_CONTROL, PORT, 0x504));
    assert_non_null(find(SLEEP_REDUCED_CONTROL, PORT, 0x700));
    assert_non_null(find(SLEEP_REDUCED_STATUS, PORT, 0x701));
    assert_false(sleep_facts.elsewhere);
}

/*
 * Client firmware of Ice Lake and later: names PM1 control once more, as a register of reduced hardware, which
 * it is not.
 */
static void reduced_hardware_that_is_none(void **state)
{
    (void)state;
    build();
    put(FADT + 56, 0x1800, 4);
    generic(FADT + 244, 1, 0x1804);
    generic(FADT + 256, 1, 0x1800);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 2);
    put(FADT + 112, 1 << 20, 4);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 4);
    assert_int_equal(find(SLEEP_REDUCED_CONTROL, PORT, 0x1804)->passes, 1 << 6 | 1 << 7);
}

static void addresses_that_are_none(void **state)
{
    (void)state;
    build();
    put(FADT + 64, 0x10000, 4);
    read_sleep();
    assert_int_equal(sleep_facts.count, 0);
    generic(FADT + 172, 3, 0x1804);     /* the embedded controller */
    read_sleep();
    assert_int_equal(sleep_facts.count, 0);
    assert_true(sleep_facts.elsewhere);
    tables.fadt = 0;
    read_sleep();
    assert_int_equal(sleep_facts.count, 0);
    assert_false(sleep_facts.elsewhere);
}

/* The FADT of ACPI 1.0 is 116 bytes long: what follows belongs to another table. */
static void a_field_behind_the_end_is_not_read(void **state)
{
    (void)state;
    build();
    generic(FADT + 172, 1, 0x404);
    generic(FADT + 244, 1, 0x700);
    table(FADT, "FACP", 116);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 1);
    table(FADT, "FACP", 183);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 1);
    table(FADT, "FACP", 184);
    check_passes(1 << 6 | 1 << 7);
    assert_int_equal(sleep_facts.count, 2);
    table(FADT, "FACP", 66);
    read_sleep();
    assert_int_equal(sleep_facts.count, 0);
}

/* In a block of exactly its size, so that a read beyond it is seen; and the search ends. */
static u8 *exact;
static size_t exact_size;

static void *exact_at(void *ctx, u64 addr, u64 size)
{
    if (addr >= DSDT && addr < DSDT + 0x1000) {
        return addr - DSDT + size <= exact_size ? exact + (addr - DSDT) : NULL;
    }
    return at(ctx, addr, size);
}

static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    static const char aml[] = S3_5 "\x14\x4a\x01_S4_\x00\xa0\x0bSS1_\xa4\x12\x04\x02\x00\x00"
                              "\xa4\x12\x06\x02\x0a\x05\x0a\x05" "\x08_S5_\x13\x07\x0a\x02\x0a\x07\x0a\x07";
    const struct acpi_memory cut = {exact_at, NULL};
    for (u32 size = 36; size < 36 + sizeof(aml) - 1; size++) {
        for (u32 offset = 36; offset < size; offset++) {
            for (u32 value = 0; value < 256; value += 3) {
                build();
                exact_size = size;
                exact = malloc(size);
                assert_non_null(exact);
                memcpy(exact, memory + DSDT, 36);
                memcpy(exact + 4, &size, 4);
                memcpy(exact + 36, aml, size - 36);
                exact[offset] = (u8)value;
                acpi_read_sleep(&cut, &tables, &sleep_facts);
                free(exact);
            }
        }
    }
}

/* The id of the _DSM by which a host bridge tells of units that come with it (VT-d chapter 8), in any block. */
static void units_that_may_come(void **state)
{
    (void)state;
    static const char id[] = "\x11\x13\x0a\x10\xa6\xa3\xc1\xd8\x9b\xbe\x9b\x4c\x91\xbf\xc3\xcb\x81\xfc\x5d\xaf";
    static const u32 places[] = {DSDT, SSDT, PSDT, OLD_DSDT};
    build();
    assert_false(acpi_units_may_come(&access, &tables));
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        build();
        put(FADT + 140, DSDT, 8);
        put(FADT + 40, OLD_DSDT, 4);
        AML(OLD_DSDT, "DSDT", "");
        block(places[i], i == 1 ? "SSDT" : i == 2 ? "PSDT" : "DSDT", id, sizeof(id) - 1);
        assert_true(acpi_units_may_come(&access, &tables));
        put(XSDT + 36, SSDT, 8); /* any place in the list, and the last bytes of a block */
        put(XSDT + 44, FADT, 8);
        put(places[i] + 4, 49 + sizeof(id) - 1, 4);
        assert_true(acpi_units_may_come(&access, &tables));
        memory[places[i] + 49 + sizeof(id) - 2] ^= 1;
        assert_false(acpi_units_may_come(&access, &tables));
    }
    build();
    tables.fadt = 0;
    tables.list = 0;
    assert_false(acpi_units_may_come(&access, &tables));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_that_may_come),
        cmocka_unit_test(what_is_known_to_be_harmless_passes),
        cmocka_unit_test(each_form_of_an_object),
        cmocka_unit_test(objects_in_any_block),
        cmocka_unit_test(without_an_s5_object_the_unknown_passes),
        cmocka_unit_test(two_ports_with_types_of_their_own),
        cmocka_unit_test(registers_in_all_fields),
        cmocka_unit_test(reduced_hardware_that_is_none),
        cmocka_unit_test(addresses_that_are_none),
        cmocka_unit_test(a_field_behind_the_end_is_not_read),
        cmocka_unit_test(any_byte_may_be_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
