/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest page tables in every paging mode, every right, and what a walker must not do. */
#include "hv/guest/walk.h"
#include "tests/support/checked_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { MEMORY = 64 << 10 };
#define PG 0x80010001ull       /* PG, WP, PE */
#define PAE (1ull << 5)
#define PSE (1ull << 4)
#define LA57 (1ull << 12)
#define SMEP (1ull << 20)
#define SMAP (1ull << 21)
#define LONG 0x500ull          /* LME, LMA */
#define NXE 0x800ull
#define NX (1ull << 63)

static _Alignas(PAGE_SIZE) u8 memory[MEMORY];
static u32 reads[MEMORY / 4];   /* how often each word was looked for */

static const volatile void *find_memory(void *ctx, gpa_t gpa, size_t len)
{
    (void)ctx;
    if (gpa.v >= MEMORY || len > MEMORY - gpa.v) {
        return NULL;
    }
    reads[gpa.v / 4]++;
    return memory + gpa.v;
}

static const struct guest_memory guest = {.find = find_memory};

static void put(u64 at, u64 value, size_t size)
{
    memcpy(memory + at, &value, size);
}

static void start(void)
{
    memset(memory, 0, sizeof(memory));
    memset(reads, 0, sizeof(reads));
}

static struct guest_paging four_levels(void)
{
    return (struct guest_paging){.cr0 = PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LONG | NXE,
                                 .physical_width = 46, .giant_pages = true};
}

/* One page through tables at 1000 to 4000; the upper entries allow all. */
#define LINEAR 0x8000401456ull
static void build(u64 leaf)
{
    start();
    put(0x1008, 0x2007, 8);
    put(0x2000, 0x3007, 8);
    put(0x3010, 0x4007, 8);
    put(0x4008, leaf, 8);
}

static enum guest_walk walk(const struct guest_paging *p, u64 linear, enum guest_access access,
                            u64 *gpa, u32 *error)
{
    gpa_t out = {~0ull};
    enum guest_walk result = guest_walk(p, linear, access, &guest, NULL, &out, error);
    *gpa = out.v;
    return result;
}

static void expect(const struct guest_paging *p, u64 linear, enum guest_access access, u64 wanted)
{
    u64 gpa;
    u32 error;
    assert_int_equal(walk(p, linear, access, &gpa, &error), GUEST_WALK_OK);
    assert_int_equal(gpa, wanted);
}

static void expect_fault(const struct guest_paging *p, u64 linear, enum guest_access access,
                         u32 wanted)
{
    u64 gpa;
    u32 error;
    assert_int_equal(walk(p, linear, access, &gpa, &error), GUEST_WALK_FAULT);
    assert_int_equal(error, wanted);
}

static void without_paging(void **state)
{
    struct guest_paging p = {.cr0 = 0, .physical_width = 36};
    (void)state;
    expect(&p, 0xffff0, GUEST_FETCH, 0xffff0);
    p.cr0 = 1;
    expect(&p, 0xfffffff0, GUEST_WRITE, 0xfffffff0);
    expect(&p, 0x1fffffff0, GUEST_READ, 0xfffffff0);
}

static void four_level_pages(void **state)
{
    struct guest_paging p = four_levels();
    (void)state;
    build(0x5007);
    expect(&p, LINEAR, GUEST_FETCH, 0x5456);
    /* Each entry was read once. */
    for (u32 at = 0; at < MEMORY; at += 4) {
        bool entry = at == 0x1008 || at == 0x2000 || at == 0x3010 || at == 0x4008;
        assert_int_equal(reads[at / 4], entry);
    }
    put(0x3010, 0x12345600083 & ~0x1ff000ull, 8);
    expect(&p, LINEAR, GUEST_READ, (0x12345600000 & ~0x1fffffull) | 0x1456);
    put(0x2000, 0x40000083, 8);
    expect(&p, LINEAR, GUEST_READ, 0x40401456);
    /* PCIDs and LAM bits in CR3 are no address. */
    p.cr3 |= 0x6000000000000fff;
    expect(&p, LINEAR, GUEST_READ, 0x40401456);
}

