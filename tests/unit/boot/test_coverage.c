/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which functions a table's scopes reach, on a small PCI tree:
 *
 *   00:00.0 host bridge    00:02.0 endpoint    00:1c.0 bridge -> 01    00:1f.0/.2 functions
 *   01:00.0 bridge -> 02-03                     02:05.0 endpoint         03:00.0 endpoint
 */
#include "boot/coverage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct function {
    struct pci_function f;
    u16 class;
    u8 header;
    u8 secondary, subordinate;
};

static const struct function tree[] = {
    {{0, 0x00, 0}, 0x0600, 0x00, 0, 0}, {{0, 0x02, 0}, 0x0300, 0x00, 0, 0},
    {{0, 0x1c, 0}, 0x0604, 0x01, 1, 3}, {{0, 0x1f, 0}, 0x0601, 0x80, 0, 0},
    {{0, 0x1f, 2}, 0x0106, 0x80, 0, 0}, {{1, 0x00, 0}, 0x0604, 0x01, 2, 3},
    {{2, 0x05, 0}, 0x0200, 0x00, 0, 0}, {{3, 0x00, 0}, 0x0108, 0x00, 0, 0},
};

static u32 read(void *ctx, struct pci_function f, u32 offset)
{
    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(tree); i++) {
        const struct function *t = &tree[i];
        if (memcmp(&t->f, &f, sizeof(f)) != 0) {
            continue;
        }
        switch (offset) {
        case 0x00:
            return 0x12348086;
        case 0x08:
            return (u32)t->class << 16;
        case 0x0c:
            return (u32)t->header << 16;
        case 0x18:
            return (u32)t->subordinate << 16 | (u32)t->secondary << 8 | f.bus;
        default:
            return 0;
        }
    }
    return 0xffffffff;
}

static const struct pci_config config = {.read = read, .first_bus = 0, .last_bus = 0xff};
static struct vtd_dmar dmar;

static void add_unit(bool include_all, u16 segment)
{
    dmar.units[dmar.unit_count++] = (struct vtd_dmar_unit){
        .include_all = include_all, .segment = segment,
        .scopes = {(u16)dmar.scope_count, 0}};
}

static void add_scope(u8 type, u8 bus, const struct vtd_dmar_hop *hops, u16 count)
{
    dmar.scopes[dmar.scope_count++] = (struct vtd_dmar_scope){
        .type = type, .start_bus = bus, .first_hop = (u16)dmar.hop_count, .hop_count = count};
    memcpy(&dmar.hops[dmar.hop_count], hops, count * sizeof(*hops));
    dmar.hop_count += count;
    dmar.units[dmar.unit_count - 1].scopes.count++;
}

#define SCOPE(type, bus, ...)                                                          \
    add_scope(type, bus, (const struct vtd_dmar_hop[]){__VA_ARGS__},                   \
              sizeof((const struct vtd_dmar_hop[]){__VA_ARGS__}) / sizeof(struct vtd_dmar_hop))

static void begin(void)
{
    memset(&dmar, 0, sizeof(dmar));
}

static void check_uncovered(u8 bus, u8 device, u8 function)
{
    struct pci_function f;
    assert_false(coverage_complete(&dmar, &config, &f));
    assert_int_equal(f.bus, bus);
    assert_int_equal(f.device, device);
    assert_int_equal(f.function, function);
}

static void check_complete(void)
{
    struct pci_function f;
    assert_true(coverage_complete(&dmar, &config, &f));
}

static void one_unit_for_all(void **state)
{
    (void)state;
    begin();
    add_unit(true, 0);
    check_complete();
    begin();
    add_unit(true, 1);
    check_uncovered(0, 2, 0);
    begin();
    check_uncovered(0, 2, 0);
}

static void everything_by_name(void **state)
{
    (void)state;
    begin();
    add_unit(false, 0);
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {2, 0});
    check_uncovered(0, 0x1c, 0);
    SCOPE(VTD_SCOPE_BRIDGE, 0, {0x1c, 0});
    check_uncovered(0, 0x1f, 0);
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1f, 0});
    check_uncovered(0, 0x1f, 2);
    add_unit(false, 0);
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1f, 2});
    check_complete();
}

