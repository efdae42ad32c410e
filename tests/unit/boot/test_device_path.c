/* SPDX-License-Identifier: BSD-2-Clause */
/* Device paths and boot options as NVRAM may hold them, right and wrong. */
#include "boot/device_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define END 0x7f, 0xff, 4, 0
/* PciRoot(0)/Pci(1f,2)/Sata(0) */
#define DISK 2, 1, 12, 0, 0xd0, 0x41, 3, 10, 0, 0, 0, 0, 1, 1, 6, 0, 2, 0x1f, 3, 18, 10, 0, 0, 0, \
    0xff, 0xff, 0, 0
#define HD(number, guid0, type) 4, 1, 42, 0, number, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, \
    0, 0, 0, guid0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 2, type
#define FILE_A 4, 4, 10, 0, '\\', 0, 'a', 0, 0, 0
#define FILE_UPPER_A 4, 4, 10, 0, '\\', 0, 'A', 0, 0, 0
#define FILE_B 4, 4, 10, 0, '\\', 0, 'b', 0, 0, 0

static const u8 disk[] = {DISK, END};
static const u8 partition[] = {DISK, HD(1, 0xaa, 2), END};
static const u8 file_a[] = {DISK, HD(1, 0xaa, 2), FILE_A, END};
static const u8 file_upper_a[] = {DISK, HD(1, 0xaa, 2), FILE_UPPER_A, END};
static const u8 file_b[] = {DISK, HD(1, 0xaa, 2), FILE_B, END};
static const u8 short_form[] = {HD(1, 0xaa, 2), FILE_A, END};

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(path_size(file_a, sizeof(file_a)), sizeof(file_a));
    assert_int_equal(path_body(file_a, sizeof(file_a)), sizeof(file_a) - 4);
    assert_int_equal(path_size(file_a, sizeof(file_a) + 10), sizeof(file_a));
    for (size_t size = 0; size < sizeof(file_a); size++) {
        assert_int_equal(path_size(file_a, size), 0);
    }
    static const u8 two[] = {FILE_A, 0x7f, 1, 4, 0, FILE_B, END};
    assert_int_equal(path_size(two, sizeof(two)), 14);
    static const u8 zero_node[] = {4, 4, 0, 0, END};
    assert_int_equal(path_size(zero_node, sizeof(zero_node)), 0);
    static const u8 long_node[] = {4, 4, 200, 0, END};
    assert_int_equal(path_size(long_node, sizeof(long_node)), 0);
}

static void comparing(void **state)
{
    (void)state;
    assert_true(path_equal(file_a, file_a));
    assert_true(path_equal(file_a, file_upper_a));
    assert_false(path_equal(file_a, file_b));
    assert_false(path_equal(file_a, partition));
    assert_true(path_starts_with(file_a, partition));
    assert_true(path_starts_with(partition, disk));
    assert_false(path_starts_with(disk, partition));
    assert_false(path_starts_with(short_form, disk));
}

static void partitions(void **state)
{
    (void)state;
    static const u8 same[] = {HD(2, 0xaa, 2)};
    static const u8 other[] = {HD(1, 0xab, 2)};
    static const u8 mbr1[] = {HD(1, 0xaa, 1)};
    static const u8 mbr2[] = {HD(2, 0xaa, 1)};
    static const u8 none[] = {HD(1, 0xaa, 0)};
    const u8 *drive = path_hard_drive(file_a);
    assert_ptr_equal(drive, file_a + 28);
    assert_null(path_hard_drive(disk));
    assert_true(path_is_hard_drive(short_form));
    assert_false(path_is_hard_drive(disk));
    assert_true(path_same_partition(drive, short_form));
    assert_true(path_same_partition(drive, same));
    assert_false(path_same_partition(drive, other));
    assert_false(path_same_partition(drive, mbr1));
    assert_true(path_same_partition(mbr1, mbr1));
    assert_false(path_same_partition(mbr1, mbr2));
    assert_false(path_same_partition(none, none));
    /* A node too short for a signature is not a hard drive. */
    static const u8 stub[] = {4, 1, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                              END};
    assert_null(path_hard_drive(stub));
}