static void five_level_pages(void **state)
{
    struct guest_paging p = four_levels();
    (void)state;
    build(0x5007);
    put(0x6018, 0x1007, 8);
    p.cr3 = 0x6000;
    p.cr4 |= LA57;
    expect(&p, LINEAR | 3ull << 48, GUEST_FETCH, 0x5456);
    expect_fault(&p, LINEAR, GUEST_READ, 0);
    put(0x6018, 0x1087, 8);
    expect_fault(&p, LINEAR | 3ull << 48, GUEST_READ, 9);
}

static void pae_pages(void **state)
{
    struct guest_paging p = {.cr0 = PG, .cr4 = PAE, .efer = NXE, .physical_width = 40,
                             .pdpte = {0, 0, 0x1001, 0}};
    (void)state;
    start();
    put(0x1010, 0x2007, 8);
    put(0x2008, 0x3007, 8);
    expect(&p, 0x80401456, GUEST_FETCH, 0x3456);
    expect_fault(&p, 0x401456, GUEST_READ, 0);
    put(0x1010, 0xe00083 | 1ull << 39, 8);
    expect(&p, 0x80401456, GUEST_WRITE, 0x8000e01456);
    put(0x1010, 0xe00083 | 1ull << 40, 8);
    expect_fault(&p, 0x80401456, GUEST_WRITE, 11);
    /* Ignored with four levels, reserved here. */
    put(0x1010, 0xe00083 | 1ull << 52, 8);
    expect_fault(&p, 0x80401456, GUEST_READ, 9);
    put(0x1010, 0xe00083 | NX, 8);
    expect_fault(&p, 0x80401456, GUEST_FETCH, 17);
}

static void narrow_pages(void **state)
{
    struct guest_paging p = {.cr0 = PG, .cr3 = 0x1018, .cr4 = PSE, .physical_width = 40};
    (void)state;
    start();
    put(0x1804, 0x2007, 4);
    put(0x1808, 0xffffffff, 4);
    put(0x2004, 0x80003007, 4);
    expect(&p, 0x80401456, GUEST_FETCH, 0x80003456);
    put(0x1804, 0x800083 | 0x5 << 13, 4);
    expect(&p, 0x80401456, GUEST_READ, 0x500801456);
    put(0x1804, 0x800083 | 1 << 21, 4);
    expect_fault(&p, 0x80401456, GUEST_READ, 9);
    /* The bits that PSE-36 adds end with the physical width. */
    p.physical_width = 36;
    put(0x1804, 0x800083 | 0x8 << 13, 4);
    expect(&p, 0x80401456, GUEST_READ, 0x800801456);
    put(0x1804, 0x800083 | 0x10 << 13, 4);
    expect_fault(&p, 0x80401456, GUEST_READ, 9);
    /* Without PSE that bit says nothing. */
    p.cr4 = 0;
    put(0x1804, 0x2087, 4);
    expect(&p, 0x80401456, GUEST_READ, 0x80003456);
}

static void rights(void **state)
{
    enum { R = 1, RW = 3, U = 5, URW = 7 };
    static const struct {
        u64 leaf, upper, cr4;
        bool user, wp, ac;
        enum guest_access access;
        int error;             /* -1: allowed */
    } cases[] = {
        {R, URW, 0, false, true, false, GUEST_READ, -1},
        {R, URW, 0, false, true, false, GUEST_FETCH, -1},
        {R, URW, 0, false, true, false, GUEST_WRITE, 3},
        {R, URW, 0, false, false, false, GUEST_WRITE, -1},
        {RW, URW, 0, false, true, false, GUEST_WRITE, -1},
        {RW, URW, 0, true, true, false, GUEST_READ, 5},
        {RW, URW, 0, true, true, false, GUEST_FETCH, 21},
        {U, URW, 0, true, true, false, GUEST_READ, -1},
        {U, URW, 0, true, true, false, GUEST_FETCH, -1},
        {U, URW, 0, true, false, false, GUEST_WRITE, 7},
        {URW, RW, 0, true, true, false, GUEST_READ, 5},
        {URW, U, 0, true, true, false, GUEST_WRITE, 7},
        {URW, URW, SMEP, false, true, false, GUEST_FETCH, 17},
        {URW, URW, SMEP, true, true, false, GUEST_FETCH, -1},
        {URW, RW, SMEP, false, true, false, GUEST_FETCH, -1},
        {URW, URW, SMAP, false, true, false, GUEST_READ, 1},
        {URW, URW, SMAP, false, true, true, GUEST_READ, -1},
        {URW, URW, SMAP, false, true, false, GUEST_FETCH, -1},
        {URW, URW, SMAP, true, true, false, GUEST_READ, -1},
        {URW | NX, URW, 0, true, true, false, GUEST_FETCH, 21},
        {URW | NX, URW, 0, true, true, false, GUEST_READ, -1},
        {URW, URW | NX, 0, true, true, false, GUEST_FETCH, 21},
    };
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct guest_paging p = four_levels();
        u64 gpa;
        u32 error;
        build(0x5000 | cases[i].leaf);
        put(0x2000, 0x3000 | cases[i].upper, 8);
        p.cr4 |= cases[i].cr4;
        p.user = cases[i].user;
        p.cr0 &= cases[i].wp ? ~0ull : ~0x10000ull;
        p.rflags = cases[i].ac ? 1 << 18 : 0;
        enum guest_walk result = walk(&p, LINEAR, cases[i].access, &gpa, &error);
        if (result != (cases[i].error < 0 ? GUEST_WALK_OK : GUEST_WALK_FAULT) ||
            (cases[i].error >= 0 && error != (u32)cases[i].error)) {
            fail_msg("case %u: result %d, error %u", i, result, error);
        }
    }
}