static void paths_follow_bridges(void **state)
{
    (void)state;
    begin();
    add_unit(false, 0);
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {2, 0});
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1f, 0});
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1f, 2});
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1c, 0});
    check_uncovered(1, 0, 0);
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1c, 0}, {0, 0});
    check_uncovered(2, 5, 0);
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1c, 0}, {0, 0}, {5, 0});
    check_uncovered(3, 0, 0);
    SCOPE(VTD_SCOPE_BRIDGE, 0, {0x1c, 0}, {0, 0});
    check_complete();
}

/* An endpoint that is there; not a bridge, an I/O APIC, or a function that nobody answers for. */
static void what_a_scope_names(void **state)
{
    (void)state;
    static const struct { u8 type; struct vtd_dmar_hop hop; bool named; } cases[] = {
        {VTD_SCOPE_ENDPOINT, {0x1f, 2}, true}, {VTD_SCOPE_ENDPOINT, {9, 0}, false},
        {VTD_SCOPE_BRIDGE, {0x1c, 0}, false},  {VTD_SCOPE_IOAPIC, {0x1f, 0}, false}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct pci_function f;
        begin();
        add_unit(false, 0);
        add_scope(cases[i].type, 0, &cases[i].hop, 1);
        assert_int_equal(coverage_named(&dmar, &config, &dmar.scopes[0], &f), cases[i].named);
        if (cases[i].named) {
            assert_true(f.bus == 0 && f.device == cases[i].hop.device && f.function == cases[i].hop.function);
        }
    }
}

static u32 read_last(void *ctx, struct pci_function f, u32 offset)
{
    (void)ctx;
    bool there = f.bus == 5 && f.device == 31 && (f.function == 0 || f.function == 7);
    return !there ? 0xffffffff : offset == 0x0c ? 0x800000 : 0x12348086;
}

/* To the last function of the last bus. */
static void the_last_function(void **state)
{
    (void)state;
    const struct pci_config last = {.read = read_last, .first_bus = 0, .last_bus = 5};
    struct pci_function f;
    u32 at = 0, count = 0;
    for (; coverage_next(&last, &at, &f); at++) {
        count++;
    }
    assert_int_equal(count, 2);
    assert_true(f.bus == 5 && f.device == 31 && f.function == 7);
}

static void scopes_that_reach_nothing(void **state)
{
    (void)state;
    begin();
    add_unit(false, 0);
    SCOPE(VTD_SCOPE_IOAPIC, 0, {2, 0});
    SCOPE(VTD_SCOPE_HPET, 0, {2, 0});
    SCOPE(VTD_SCOPE_BRIDGE, 0, {2, 0}, {0, 0});
    SCOPE(VTD_SCOPE_BRIDGE, 0, {9, 0});
    SCOPE(0x77, 0, {2, 0});
    check_uncovered(0, 2, 0);
}

/* The same tree, where 03:00.0 may have 16 VFs: behind another capability, in a list that closes on itself, or none. */
static u32 first_header, second_header;

static u32 read_extended(void *ctx, struct pci_function f, u32 offset)
{
    if (offset < 0x100) {
        return read(ctx, f, offset);
    }
    if (f.bus != 3) {
        return 0;
    }
    return offset == 0x100 ? first_header : offset == 0x140 ? second_header : offset == 0x14c ? 16u << 16 | 4 : 0;
}

