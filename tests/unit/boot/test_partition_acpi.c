/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition's ACPI tables: field by field, and what Intel's compiler makes of them. */
#include "boot/partition_acpi.h"

#include "boot/acpi.h"
#include "boot/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct partition_tables built;
static struct acpi_tables found;
static const u32 apic_ids[] = {0, 2, 0x10, 0x12, 0x1234};

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    bool inside = addr >= PARTITION_TABLES && size <= built.size && addr - PARTITION_TABLES <= built.size - size;
    return inside ? built.bytes + (addr - PARTITION_TABLES) : NULL;
}

static const struct acpi_memory access_built = {at, NULL};

static const u8 *table(u64 addr, u32 *length)
{
    *length = acpi_length(&access_built, addr);
    assert_int_not_equal(*length, 0);
    return at(NULL, addr, *length);
}

/* Four of the second partition's on three buses, and one of another's. */
static const struct handover_function functions[] = {
    {.source_id = 0x0040, .partition = 1, .bars = {{.base = 0xc0000000, .size = 0x1000}, {.size = 0},
                                                   {.base = 0xe000, .size = 0x20, .port = true}}},
    {.source_id = 0x0050, .partition = 0, .unit = 1, .bars = {{.base = 0xa0000000, .size = 0x1000}}},
    {.source_id = 0xfe00, .partition = 1, .unit = 2, .bars = {{.base = 0x380000000000, .size = 0x4000, .wide = true}}},
    {.source_id = 0x0100, .partition = 1},
    {.source_id = 0x0041, .partition = 1, .bars = {[5] = {.base = 0xc0001080, .size = 0x80}}},
};
static struct vtd_dmar machine;
static struct partition_pci pci = {.ecam_base = 0xb0000000, .functions = functions, .partition = 1};

static void build(u16 uart)
{
    const struct handover_partition p = {.cpus = {1u << 2 | 1u << 4}, .uart_port = uart == 0x2f8 ? 0 : uart,
                                         .own_uart_port = uart == 0x2f8 ? uart : 0, .reset_port = 0xcf9,
                                         .sleep_control_port = 0x600, .sleep_status_port = 0x601, .sleep_off = 5};
    const char *why;
    memset(&built, 0xa5, sizeof(built));
    partition_acpi_build(&p, apic_ids, ARRAY_LEN(apic_ids), &pci, &built);
    assert_int_equal(acpi_find(&access_built, PARTITION_TABLES, &found, &why), OK);
    assert_int_equal(found.wrong_sum_count, 0);
    assert_int_equal(found.list, found.xsdt);
}

static void fields(void **state)
{
    (void)state;
    u32 length;
    build(0x3f8);
    assert_int_equal(found.dmar, 0);
    assert_int_equal(found.mcfg, 0);
    const u8 *fadt = table(found.fadt, &length);
    assert_int_equal(length, 276);
    assert_int_equal(fadt[8], 6);
    assert_int_equal(bytes_get(fadt, 109, 2), 1 << 2 | 1 << 5);
    assert_int_equal(bytes_get(fadt, 112, 4), 1 << 0 | 1 << 4 | 1 << 5 | 1 << 10 | 1 << 19 | 1 << 20);
    assert_int_equal(bytes_get(fadt, 116, 4), 0x01000801);
    assert_int_equal(bytes_get(fadt, 120, 8), 0xcf9);
    assert_int_equal(fadt[128], 6);
    assert_int_equal(bytes_get(fadt, 248, 8), 0x600);
    assert_int_equal(bytes_get(fadt, 260, 8), 0x601);
    assert_int_equal(bytes_get(fadt, 40, 4), bytes_get(fadt, 140, 8));
    struct serial serial;
    u32 baud;
    assert_true(acpi_spcr_serial(&access_built, found.spcr, &serial, &baud));
    assert_int_equal(serial.kind, SERIAL_PORT);
    assert_int_equal(serial.base, 0x3f8);
    assert_int_equal(baud, 115200);
    build(0x2f8);
    assert_true(acpi_spcr_serial(&access_built, found.spcr, &serial, &baud));
    assert_int_equal(serial.base, 0x2f8);
    build(0);
    assert_int_equal(found.spcr, 0);
    const u8 *dsdt = table(bytes_get(table(found.fadt, &length), 140, 8), &length);
    assert_memory_equal(dsdt, "DSDT", 4);
    assert_int_equal(length, 36 + 14);
}

/* By the ids of the machine, in the order of Nestor's numbers. */
static void cpus(void **state)
{
    (void)state;
    static struct acpi_cpus listed;
    u32 length;
    build(0x3f8);
    const u8 *madt = table(found.madt, &length);
    acpi_madt_cpus(&access_built, found.madt, &listed);
    assert_int_equal(listed.count, 2);
    assert_int_equal(listed.ids[0], 0x10);
    assert_int_equal(listed.ids[1], 0x1234);
    assert_int_equal(length, 44 + 2 * 16);
    assert_int_equal(bytes_get(madt, 36, 8), 0xfee00000);
    assert_int_equal(bytes_get(madt, 44, 4), 0x1009);
    assert_int_equal(bytes_get(madt, 60 + 12, 4), 1);
}