static void reserved_bits_of_long_mode(void **state)
{
    struct guest_paging p = four_levels();
    (void)state;
    build(0x5007 | 1ull << 46);
    expect_fault(&p, LINEAR, GUEST_READ, 9);
    build(0x5007 | 0x7ffull << 52);
    expect(&p, LINEAR, GUEST_READ, 0x5456);
    build(0x5007 | NX);
    p.efer = LONG;
    expect_fault(&p, LINEAR, GUEST_FETCH, 9);
    p = four_levels();
    build(0x5007);
    put(0x1008, 0x2087, 8);
    expect_fault(&p, LINEAR, GUEST_WRITE, 11);
    build(0x5007);
    put(0x2000, 0x40002083, 8);
    expect_fault(&p, LINEAR, GUEST_READ, 9);
    put(0x2000, 0x40000083, 8);
    p.giant_pages = false;
    expect_fault(&p, LINEAR, GUEST_READ, 9);
    /* Not present comes before reserved. */
    put(0x2000, ~1ull, 8);
    expect_fault(&p, LINEAR, GUEST_READ, 0);
}

static void tables_outside_memory(void **state)
{
    struct guest_paging p = four_levels();
    u64 gpa;
    u32 error;
    (void)state;
    build(0x5007);
    put(0x3010, 0x3ffffffff007, 8);
    assert_int_equal(walk(&p, LINEAR, GUEST_READ, &gpa, &error), GUEST_WALK_NO_MEMORY);
    p.cr3 = MEMORY;
    assert_int_equal(walk(&p, LINEAR, GUEST_READ, &gpa, &error), GUEST_WALK_NO_MEMORY);
}

static void fetch_across_pages(void **state)
{
    struct guest_paging p = four_levels();
    struct guest_walk_trail trail;
    u8 code[15];
    u64 end = (LINEAR & ~0xfffull) + 0x1000;
    (void)state;
    build(0x5007);
    for (u32 i = 0; i < 16; i++) {
        memory[0x5ff0 + i] = (u8)i;
        memory[0x7000 + i] = (u8)(16 + i);
    }
    assert_int_equal(guest_walk_fetch(&p, end - 15, code, 15, &guest, &trail), 15);
    assert_int_equal(guest_walk_fetch(&p, end - 4, code, 15, &guest, &trail), 4);
    put(0x4010, 0x7007, 8);
    assert_int_equal(guest_walk_fetch(&p, end - 4, code, 15, &guest, &trail), 15);
    for (u32 i = 0; i < 15; i++) {
        assert_int_equal(code[i], 12 + i);
    }
    put(0x4010, 0x7007 | NX, 8);
    assert_int_equal(guest_walk_fetch(&p, end - 4, code, 15, &guest, &trail), 4);
    put(0x4010, 0x3fffffff007, 8);
    assert_int_equal(guest_walk_fetch(&p, end - 4, code, 15, &guest, &trail), 4);
}