static void functions_and_what_they_may_add(void **state)
{
    (void)state;
    struct pci_config c = {.read = read_extended, .last_bus = 0xff};
    first_header = 0x14010001;             /* error reporting, next at 140h */
    second_header = 0x00010010;            /* SR-IOV */
    assert_int_equal(coverage_functions(&config, NULL, NULL), ARRAY_LEN(tree));
    assert_int_equal(coverage_functions(&c, NULL, NULL), ARRAY_LEN(tree));
    c.extended = true;
    assert_int_equal(coverage_functions(&c, NULL, NULL), ARRAY_LEN(tree) + 16);
    second_header = 0x10010002;            /* back to the first */
    assert_int_equal(coverage_functions(&c, NULL, NULL), ARRAY_LEN(tree));
    first_header = ~0u;
    assert_int_equal(coverage_functions(&c, NULL, NULL), ARRAY_LEN(tree));
    c.first_bus = 1;
    c.last_bus = 2;
    assert_int_equal(coverage_functions(&c, NULL, NULL), 2);
}

static u32 read_nothing(void *reads, struct pci_function f, u32 offset)
{
    (void)f;
    (void)offset;
    ++*(u32 *)reads;
    return 0xffffffff;
}

/* In a virtual machine a read of a device that is not there is an exit to user space, and there are thousands. */
static void each_absent_device_is_asked_once(void **state)
{
    (void)state;
    u32 reads = 0;
    struct pci_function uncovered;
    const struct pci_config c = {.read = read_nothing, .ctx = &reads, .last_bus = 0xff};
    begin();
    assert_int_equal(coverage_functions(&c, NULL, NULL), 0);
    assert_int_equal(reads, 256 * 32);
    assert_true(coverage_complete(&dmar, &c, &uncovered));
    assert_int_equal(reads, 2 * 256 * 32);
}

/* 02:05.0 and 03:00.0 are in no scope. Their command register: what it reads, and which bits of it can be written. */
static struct { u32 now, writable, writes; } command[2];

static u32 *command_of(struct pci_function f)
{
    return f.bus < 2 ? NULL : &command[f.bus - 2].now;
}

static u32 read_command(void *ctx, struct pci_function f, u32 offset)
{
    return offset == 4 && command_of(f) != NULL ? *command_of(f) | 0x02900000 : read(ctx, f, offset);
}

static void write_command(void *ctx, struct pci_function f, u32 offset, u32 value)
{
    (void)ctx;
    assert_int_equal(offset, 4);
    assert_non_null(command_of(f));
    assert_int_equal(value >> 16, 0);   /* the status, which ones clear */
    command[f.bus - 2].writes++;
    u32 writable = command[f.bus - 2].writable;
    command[f.bus - 2].now = (value & writable) | (command[f.bus - 2].now & ~writable);
}

static void what_cannot_do_dma(void **state)
{
    (void)state;
    struct pci_config c = {.read = read_command, .write = write_command, .last_bus = 0xff};
    struct pci_function f;
    begin();
    add_unit(false, 0);
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {2, 0});
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1c, 0});
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1f, 0});
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1f, 2});
    SCOPE(VTD_SCOPE_ENDPOINT, 0, {0x1c, 0}, {0, 0});
    command[0].now = 3, command[0].writable = 3, command[0].writes = 0;
    command[1].now = 2, command[1].writable = 0, command[1].writes = 0;
    assert_true(coverage_complete(&dmar, &c, &f));
    assert_int_equal(command[0].now, 3);
    assert_int_equal(command[0].writes, 2);
    command[1].writable = 7;
    assert_false(coverage_complete(&dmar, &c, &f));
    assert_int_equal(f.bus, 3);
    assert_int_equal(command[1].now, 2);
    /* A master already: nothing is tried out. */
    command[0].now = 7, command[0].writes = 0;
    assert_false(coverage_complete(&dmar, &c, &f));
    assert_int_equal(f.bus, 2);
    assert_int_equal(command[0].writes, 0);
    c.write = NULL;
    command[0].now = 3;
    assert_false(coverage_complete(&dmar, &c, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_unit_for_all),
        cmocka_unit_test(everything_by_name),
        cmocka_unit_test(paths_follow_bridges),
        cmocka_unit_test(what_a_scope_names),
        cmocka_unit_test(the_last_function),
        cmocka_unit_test(scopes_that_reach_nothing),
        cmocka_unit_test(what_cannot_do_dma),
        cmocka_unit_test(functions_and_what_they_may_add),
        cmocka_unit_test(each_absent_device_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
