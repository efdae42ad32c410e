/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables built in memory: found, read, edited, and broken in every byte. */
#include "boot/acpi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
    MEMORY = 0x8000,
    RSDP = 0x100, XSDT = 0x200, RSDT = 0x400, DMAR = 0x1000, SPCR = 0x2000, MCFG = 0x2200,
    MADT = 0x2400, FADT = 0x2800, OTHER = 0x4000,
};

static u8 memory[MEMORY];
static struct acpi_tables tables;
static struct acpi_cpus cpus;

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    return addr < MEMORY && size <= MEMORY - addr ? memory + addr : NULL;
}

static const struct acpi_memory access = {at, NULL};

static void put(u32 addr, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++) {
        memory[addr + i] = (u8)(value >> (8 * i));
    }
}

static u64 get(u32 addr, u32 bytes)
{
    u64 value = 0;
    for (u32 i = 0; i < bytes; i++) {
        value |= (u64)memory[addr + i] << (8 * i);
    }
    return value;
}

static u8 sum(u32 addr, u32 bytes)
{
    u8 total = 0;
    for (u32 i = 0; i < bytes; i++) {
        total = (u8)(total + memory[addr + i]);
    }
    return total;
}

static void seal(u32 addr, u32 length, u32 checksum)
{
    memory[addr + checksum] = 0;
    memory[addr + checksum] = (u8)-sum(addr, length);
}

static void table(u32 addr, const char *signature, u32 length)
{
    memcpy(memory + addr, signature, 4);
    put(addr + 4, length, 4);
    seal(addr, length, 9);
}

static void build_serial(void)
{
    memory[SPCR + 36] = 0;            /* 16550 */
    memory[SPCR + 40] = 0;            /* memory space */
    memory[SPCR + 41] = 32;
    memory[SPCR + 43] = 3;            /* dword access */
    put(SPCR + 44, 0xfe034000, 8);
    memory[SPCR + 58] = 7;            /* 115200 */
    table(SPCR, "SPCR", 80);
}

static void build_cpus(void)
{
    static const u8 entries[] = {
        0, 8, 0, 0, 1, 0, 0, 0,                           /* local APIC 0, enabled */
        0, 8, 1, 4, 1, 0, 0, 0,                           /* local APIC 4, enabled */
        0, 8, 2, 9, 0, 0, 0, 0,                           /* local APIC 9, disabled */
        1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,        /* an I/O APIC */
        9, 16, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* x2APIC 12ch, enabled */
    };
    memcpy(memory + MADT + 44, entries, sizeof(entries));
    table(MADT, "APIC", 44 + sizeof(entries));
}

static void build(void)
{
    static const u32 list[] = {FADT, MADT, DMAR, SPCR, MCFG, OTHER};
    memset(memory, 0, sizeof(memory));
    memset(memory + DMAR + 36, 0x2f, 1);
    memory[DMAR + 37] = 7;
    table(DMAR, "DMAR", 64);
    build_serial();
    build_cpus();
    table(FADT, "FACP", 244);
    put(MCFG + 44, 0xe0000000, 8);
    memory[MCFG + 55] = 0xff;
    table(MCFG, "MCFG", 60);
    table(OTHER, "SSDT", 40);
    for (u32 i = 0; i < ARRAY_LEN(list); i++) {
        put(XSDT + 36 + 8 * i, list[i], 8);
        put(RSDT + 36 + 4 * i, list[i], 4);
    }
    table(XSDT, "XSDT", 36 + 8 * ARRAY_LEN(list));
    table(RSDT, "RSDT", 36 + 4 * ARRAY_LEN(list));
    memcpy(memory + RSDP, "RSD PTR ", 8);
    memory[RSDP + 15] = 2;
    put(RSDP + 16, RSDT, 4);
    put(RSDP + 20, 36, 4);
    put(RSDP + 24, XSDT, 8);
    seal(RSDP, 20, 8);
    seal(RSDP, 36, 32);
}

/* A copy of what was asked for, so that ASan sees a read beside it. */
static void *copies[256];
static u32 copy_count;

static void *exactly_at(void *ctx, u64 addr, u64 size)
{
    void *from = at(ctx, addr, size);
    void *copy = from != NULL ? malloc(size) : NULL;
    if (copy != NULL) {
        assert_true(copy_count < ARRAY_LEN(copies));
        copies[copy_count++] = copy;
        memcpy(copy, from, size);
    }
    return copy;
}