/* Any change of what the fetch relied on ends the trail; a change elsewhere does not. */
static void a_trail_holds_while_nothing_changed(void **state)
{
    static const u64 looked_at[] = {0x1008, 0x2000, 0x3010, 0x4008, 0x5456, 0x5464};
    struct guest_paging p = four_levels();
    struct guest_walk_trail trail;
    u8 code[15];
    (void)state;
    build(0x5007);
    assert_int_equal(guest_walk_fetch(&p, LINEAR, code, 15, &guest, &trail), 15);
    assert_int_equal(trail.count, 6);
    assert_true(guest_walk_trail_holds(&trail));
    for (u32 i = 0; i < ARRAY_LEN(looked_at); i++) {
        memory[looked_at[i]] ^= 0x20;
        assert_false(guest_walk_trail_holds(&trail));
        memory[looked_at[i]] ^= 0x20;
    }
    memory[0x5465] ^= 1;
    memory[0x4010] ^= 1;
    assert_true(guest_walk_trail_holds(&trail));
    /* A fetch over two pages, and one that ended early, leave no trail. */
    put(0x4010, 0x7007, 8);
    assert_int_equal(guest_walk_fetch(&p, (LINEAR & ~0xfffull) + 0xff8, code, 15, &guest, &trail), 15);
    assert_false(guest_walk_trail_holds(&trail));
    put(0x4010, 0, 8);
    assert_int_equal(guest_walk_fetch(&p, (LINEAR & ~0xfffull) + 0xff8, code, 15, &guest, &trail), 8);
    assert_false(guest_walk_trail_holds(&trail));
    /* Five levels fit. */
    put(0x6018, 0x1007, 8);
    p.cr3 = 0x6000;
    p.cr4 |= LA57;
    assert_int_equal(guest_walk_fetch(&p, LINEAR | 3ull << 48, code, 15, &guest, &trail), 15);
    assert_int_equal(trail.count, 7);
    assert_true(guest_walk_trail_holds(&trail));
    memory[0x6018] ^= 0x20;
    assert_false(guest_walk_trail_holds(&trail));
}

/* A machine check at a load: the walk ends as where there is no memory, at every level; the load is not repeated. */
static void broken_tables(void **state)
{
    static const u32 entries[] = {0x1008, 0x2000, 0x3010, 0x4008};
    const struct guest_paging p = four_levels();
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(entries); i++) {
        gpa_t gpa;
        u32 error;
        u32 before = checked_host_failures();
        build(0x5003);
        checked_host_break(memory + entries[i] + 3);
        assert_int_equal(guest_walk(&p, LINEAR, GUEST_READ, &guest, NULL, &gpa, &error), GUEST_WALK_NO_MEMORY);
        assert_int_equal(checked_host_failures(), before + 1);
        checked_host_break(NULL);
        assert_int_equal(guest_walk(&p, LINEAR, GUEST_READ, &guest, NULL, &gpa, &error), GUEST_WALK_OK);
    }
}

/* The same for code, for what is remembered of it, and for an operand. */
static void broken_code(void **state)
{
    const struct guest_paging p = four_levels();
    struct guest_walk_trail trail;
    u8 code[15];
    (void)state;
    build(0x5003);
    assert_int_equal(guest_walk_fetch(&p, LINEAR, code, sizeof(code), &guest, &trail), sizeof(code));
    assert_true(guest_walk_trail_holds(&trail));
    checked_host_break(memory + 0x5456 + 14);
    assert_false(guest_walk_trail_holds(&trail));
    assert_int_equal(guest_walk_fetch(&p, LINEAR, code, sizeof(code), &guest, &trail), 0);
    assert_false(guest_walk_read(&guest, (gpa_t){0x5460}, code, 8));
    assert_true(guest_walk_read(&guest, (gpa_t){0x5470}, code, 8));
    checked_host_break(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_paging),
        cmocka_unit_test(four_level_pages),
        cmocka_unit_test(five_level_pages),
        cmocka_unit_test(pae_pages),
        cmocka_unit_test(narrow_pages),
        cmocka_unit_test(rights),
        cmocka_unit_test(reserved_bits_of_long_mode),
        cmocka_unit_test(tables_outside_memory),
        cmocka_unit_test(fetch_across_pages),
        cmocka_unit_test(a_trail_holds_while_nothing_changed),
        cmocka_unit_test(broken_tables),
        cmocka_unit_test(broken_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
