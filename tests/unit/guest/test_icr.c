/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt command register: what is INIT or SIPI, and whom each form of destination means. */
#include "hv/guest/icr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define FLAT 0xffffffffu
#define CLUSTER 0x0fffffffu

/* SDM figures 12-12 and 12-28, written by hand. */
static void decodes_both_modes(void **state)
{
    (void)state;
    struct icr i = icr_decode(0x0300000000004608ull | 7ull << 56, false);
    assert_int_equal(i.mode, ICR_STARTUP);
    assert_int_equal(i.vector, 8);
    assert_int_equal(i.destination, 7);
    assert_int_equal(i.shorthand, ICR_TO_DESTINATION);
    assert_false(i.logical || i.x2apic);
    i = icr_decode(0x12345678000c0df1ull, true);
    assert_int_equal(i.mode, ICR_INIT);
    assert_int_equal(i.vector, 0xf1);
    assert_int_equal(i.destination, 0x12345678);
    assert_int_equal(i.shorthand, ICR_TO_OTHERS);
    assert_true(i.logical && i.x2apic);
}

/* Each mode with each trigger mode and level. */
static void tells_startup_from_all_else(void **state)
{
    static const u32 levels[] = {0, 1 << 14, 1 << 15, 1 << 15 | 1 << 14};
    (void)state;
    for (u32 mode = 0; mode < 8; mode++) {
        for (u32 n = 0; n < ARRAY_LEN(levels); n++) {
            const struct icr i = icr_decode(mode << 8 | levels[n], false);
            bool ends = mode == 5 && levels[n] == 1 << 15;
            assert_int_equal(icr_is_startup(&i), (mode == 5 || mode == 6) && !ends);
        }
    }
}

/* Which of eight CPUs of two clusters are meant, as a mask. The sender is CPU 2. */
static u32 meant(u64 command, bool x2apic, u32 format)
{
    const struct icr i = icr_decode(command, x2apic);
    u32 mask = 0;
    for (u32 n = 0; n < 8; n++) {
        struct icr_cpu cpu = {.id = n < 4 ? n : 0x10 + n, .format = format, .sends = n == 2};
        cpu.logical = (format == FLAT ? 1u << n : n / 4 << 4 | 1u << n % 4) << 24;
        mask |= (icr_reaches(&i, &cpu) ? 1u : 0) << n;
    }
    return mask;
}

static void shorthands(void **state)
{
    static const u32 masks[] = {0x02, 0x04, 0xff, 0xfb};
    (void)state;
    for (u32 n = 0; n < 4; n++) {
        assert_int_equal(meant(1ull << 56 | n << 18, false, FLAT), masks[n]);
        assert_int_equal(meant(1ull << 32 | n << 18, true, FLAT), masks[n]);
    }
}

static void physical(void **state)
{
    (void)state;
    assert_int_equal(meant(3ull << 56, false, FLAT), 0x08);
    assert_int_equal(meant(0x16ull << 56, false, FLAT), 0x40);
    assert_int_equal(meant(0x55ull << 56, false, FLAT), 0);
    assert_int_equal(meant(0xffull << 56, false, FLAT), 0xff);
    assert_int_equal(meant(0x16ull << 32, true, FLAT), 0x40);
    assert_int_equal(meant(0x116ull << 32, true, FLAT), 0);
    assert_int_equal(meant(0xffull << 32, true, FLAT), 0);
    assert_int_equal(meant(0xffffffffull << 32, true, FLAT), 0xff);
}

static void logical(void **state)
{
    const u64 bit = 1 << 11;
    (void)state;
    assert_int_equal(meant(bit | 0x81ull << 56, false, FLAT), 0x81);
    assert_int_equal(meant(bit, false, FLAT), 0);
    assert_int_equal(meant(bit | 0x05ull << 56, false, CLUSTER), 0x05);
    assert_int_equal(meant(bit | 0x1aull << 56, false, CLUSTER), 0xa0);
    assert_int_equal(meant(bit | 0xf2ull << 56, false, CLUSTER), 0x22);
    assert_int_equal(meant(bit | 0xffull << 56, false, CLUSTER), 0xff);
    assert_int_equal(meant(bit | 0x0000000aull << 32, true, FLAT), 0x0a);
    assert_int_equal(meant(bit | 0x000100f0ull << 32, true, FLAT), 0xf0);
    assert_int_equal(meant(bit | 0x0001000full << 32, true, FLAT), 0);
    assert_int_equal(meant(bit | 0xffffffffull << 32, true, FLAT), 0xff);
}

static void only_own_kinds_are_allowed(void **state)
{
    (void)state;
    for (u32 mode = 0; mode < 8; mode++) {
        for (u32 vector = 0; vector < 256; vector++) {
            const struct icr i = icr_decode(mode << 8 | vector, true);
            bool startup = mode == 4 || mode == 5 || mode == 6;
            assert_int_equal(icr_is_allowed(&i), startup);
            assert_int_equal(icr_is_interrupt(mode << 8 | vector), mode < 2 && vector >= 32);
        }
    }
}