static void writing_a_file(void **state)
{
    (void)state;
    u8 to[64];
    static const u8 expected[] = {FILE_A, END};
    assert_int_equal(path_put_file(to, sizeof(to), "\\a"), sizeof(expected));
    assert_memory_equal(to, expected, sizeof(expected));
    assert_int_equal(path_put_file(to, sizeof(to), "/a"), sizeof(expected));
    assert_memory_equal(to, expected, sizeof(expected));
    assert_int_equal(path_put_file(to, sizeof(expected), "\\a"), sizeof(expected));
    assert_int_equal(path_put_file(to, sizeof(expected) - 1, "\\a"), 0);
}

static const u8 option_bytes[] = {1, 0, 0, 0, sizeof(short_form), 0, 'D', 0, 'e', 0, 0, 0,
                                  HD(1, 0xaa, 2), FILE_A, END, 'q', 0, 0, 0};

static void options(void **state)
{
    (void)state;
    struct load_option option;
    assert_true(load_option_parse(option_bytes, sizeof(option_bytes), &option));
    assert_true(option.active && !option.application);
    assert_int_equal(option.description[0], 'D');
    assert_int_equal(option.path_size, sizeof(short_form));
    assert_memory_equal(option.path, short_form, sizeof(short_form));
    assert_int_equal(option.data_size, 4);
    assert_int_equal(option.data[0], 'q');

    u8 changed[sizeof(option_bytes)];
    memcpy(changed, option_bytes, sizeof(changed));
    changed[0] = 0;
    changed[1] = 1;
    assert_true(load_option_parse(changed, sizeof(changed), &option));
    assert_true(!option.active && option.application);
}

static void options_cut_or_mutated(void **state)
{
    (void)state;
    struct load_option option;
    size_t whole = sizeof(option_bytes) - 4;
    for (size_t size = 0; size < sizeof(option_bytes); size++) {
        u8 *exact = malloc(size != 0 ? size : 1);
        memcpy(exact, option_bytes, size);
        assert_int_equal(load_option_parse(exact, size, &option), size >= whole);
        free(exact);
    }
    for (size_t at = 0; at < sizeof(option_bytes); at++) {
        for (u32 value = 0; value < 256; value++) {
            u8 *exact = malloc(sizeof(option_bytes));
            memcpy(exact, option_bytes, sizeof(option_bytes));
            exact[at] = (u8)value;
            if (load_option_parse(exact, sizeof(option_bytes), &option)) {
                assert_int_equal(path_size(option.path, option.path_size), option.path_size);
                (void)path_hard_drive(option.path);
                (void)path_equal(option.path, short_form);
                assert_true(option.data + option.data_size == exact + sizeof(option_bytes));
            }
            free(exact);
        }
    }
}

static void order(void **state)
{
    (void)state;
    static const u16 list[] = {3, 1, 4};
    assert_int_equal(boot_order_next(list, 3, 3), 1);
    assert_int_equal(boot_order_next(list, 3, 1), 4);
    assert_int_equal(boot_order_next(list, 3, 4), -1);
    assert_int_equal(boot_order_next(list, 3, 0xffff), 3);
    assert_int_equal(boot_order_next(list, 0, 3), -1);
}

/* Everything that is tried, in order, if none of it can be started. */
static void check_order(const u16 *list, size_t count, u16 current, const char *expected)
{
    char tried[64] = "";
    for (int at = boot_order_next(list, count, current); at != -1; at = boot_order_next(list, count, (u16)at)) {
        size_t used = strlen(tried);
        assert_true(used + 8 < sizeof(tried));
        snprintf(tried + used, sizeof(tried) - used, "%d ", at);
    }
    assert_string_equal(tried, expected);
}

#define CHECK_ORDER(current, expected, ...)                                            \
    check_order((const u16[]){__VA_ARGS__}, sizeof((const u16[]){__VA_ARGS__}) / 2, current, expected)

static void order_with_repetitions(void **state)
{
    (void)state;
    CHECK_ORDER(0, "1 2 ", 0, 1, 0, 2);
    CHECK_ORDER(3, "0 1 ", 3, 0, 3, 1);
    CHECK_ORDER(0, "2 ", 1, 0, 1, 2);
    CHECK_ORDER(0, "1 2 ", 0, 0, 1, 1, 0, 2, 2);
    CHECK_ORDER(9, "0 1 2 ", 0, 1, 0, 1, 2);
    CHECK_ORDER(0, "", 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(comparing),
        cmocka_unit_test(partitions),
        cmocka_unit_test(writing_a_file),
        cmocka_unit_test(options),
        cmocka_unit_test(options_cut_or_mutated),
        cmocka_unit_test(order),
        cmocka_unit_test(order_with_repetitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