static enum result find(void)
{
    const char *why = NULL;
    enum result r = acpi_find(&access, RSDP, &tables, &why);
    assert_true(r == OK || why != NULL);
    return r;
}

static void tables_are_found(void **state)
{
    (void)state;
    build();
    assert_int_equal(find(), OK);
    assert_int_equal(tables.xsdt, XSDT);
    assert_int_equal(tables.rsdt, RSDT);
    assert_int_equal(tables.dmar, DMAR);
    assert_int_equal(tables.spcr, SPCR);
    assert_int_equal(tables.mcfg, MCFG);
    assert_int_equal(tables.madt, MADT);
    assert_int_equal(tables.fadt, FADT);
    assert_int_equal(acpi_length(&access, DMAR), 64);
    assert_int_equal(acpi_length(&access, 0), 0);
    assert_int_equal(acpi_length(&access, MEMORY), 0);
}

static void tables_by_the_old_list(void **state)
{
    (void)state;
    build();
    memory[RSDP + 15] = 0;
    seal(RSDP, 20, 8);
    assert_int_equal(find(), OK);
    assert_int_equal(tables.xsdt, 0);
    assert_int_equal(tables.dmar, DMAR);
}

static void broken_roots_are_refused(void **state)
{
    (void)state;
    const char *why;
    build();
    assert_int_equal(acpi_find(&access, 0, &tables, &why), ERR_NOT_FOUND);
    memory[RSDP]++;
    assert_int_equal(find(), ERR_MALFORMED);
    build();
    put(XSDT + 4, 20, 4);
    put(RSDT + 4, 20, 4);
    assert_int_equal(find(), ERR_MALFORMED);
}

static void the_other_list_where_one_is_unusable(void **state)
{
    (void)state;
    for (u32 form = 0; form < 3; form++) {
        build();
        if (form == 0) {
            put(XSDT + 4, 20, 4);
        } else if (form == 1) {
            memory[XSDT] = 'Y';
        } else {
            put(RSDP + 24, MEMORY, 8);
        }
        assert_int_equal(find(), OK);
        assert_int_equal(tables.list, RSDT);
        assert_int_equal(tables.dmar, DMAR);
    }
}

/* Mistakes that kernels put up with; each is named. */
static void tables_with_wrong_sums_are_used(void **state)
{
    (void)state;
    static const u32 spoilt[] = {RSDP + 10, XSDT + 20, DMAR + 50, SPCR + 50, MCFG + 20, MADT + 20, FADT + 200};
    build();
    assert_int_equal(find(), OK);
    assert_int_equal(tables.wrong_sum_count, 0);
    for (u32 i = 0; i < ARRAY_LEN(spoilt); i++) {
        build();
        memory[spoilt[i]]++;
        assert_int_equal(find(), OK);
        assert_int_equal(tables.wrong_sum_count, 1);
        assert_int_equal(tables.wrong_sums[0], get(spoilt[i] & ~0xffu, 4));
        assert_true(tables.spcr == SPCR && tables.mcfg == MCFG && tables.madt == MADT && tables.fadt == FADT &&
                    tables.dmar == DMAR);
    }
    memory[MADT + 20]++;
    acpi_madt_cpus(&access, MADT, &cpus);
    assert_int_equal(cpus.count, 3);
}

static void unreadable_tables_are_named_all_the_same(void **state)
{
    (void)state;
    build();
    put(DMAR + 4, MEMORY, 4);
    assert_int_equal(find(), OK);
    assert_int_equal(tables.dmar, DMAR);
    assert_int_equal(acpi_length(&access, DMAR), 0);
}

static void fields_are_read(void **state)
{
    (void)state;
    struct serial serial = {0};
    u32 baud = 0;
    build();
    assert_true(acpi_spcr_serial(&access, SPCR, &serial, &baud));
    assert_int_equal(serial.kind, SERIAL_MMIO);
    assert_int_equal(serial.base, 0xfe034000);
    assert_int_equal(serial.stride, 4);
    assert_int_equal(baud, 115200);
    struct acpi_ecam ecam = acpi_mcfg_segment(&access, MCFG, 0);
    assert_int_equal(ecam.base, 0xe0000000);
    assert_int_equal(ecam.last_bus, 0xff);
    assert_int_equal(acpi_mcfg_segment(&access, MCFG, 1).base, 0);
    assert_true(acpi_mcfg_window(&access, MCFG, 0, &ecam));
    assert_int_equal(ecam.segment, 0);
    assert_false(acpi_mcfg_window(&access, MCFG, 1, &ecam));
    assert_false(acpi_mcfg_window(&access, MCFG, 0xffffffff, &ecam));
}