static void configuration_space(void **state)
{
    (void)state;
    struct acpi_ecam window;
    static const u8 buses[] = {0, 1, 0xfe};
    pci.count = ARRAY_LEN(functions);
    build(0x3f8);
    for (u32 i = 0; i < ARRAY_LEN(buses); i++) {
        assert_true(acpi_mcfg_window(&access_built, found.mcfg, i, &window));
        assert_int_equal(window.base, 0xb0000000);
        assert_int_equal(window.segment, 0);
        assert_true(window.first_bus == buses[i] && window.last_bus == buses[i]);
    }
    assert_false(acpi_mcfg_window(&access_built, found.mcfg, ARRAY_LEN(buses), &window));
    pci.count = 0;
}

/* By the parser of the machine's own: two units, each with its functions by name, and no more than these. */
/* 00:0a.0 is another's, 00:08.0 its own. */
static void functions_that_systems_find(void **state)
{
    (void)state;
    struct handover_function list[] = {{.source_id = 0x0041, .partition = 1}, {.source_id = 0x0040, .partition = 1},
                                       {.source_id = 0x0053, .partition = 1}, {.source_id = 0x0050, .partition = 0}};
    const struct partition_pci its = {.functions = list, .count = ARRAY_LEN(list), .partition = 1};
    assert_true(partition_pci_is_found(&its, 0));
    assert_true(partition_pci_is_found(&its, 1));
    assert_false(partition_pci_is_found(&its, 2));
}

static void units(void **state)
{
    (void)state;
    static struct vtd_dmar parsed;
    struct vtd_dmar_error e;
    u32 length;
    machine = (struct vtd_dmar){.haw = 46, .unit_count = 3, .intr_remap = true,
                                .units = {{.base = {0xfed90000}, .window_size = 0x1000, .include_all = true},
                                          {.base = {0xfed91000}, .window_size = 0x1000},
                                          {.base = {0xfeda0000}, .window_size = 0x3000}}};
    pci.count = ARRAY_LEN(functions);
    build(0x3f8);
    assert_int_equal(found.dmar, 0);
    pci.dmar = &machine;
    build(0x3f8);
    const u8 *dmar = table(found.dmar, &length);
    assert_int_equal(vtd_dmar_parse(dmar, length, &parsed, &e), OK);
    assert_int_equal(length, 48 + 2 * 16 + 4 * 8);
    assert_int_equal(parsed.haw, 46);
    assert_true(parsed.intr_remap);
    assert_int_equal(parsed.unit_count, 2);
    static const struct { u64 base; u32 window; u16 count; u16 sids[3]; } expected[] = {
        {0xfed90000, 0x1000, 3, {0x0040, 0x0100, 0x0041}}, {0xfeda0000, 0x4000, 1, {0xfe00}}};
    for (u32 i = 0; i < ARRAY_LEN(expected); i++) {
        const struct vtd_dmar_unit *unit = &parsed.units[i];
        assert_int_equal(unit->base.v, expected[i].base);
        assert_int_equal(unit->window_size, expected[i].window);
        assert_false(unit->include_all);
        assert_int_equal(unit->segment, 0);
        assert_int_equal(unit->scopes.count, expected[i].count);
        for (u32 k = 0; k < unit->scopes.count; k++) {
            const struct vtd_dmar_scope *scope = &parsed.scopes[unit->scopes.first + k];
            const struct vtd_dmar_hop *hop = &parsed.hops[scope->first_hop];
            assert_int_equal(scope->type, 1);
            assert_int_equal(scope->hop_count, 1);
            assert_int_equal(scope->start_bus << 8 | hop->device << 3 | hop->function, expected[i].sids[k]);
        }
    }
    pci.dmar = NULL;
    pci.count = 0;
}

/* What is not memory: its own BARs, and configuration space of its buses. */
static void areas(void **state)
{
    (void)state;
    static struct areas out;
    static const struct area expected[] = {{0xb0000000, 2 << 20}, {0xb0000000 + (0xfeull << 20), 1 << 20},
                                           {0xc0000000, 0x1000}, {0x380000000000, 0x4000}, {0xc0001000, 0x1000}};
    pci.count = ARRAY_LEN(functions);
    assert_int_equal(partition_pci_count(&pci), 4);
    partition_pci_areas(&pci, &out);
    assert_int_equal(out.count, ARRAY_LEN(expected));
    assert_memory_equal(out.list, expected, sizeof(expected));
    pci.dmar = &machine;
    partition_pci_areas(&pci, &out);
    assert_int_equal(out.count, ARRAY_LEN(expected) + 2);
    static const struct area registers[] = {{0xfed90000, 0x1000}, {0xfeda0000, 0x3000}};
    assert_memory_equal(out.list + ARRAY_LEN(expected), registers, sizeof(registers));
    pci.dmar = NULL;
    pci.count = 0;
    partition_pci_areas(&pci, &out);
    assert_int_equal(out.count, 0);
}