/* Of ids 0, 1, 12h, 1Fh and 3Ah, which the partition has: cluster and bits of each step, as text. */
static const char *members(u64 command, u32 self)
{
    static u16 clusters[8] = {3, 0x8004, 0, 0x400};
    static char text[64];
    const struct icr_cpus cpus = {clusters, 4};
    size_t used = 0;
    text[0] = 0;
    for (u32 c = 0; c < cpus.end; c++) {
        u32 found = icr_members(command, &cpus, self, c);
        used += found == 0 ? 0 : (size_t)snprintf(text + used, sizeof(text) - used, "%x:%x ", c, found);
    }
    return text;
}

#define TO(destination, low) ((u64)(destination) << 32 | (low))

static void nobody_else_is_reached(void **state)
{
    enum { LOGICAL = 1 << 11, SELF = 1 << 18, ALL = 2 << 18, OTHERS = 3 << 18 };
    static const struct { u64 command; u32 self; const char *wanted; } cases[] = {
        {TO(0, 0x40), 1, "0:1 "}, {TO(1, 0x40), 1, "0:2 "}, {TO(2, 0x40), 1, ""}, {TO(0x1f, 0x40), 0, "1:8000 "},
        {TO(0x1e, 0x40), 0, ""}, {TO(0x3a, 0x40), 0, "3:400 "}, {TO(0x4a, 0x40), 0, ""}, {TO(0x103a, 0x40), 0, ""},
        {TO(0xfffffffe, 0x40), 0, ""}, {TO(0xff, 0x40), 0, ""},
        {TO(0xffffffff, 0x40), 0, "0:3 1:8004 3:400 "}, {TO(0xffffffff, 0x40 | LOGICAL), 0, "0:3 1:8004 3:400 "},
        {TO(0x0000ffff, 0x40 | LOGICAL), 0, "0:3 "}, {TO(0x0001ffff, 0x40 | LOGICAL), 0, "1:8004 "},
        {TO(0x00010004, 0x40 | LOGICAL), 0, "1:4 "}, {TO(0x00017ff3, 0x40 | LOGICAL), 0, ""},
        {TO(0x0002ffff, 0x40 | LOGICAL), 0, ""}, {TO(0xfffeffff, 0x40 | LOGICAL), 0, ""},
        {TO(0x00040001, 0x40 | LOGICAL), 0, ""},
        {TO(0x12, 0x40 | SELF), 0x1f, "1:8000 "}, {TO(0x02, 0x40 | ALL), 0x1f, "0:3 1:8004 3:400 "},
        {TO(0x02, 0x40 | OTHERS), 0x1f, "0:3 1:4 3:400 "}, {TO(0x02, 0x40 | OTHERS), 0x3a, "0:3 1:8004 "},
        {TO(0x02, 0x40 | OTHERS | LOGICAL), 0, "0:2 1:8004 3:400 "},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(members(cases[i].command, cases[i].self), cases[i].wanted);
    }
}

/* What is plain the long way allows, and sends to all that it names. */
static void plain_commands_need_no_change(void **state)
{
    enum { LOGICAL = 1 << 11 };
    static u16 clusters[8] = {3, 0x8004, 0, 0x400};
    const struct icr_cpus cpus = {clusters, 4};
    u32 plain = 0;
    (void)state;
    for (u32 low = 0; low < 1u << 20; low++) {
        for (u64 id = 0; id < 0x50; id += 0x11) {
            u64 command = id << 32 | low;
            if (!icr_is_plain(command, &cpus)) {
                continue;
            }
            bool logical = (low & LOGICAL) != 0;
            u32 members = icr_members(command, &cpus, 0, logical ? 0 : (u32)id >> 4);
            assert_true(icr_is_interrupt(command) && icr_decode(command, true).mode == ICR_FIXED);
            assert_int_equal(members, logical ? id : 1u << (id & 15));
            plain++;
        }
    }
    /* Id 0, and nobody's logical id in cluster 0, with each vector, asserted or not: 11h and so on are not its. */
    assert_int_equal(plain, 2 * 2 * 224);
    assert_true(icr_is_plain(TO(0x3a, 0x40ff), &cpus) && icr_is_plain(TO(0x12, 0x20), &cpus));
    assert_true(icr_is_plain(TO(3, 0x40ff | LOGICAL), &cpus) && icr_is_plain(TO(0x18000, 0x20 | LOGICAL), &cpus));
    assert_false(icr_is_plain(TO(0xffffffff, 0x4041), &cpus) || icr_is_plain(TO(0x40, 0x4041), &cpus));
    assert_false(icr_is_plain(TO(0xffffffff, 0x4041 | LOGICAL), &cpus) || icr_is_plain(TO(7, 0x41 | LOGICAL), &cpus));
    assert_false(icr_is_plain(TO(0x40001, 0x41 | LOGICAL), &cpus) || icr_is_plain(TO(0x20001, 0x41 | LOGICAL), &cpus));
    assert_false(icr_is_plain(TO(0x100000000ull - 0x10, 0x4041), &cpus) || icr_is_plain(TO(1, 0x1f), &cpus));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_both_modes),
        cmocka_unit_test(tells_startup_from_all_else),
        cmocka_unit_test(shorthands),
        cmocka_unit_test(physical),
        cmocka_unit_test(logical),
        cmocka_unit_test(only_own_kinds_are_allowed),
        cmocka_unit_test(nobody_else_is_reached),
        cmocka_unit_test(plain_commands_need_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