/* The root pointer of ACPI 1.0 is shorter than the others, and each table is as long as it says. */
static void nothing_is_read_that_was_not_asked_for(void **state)
{
    const struct acpi_memory exact = {exactly_at, NULL};
    struct acpi_ecam ecam;
    struct serial serial;
    const char *why;
    u32 baud;
    (void)state;
    build();
    assert_int_equal(acpi_find(&exact, RSDP, &tables, &why), OK);
    assert_int_equal(tables.xsdt, XSDT);
    acpi_madt_cpus(&exact, tables.madt, &cpus);
    assert_int_equal(cpus.count, 3);
    assert_true(acpi_mcfg_window(&exact, tables.mcfg, 0, &ecam));
    assert_true(acpi_spcr_serial(&exact, tables.spcr, &serial, &baud));
    while (copy_count != 0) {
        free(copies[--copy_count]);
    }
}

/* Enabled or online-capable, each once, in both forms; 255 and all ones are no ids. */
static void cpus_of_madt(void **state)
{
    (void)state;
    static const u8 entries[] = {
        0, 8, 0, 0, 1, 0, 0, 0,
        0, 8, 1, 4, 2, 0, 0, 0,                              /* only online-capable */
        0, 8, 2, 9, 0, 0, 0, 0,                              /* neither */
        0, 8, 3, 0xff, 1, 0, 0, 0,
        9, 16, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,     /* 4 again */
        9, 16, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        9, 16, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        9, 16, 0, 0, 0xff, 0xff, 0xff, 0xff, 3, 0, 0, 0, 0, 0, 0, 0,
        9, 16, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        1, 2, 9, 8, 0, 0,                                    /* too short for what they are */
    };
    build();
    acpi_madt_cpus(&access, MADT, &cpus);
    assert_int_equal(cpus.count, 3);
    assert_int_equal(cpus.ids[2], 0x12c);
    memcpy(memory + MADT + 44, entries, sizeof(entries));
    table(MADT, "APIC", 44 + sizeof(entries));
    acpi_madt_cpus(&access, MADT, &cpus);
    assert_int_equal(cpus.count, 3);
    assert_true(cpus.ids[0] == 0 && cpus.ids[1] == 4 && cpus.ids[2] == 0x12c);
    acpi_madt_cpus(&access, 0, &cpus);
    assert_int_equal(cpus.count, 0);
}

/* Neither enabled nor online-capable, in both tables and both forms; the others stay, and the sums are right. */
static void cpus_are_taken_away(void **state)
{
    (void)state;
    static const u8 madt[] = {
        0, 8, 0, 0, 1, 0, 0, 0,
        0, 8, 1, 4, 3, 0, 0, 0,
        9, 16, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        9, 16, 0, 0, 0x2c, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
        9, 16, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    };
    static const u8 srat[] = {
        0, 16, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 16, 0, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        1, 40, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0,                                          /* memory */
        2, 24, 0, 0, 0, 0, 0, 0, 0x2c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    };
    static const u32 given[] = {4, 0x12c};
    build();
    memcpy(memory + MADT + 44, madt, sizeof(madt));
    table(MADT, "APIC", 44 + sizeof(madt));
    memcpy(memory + OTHER + 48, srat, sizeof(srat));
    table(OTHER, "SRAT", 48 + sizeof(srat));
    assert_int_equal(find(), OK);
    assert_int_equal(tables.srat, OTHER);
    acpi_hide_cpus(&access, &tables, given, ARRAY_LEN(given));
    acpi_madt_cpus(&access, MADT, &cpus);
    assert_int_equal(cpus.count, 2);
    assert_true(cpus.ids[0] == 0 && cpus.ids[1] == 6);
    assert_int_equal(memory[OTHER + 48 + 4], 0);
    assert_int_equal(memory[OTHER + 64 + 4], 1);
    assert_int_equal(memory[OTHER + 80 + 28], 1);
    assert_int_equal(memory[OTHER + 120 + 12], 0);
    assert_int_equal(sum(MADT, 44 + sizeof(madt)), 0);
    assert_int_equal(sum(OTHER, 48 + sizeof(srat)), 0);
    tables.madt = tables.srat = 0;
    acpi_hide_cpus(&access, &tables, given, ARRAY_LEN(given));
}