static void check_span(const struct partition_span *s, u64 gpa, u64 hpa, u64 size)
{
    assert_true(s->gpa == gpa && s->hpa == hpa && s->size == size);
}

/* Below the lowest of them, and from 4 GiB on where there is none. */
static void memory(void **state)
{
    (void)state;
    static const struct areas around = {.count = 4, .list = {{0x180000000, 0x1000}, {0xc0000000, 0x1000},
                                                             {0xb0301000, 0x1000}, {0x110000000, 0x40000000}}};
    static const struct areas nothing;
    const u64 base = 0x1000000000;
    struct handover_partition p = {.memory_base = base, .memory_size = 0xb0200000};
    partition_map(&p, &around);
    assert_int_equal(p.span_count, 3);
    check_span(&p.spans[0], 0, base, 0xa0000);
    check_span(&p.spans[1], 0xe0000, base + 0xe0000, 0x20000);
    check_span(&p.spans[2], 0x100000, base + 0x100000, 0xb0100000);
    p.memory_size = 0xc0200000;
    partition_map(&p, &around);
    assert_int_equal(p.span_count, 4);
    check_span(&p.spans[2], 0x100000, base + 0x100000, 0xb0100000);
    check_span(&p.spans[3], 0x100000000, base + 0xb0200000, 0x10000000);
    p.memory_size += 2 << 20;
    partition_map(&p, &around);
    check_span(&p.spans[3], 0x150000000, base + 0xb0200000, 0x10200000);
    p.memory_size = 0xb0200000 + 0x30200000;
    partition_map(&p, &around);
    check_span(&p.spans[3], 0x180200000, base + 0xb0200000, 0x30200000);
    partition_map(&p, &nothing);
    assert_int_equal(p.span_count, 3);
    p.memory_size = 0x200000000;
    partition_map(&p, &nothing);
    check_span(&p.spans[2], 0x100000, base + 0x100000, 0xfec00000 - 0x100000);
    check_span(&p.spans[3], 0x100000000, base + 0xfec00000, 0x200000000 - 0xfec00000);
}

/* Taken apart and put together again, each table is what it was, without a warning. */
static void the_compiler_agrees(void **state)
{
    (void)state;
    char name[] = "/tmp/test_partition_acpi.XXXXXX";
    char path[64];
    char command[1024];
    pci.count = ARRAY_LEN(functions);
    pci.dmar = &machine;
    machine.units[2].window_size = 0x1000;  /* this compiler takes what says otherwise for reserved */
    build(0x3f8);
    pci.dmar = NULL;
    pci.count = 0;
    assert_non_null(mkdtemp(name));
    u32 length;
    const u64 tables[] = {found.fadt, found.madt, found.spcr, found.xsdt, found.mcfg, found.dmar,
                          bytes_get(table(found.fadt, &length), 140, 8)};
    for (u32 i = 0; i < ARRAY_LEN(tables); i++) {
        const u8 *bytes = table(tables[i], &length);
        snprintf(path, sizeof(path), "%s/%.4s.aml", name, (const char *)bytes);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, length, file), length);
        fclose(file);
    }
    snprintf(command, sizeof(command),
             "cd %s && for t in FACP APIC SPCR XSDT MCFG DMAR DSDT; do cp $t.aml $t.was && "
             "iasl -d $t.aml >$t.log 2>&1 && iasl $t.dsl >>$t.log 2>&1 && "
             "grep -q ' 0 Errors, 0 Warnings' $t.log && ! grep -qi invalid $t.log && "
             "dd if=$t.was of=$t.1 bs=1 skip=36 2>>$t.log && dd if=$t.aml of=$t.2 bs=1 skip=36 2>>$t.log && "
             "cmp $t.1 $t.2 || { cat $t.log; exit 1; }; done && "
             "grep -q 'Device (_SB.PC00)' DSDT.dsl && grep -q 'Device (_SB.PCFE)' DSDT.dsl && "
             "! grep -q PC02 DSDT.dsl && grep -q 'WordBusNumber' DSDT.dsl && grep -q '0x0000380000003FFF' DSDT.dsl && "
             "! grep -q '00A0000000' DSDT.dsl || { cat DSDT.dsl; exit 1; }; cd / && rm -r %s", name, name);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(cpus),
        cmocka_unit_test(configuration_space),
        cmocka_unit_test(functions_that_systems_find),
        cmocka_unit_test(units),
        cmocka_unit_test(areas),
        cmocka_unit_test(memory),
        cmocka_unit_test(the_compiler_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