static void serial_ports_that_are_none_of_ours(void **state)
{
    (void)state;
    struct serial serial = {0};
    u32 baud = 0;
    build();
    memory[SPCR + 40] = 1;
    memory[SPCR + 41] = 8;
    memory[SPCR + 43] = 1;
    put(SPCR + 44, 0x2f8, 8);
    memory[SPCR + 58] = 0;
    seal(SPCR, 80, 9);
    assert_true(acpi_spcr_serial(&access, SPCR, &serial, &baud));
    assert_int_equal(serial.kind, SERIAL_PORT);
    assert_int_equal(serial.base, 0x2f8);
    assert_int_equal(serial.stride, 1);
    assert_int_equal(baud, 0);
    memory[SPCR + 36] = 3;            /* a PL011 */
    seal(SPCR, 80, 9);
    assert_false(acpi_spcr_serial(&access, SPCR, &serial, &baud));
    memory[SPCR + 36] = 0;
    put(SPCR + 44, 0, 8);             /* console redirection is off */
    seal(SPCR, 80, 9);
    assert_false(acpi_spcr_serial(&access, SPCR, &serial, &baud));
    assert_false(acpi_spcr_serial(&access, 0, &serial, &baud));
}

static void dmar_is_taken_away(void **state)
{
    (void)state;
    build();
    assert_int_equal(find(), OK);
    acpi_hide_dmar(&access, &tables);
    assert_int_equal(get(XSDT + 4, 4), 36 + 8 * 5);
    assert_int_equal(get(RSDT + 4, 4), 36 + 4 * 5);
    assert_int_equal(sum(XSDT, 36 + 8 * 5), 0);
    assert_int_equal(sum(RSDT, 36 + 4 * 5), 0);
    assert_int_equal(sum(DMAR, 64), 0);
    assert_memory_equal(memory + DMAR, "XMAR", 4);
    assert_int_equal(find(), OK);
    assert_int_equal(tables.dmar, 0);
    assert_int_equal(tables.spcr, SPCR);
    assert_int_equal(tables.mcfg, MCFG);
    assert_int_equal(get(XSDT + 36 + 8 * 4, 8), OTHER);
}

static void interrupt_remapping_is_taken_away(void **state)
{
    (void)state;
    build();
    assert_int_equal(find(), OK);
    acpi_clear_intr_remap(&access, &tables);
    assert_int_equal(memory[DMAR + 37], 6);
    assert_int_equal(sum(DMAR, 64), 0);
    build();
    memory[DMAR + 50]++;
    assert_int_equal(find(), OK);
    acpi_clear_intr_remap(&access, &tables);
    assert_int_equal(memory[DMAR + 37], 6);
    assert_int_equal(sum(DMAR, 64), 0);
    memory[DMAR + 50]++;
    acpi_hide_dmar(&access, &tables);
    assert_memory_equal(memory + DMAR, "XMAR", 4);
}

/* Reads stay inside the array, whose ends the sanitizer watches, and every search ends. */
static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    static const struct { u32 at, length, checksum; } list[] = {
        {RSDP, 36, 32}, {XSDT, 84, 9}, {RSDT, 60, 9}, {SPCR, 80, 9}, {MADT, 96, 9},
        {MCFG, 60, 9}, {FADT, 244, 9}};
    for (u32 i = 0; i < ARRAY_LEN(list); i++) {
        for (u32 offset = 0; offset < list[i].length; offset++) {
            for (u32 value = 0; value < 256; value += 5) {
                struct serial serial = {0};
                u32 baud;
                build();
                memory[list[i].at + offset] = (u8)value;
                seal(list[i].at, list[i].length, list[i].checksum);
                if (find() != OK) {
                    continue;
                }
                (void)acpi_spcr_serial(&access, tables.spcr, &serial, &baud);
                (void)acpi_mcfg_segment(&access, tables.mcfg, 0);
                acpi_madt_cpus(&access, tables.madt, &cpus);
                acpi_hide_dmar(&access, &tables);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_found),
        cmocka_unit_test(tables_by_the_old_list),
        cmocka_unit_test(broken_roots_are_refused),
        cmocka_unit_test(the_other_list_where_one_is_unusable),
        cmocka_unit_test(tables_with_wrong_sums_are_used),
        cmocka_unit_test(unreadable_tables_are_named_all_the_same),
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(nothing_is_read_that_was_not_asked_for),
        cmocka_unit_test(cpus_of_madt),
        cmocka_unit_test(cpus_are_taken_away),
        cmocka_unit_test(serial_ports_that_are_none_of_ours),
        cmocka_unit_test(dmar_is_taken_away),
        cmocka_unit_test(interrupt_remapping_is_taken_away),
        cmocka_unit_test(any_byte_may_be_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
