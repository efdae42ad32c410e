/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: every shape by hand, then random changes against an array that holds what each page
 * should be, for one root and for diverging roots. The second root is checked entry by entry: never
 * a read-only leaf, and no second copy of a table that could be shared.
 */
#include "iommu/ptab/ptab.h"

#include "iommu/domain/domain.h"
#include "iommu/ptab/second_stage.h"
#include "support/hosted.h"
#include "support/pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define K4 (1ull << 12)
#define M2 (1ull << 21)
#define G1 (1ull << 30)
#define SIZES (K4 | M2 | G1)
#define RW second_stage_bits(PROT_READ | PROT_WRITE, MEM_WB)
#define RO second_stage_bits(PROT_READ, MEM_WB)
#define RWX second_stage_bits(PROT_READ | PROT_WRITE | PROT_EXEC, MEM_WB)

static struct ptab make(u32 levels, u64 sizes, bool diverge)
{
    struct ptab pt;
    hosted_reset();
    assert_int_equal(ptab_create(&pt, &second_stage_format, levels, sizes, true, diverge), OK);
    return pt;
}

static void end(struct ptab *pt)
{
    ptab_destroy(pt);
    assert_int_equal(hosted_pages_used(), 0);
}

static void map(struct ptab *pt, u64 addr, u64 out, u64 size, u64 bits)
{
    assert_int_equal(ptab_map(pt, addr, (hpa_t){out}, size, bits), OK);
}

static u64 unmap(struct ptab *pt, u64 addr, u64 size)
{
    u64 bytes;
    assert_int_equal(ptab_unmap(pt, addr, size, &bytes), OK);
    return bytes;
}

/* The leaf at addr, size 0 for a hole. */
static struct ptab_leaf leaf_at(const struct ptab *pt, hpa_t root, u64 addr)
{
    struct ptab_leaf leaf;
    if (!ptab_walk(pt, root, addr, &leaf)) {
        return (struct ptab_leaf){0};
    }
    return leaf;
}

/* --- invariants of both trees --- */

struct census { u32 tables; u64 read_only; };

static u64 *table_of(u64 entry)
{
    return port_hpa_to_ptr((hpa_t){entry & second_stage_format.address});
}

static bool points_to_table(u64 entry, u32 level)
{
    return level > 1 && entry != 0 && (entry & SECOND_STAGE_LARGE) == 0;
}

/* Bits 60:52, which hardware ignores: entries in use below, less one; in both trees those of the first. */
static u32 used_below(u64 entry)
{
    return (u32)(entry >> 52 & 0x1ff) + 1;
}

static u32 check_table(u64 first, u64 second, u32 level, bool root, struct census *census)
{
    const u64 *table = table_of(first);
    const u64 *twin = table_of(second);
    u32 used = 0;
    u64 read_only_before = census->read_only;
    census->tables += table == twin ? 1 : 2;
    for (u32 i = 0; i < PTAB_ENTRIES; i++) {
        if (points_to_table(table[i], level)) {
            assert_int_equal(table[i] & ~(second_stage_format.address | 0x1ffull << 52), SECOND_STAGE_PERMISSION);
            assert_int_equal((twin[i] ^ table[i]) & ~second_stage_format.address, 0);
            assert_true(points_to_table(twin[i], level));
            assert_int_equal(check_table(table[i], twin[i], level - 1, false, census), used_below(table[i]));
            used++;
        } else if (second_stage_is_read_only(table[i])) {
            if (second != first) {
                assert_true(table != twin);
                assert_int_equal(twin[i], 0);
            }
            census->read_only++;
            used++;
        } else {
            assert_int_equal(table[i], twin[i]);
            assert_int_equal(table[i] & (1ull << 11 | 1ull << 62), 0);
            used += table[i] != 0;
        }
    }
    assert_true(root || used != 0);
    /* A twin exists only over a read-only leaf. */
    assert_true(root || table == twin || census->read_only != read_only_before);
    return used;
}

static void check_shape(const struct ptab *pt)
{
    struct census census = {0};
    check_table(pt->root.v, pt->second_root.v, pt->levels, true, &census);
    assert_int_equal(census.tables, pt->tables);
}

/* --- cases --- */

static void test_refused_shapes(void **state)
{
    struct ptab pt;
    (void)state;
    hosted_reset();
    assert_int_equal(ptab_create(&pt, &second_stage_format, 2, K4, true, false), ERR_INVALID);
    assert_int_equal(ptab_create(&pt, &second_stage_format, 6, K4, true, false), ERR_INVALID);
    assert_int_equal(ptab_create(&pt, &second_stage_format, 4, M2, true, false), ERR_INVALID);
    assert_int_equal(ptab_create(&pt, &second_stage_format, 4, K4 | G1, true, false), ERR_INVALID);
    assert_int_equal(ptab_create(&pt, &second_stage_format, 4, 0, true, false), ERR_INVALID);
    assert_int_equal(hosted_pages_used(), 0);
    assert_int_equal(hosted_log_lines(), 5);
    for (u32 n = 0; n < 2; n++) {
        hosted_fail_after(n);
        assert_int_equal(ptab_create(&pt, &second_stage_format, 4, K4, true, true),
                         ERR_NO_MEMORY);
        assert_int_equal(hosted_pages_used(), 0);
    }
}

static void test_refused_ranges(void **state)
{
    static const struct { u64 addr, out, size; } bad[] = {
        {0, 0, 0}, {1, 0, K4}, {0, 1, K4}, {0, 0, K4 + 1}, {1ull << 48, 0, K4},
        {(1ull << 48) - K4, 0, 2 * K4}, {0, 0, 1ull << 49}, {0, 1ull << 52, K4},
        {0, (1ull << 52) - K4, 2 * K4}, {~PAGE_MASK, 0, K4}, {0, ~PAGE_MASK, K4},
    };
    u64 bytes = 1;
    struct ptab pt = make(4, SIZES, false);
    struct ptab_leaf leaf;
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(ptab_map(&pt, bad[i].addr, (hpa_t){bad[i].out}, bad[i].size, RW),
                         ERR_INVALID);
    }
    assert_int_equal(ptab_unmap(&pt, 1, K4, &bytes), ERR_INVALID);
    assert_int_equal(bytes, 0);
    assert_int_equal(ptab_change(&pt, 0, 1ull << 49, 2, 0), ERR_INVALID);
    assert_false(ptab_walk(&pt, pt.root, 1ull << 48, &leaf));
    assert_false(ptab_next(&pt, pt.root, 1ull << 48, &leaf));
    assert_false(ptab_next(&pt, pt.root, 0, &leaf));
    assert_int_equal(pt.tables, 1);
    end(&pt);
}

/* The same addresses under three, four and five levels; each level adds nine bits of input. */
static void test_levels(void **state)
{
    (void)state;
    for (u32 levels = 3; levels <= 5; levels++) {
        struct ptab pt = make(levels, SIZES, false);
        u64 top = (1ull << (12 + 9 * levels)) - K4;
        map(&pt, 0, 0x5000, K4, RW);
        map(&pt, top, 0x7000, K4, RO);
        assert_int_equal(pt.tables, 1 + 2 * (levels - 1));
        assert_int_equal(leaf_at(&pt, pt.root, 0xfff).out.v, 0x5000);
        assert_int_equal(leaf_at(&pt, pt.root, top).out.v, 0x7000);
        assert_int_equal(leaf_at(&pt, pt.root, top).entry & 0xfff, RO);
        assert_int_equal(leaf_at(&pt, pt.root, top - 1).size, 0);
        assert_int_equal(ptab_map(&pt, top + K4, (hpa_t){0}, K4, RW), ERR_INVALID);
        assert_int_equal(unmap(&pt, 0, top + K4), 2 * K4);
        assert_int_equal(pt.tables, 1);
        end(&pt);
    }
}

static void test_largest_pages_that_fit(void **state)
{
    struct ptab pt = make(4, SIZES, false);
    (void)state;
    map(&pt, G1 - K4, G1 - K4, K4 + G1 + M2 + K4, RWX);
    assert_int_equal(leaf_at(&pt, pt.root, G1 - K4).size, K4);
    assert_int_equal(leaf_at(&pt, pt.root, G1).size, G1);
    assert_int_equal(leaf_at(&pt, pt.root, 2 * G1 + 5).size, M2);
    assert_int_equal(leaf_at(&pt, pt.root, 2 * G1 + M2).size, K4);
    assert_int_equal(leaf_at(&pt, pt.root, 2 * G1 + M2 + K4).size, 0);
    end(&pt);
    pt = make(4, SIZES, false);
    map(&pt, 0, M2, G1, RW); /* host address aligned to 2 MiB only */
    assert_int_equal(leaf_at(&pt, pt.root, 0).size, M2);
    assert_int_equal(leaf_at(&pt, pt.root, G1 - 1).out.v, G1);
    assert_int_equal(pt.tables, 3);
    end(&pt);
    pt = make(4, K4, false);
    map(&pt, 0, 0, M2, RW);
    assert_int_equal(leaf_at(&pt, pt.root, 0).size, K4);
    end(&pt);
    pt = make(4, K4 | M2, false);
    map(&pt, 0, 0, G1, RW);
    assert_int_equal(leaf_at(&pt, pt.root, 0).size, M2);
    end(&pt);
}

static void test_bytes_of_entries(void **state)
{
    struct ptab pt = make(4, SIZES, false);
    const u64 *table;
    (void)state;
    map(&pt, 0x40201000, 0x12345000, K4, second_stage_bits(PROT_READ | PROT_EXEC, MEM_UC));
    map(&pt, 0x80000000, 0x40000000, G1, second_stage_bits(PROT_READ | PROT_WRITE, MEM_WC));
    table = table_of(pt.root.v);
    assert_int_equal(table[0] & 0xfff, 7);
    table = table_of(table[0]);
    assert_int_equal(table[2], 0x4000008b); /* R, W, WC in 5:3, large */
    assert_int_equal(table[1] & 0xfff, 7);
    table = table_of(table_of(table[1])[1]);
    assert_int_equal(table[1], 0x12345005);
    end(&pt);
}

static void test_exists_changes_nothing(void **state)
{
    static const struct { u64 addr, size; } over[] = {
        {M2 - K4, K4}, {0, M2}, {M2 - 2 * K4, 2 * K4}, {M2, K4}, {M2, M2}, {0, G1}, {0, 2 * G1},
        {M2 + 5 * K4, K4}, {2 * G1, G1}, {2 * G1 - K4, 2 * K4}, {2 * G1 + M2, M2},
    };
    struct ptab pt = make(4, SIZES, false);
    u32 pages;
    (void)state;
    map(&pt, M2 - K4, 0, K4, RW);
    map(&pt, M2, 0, M2, RW);
    map(&pt, 2 * G1, 0, G1, RW);
    pages = hosted_pages_used();
    for (u32 i = 0; i < ARRAY_LEN(over); i++) {
        assert_int_equal(ptab_map(&pt, over[i].addr, (hpa_t){0}, over[i].size, RW), ERR_EXISTS);
        assert_int_equal(hosted_pages_used(), pages);
    }
    assert_int_equal(unmap(&pt, 0, 1ull << 48), K4 + M2 + G1);
    end(&pt);
}

static void test_split_on_unmap(void **state)
{
    struct ptab pt = make(4, SIZES, false);
    (void)state;
    map(&pt, 0, G1, G1, RW);
    assert_int_equal(unmap(&pt, 3 * M2 + 7 * K4, K4), K4);
    assert_int_equal(pt.tables, 4);
    assert_int_equal(leaf_at(&pt, pt.root, 2 * M2).size, M2);
    assert_int_equal(leaf_at(&pt, pt.root, 2 * M2).out.v, G1 + 2 * M2);
    assert_int_equal(leaf_at(&pt, pt.root, 3 * M2 + 6 * K4).out.v, G1 + 3 * M2 + 6 * K4);
    assert_int_equal(leaf_at(&pt, pt.root, 3 * M2 + 7 * K4).size, 0);
    assert_int_equal(leaf_at(&pt, pt.root, 3 * M2 + 8 * K4).size, K4);
    assert_int_equal(unmap(&pt, 0, G1), G1 - K4);
    end(&pt);
}

static void test_table_to_leaf(void **state)
{
    struct ptab pt = make(4, SIZES, false);
    (void)state;
    map(&pt, M2 + K4, K4, K4, RW);
    assert_int_equal(ptab_map(&pt, M2, (hpa_t){0}, M2, RW), ERR_EXISTS);
    assert_int_equal(unmap(&pt, M2 + K4, K4), K4);
    assert_int_equal(pt.tables, 1);
    map(&pt, 0, 0, M2, RW);
    map(&pt, M2, M2, M2, RW);
    assert_int_equal(leaf_at(&pt, pt.root, M2).size, M2);
    end(&pt);
}

/* The tables of the last page go with it; what comes next to it makes new ones. */
static void test_last_page(void **state)
{
    static const u64 sizes[] = {K4, 16 * K4, M2, G1};
    (void)state;
    for (u32 i = 0; i < 4 * ARRAY_LEN(sizes); i++) {
        u64 size = sizes[i / 4];
        struct ptab pt = make(4, SIZES, i % 2);
        if (i % 4 >= 2) {
            map(&pt, 0, 0, K4, RW); /* a neighbour for the highest of them */
        }
        u32 tables = pt.tables;
        for (u32 k = 0; k < (size == G1 ? 1 : 8); k++) {
            map(&pt, 5 * G1 + k * M2, G1, size, RW);
            assert_int_equal(leaf_at(&pt, pt.root, 5 * G1 + k * M2).out.v, G1);
            check_shape(&pt);
            assert_int_equal(unmap(&pt, 5 * G1 + k * M2, size), size);
            assert_int_equal(pt.tables, tables);
            assert_int_equal(leaf_at(&pt, pt.root, 5 * G1 + k * M2).size, 0);
        }
        ptab_free_retired(ptab_take_retired(&pt));
        map(&pt, 5 * G1 + M2, G1, K4, RW);
        check_shape(&pt);
        assert_int_equal(hosted_pages_used(), pt.tables);
        end(&pt);
    }
}

/* Different rights split a large page; once they agree again, it is merged. */
static void test_split_and_merge(void **state)
{
    struct ptab pt = make(4, SIZES, false);
    (void)state;
    map(&pt, 0, G1, G1, RW);
    assert_int_equal(ptab_change(&pt, M2 + K4, K4, SECOND_STAGE_WRITE, 0), OK);
    assert_int_equal(pt.tables, 4);
    assert_int_equal(leaf_at(&pt, pt.root, M2 + K4).entry & 7, PROT_READ);
    assert_int_equal(leaf_at(&pt, pt.root, M2).entry & 7, PROT_READ | PROT_WRITE);
    assert_int_equal(ptab_change(&pt, 0, G1, SECOND_STAGE_WRITE, 0), OK);
    assert_int_equal(pt.tables, 2);
    assert_int_equal(leaf_at(&pt, pt.root, M2).size, G1);
    assert_int_equal(leaf_at(&pt, pt.root, 0).entry & 7, PROT_READ);
    assert_int_equal(ptab_change(&pt, 0, M2, SECOND_STAGE_WRITE, SECOND_STAGE_WRITE), OK);
    assert_int_equal(pt.tables, 3);
    assert_int_equal(ptab_change(&pt, M2, G1 - M2, SECOND_STAGE_WRITE, SECOND_STAGE_WRITE), OK);
    assert_int_equal(pt.tables, 2);
    assert_int_equal(leaf_at(&pt, pt.root, G1 - 1).out.v, G1);
    /* A change that changes nothing splits nothing. */
    assert_int_equal(ptab_change(&pt, K4, K4, SECOND_STAGE_WRITE, SECOND_STAGE_WRITE), OK);
    assert_int_equal(pt.tables, 2);
    assert_int_equal(ptab_change(&pt, 5 * G1, G1, SECOND_STAGE_WRITE, 0), OK);
    assert_int_equal(pt.tables, 2);
    end(&pt);
}

static void test_retired_tables_keep_translating(void **state)
{
    struct ptab pt = make(4, SIZES, false);
    u64 *table;
    u32 used;
    hpa_t list;
    (void)state;
    map(&pt, 0, 0, M2, RW);
    assert_int_equal(ptab_change(&pt, 0, K4, SECOND_STAGE_WRITE, 0), OK);
    table = table_of(table_of(table_of(table_of(pt.root.v)[0])[0])[0]);
    assert_int_equal(ptab_change(&pt, 0, K4, SECOND_STAGE_WRITE, SECOND_STAGE_WRITE), OK);
    for (u32 i = 0; i < PTAB_ENTRIES; i++) {
        assert_int_equal(table[i] & ~(0x1full << 52), i * K4 | RW);
    }
    used = hosted_pages_used();
    assert_int_equal(used, pt.tables + 1);
    list = ptab_take_retired(&pt);
    ptab_put_retired(&pt, list);
    assert_int_equal(hosted_pages_used(), used);
    ptab_free_retired(ptab_take_retired(&pt));
    assert_int_equal(hosted_pages_used(), used - 1);
    end(&pt);
}

static void test_next(void **state)
{
    struct ptab pt = make(5, SIZES, false);
    static const u64 at[] = {0, M2, M2 + K4, 3 * G1, 1ull << 52, (1ull << 57) - K4};
    struct ptab_leaf leaf;
    u64 addr = 0;
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(at); i++) {
        map(&pt, at[i], 0, i == 3 ? G1 : K4, RW);
    }
    for (u32 i = 0; i < ARRAY_LEN(at); i++) {
        assert_true(ptab_next(&pt, pt.root, addr, &leaf));
        assert_int_equal(leaf.addr, at[i]);
        addr = leaf.addr + leaf.size;
    }
    assert_false(ptab_next(&pt, pt.root, addr, &leaf));
    assert_true(ptab_next(&pt, pt.root, 3 * G1 + 17 * K4, &leaf));
    assert_int_equal(leaf.addr, 3 * G1);
    end(&pt);
}

/* Permissions hold only if every level gives them; our own tables give all. */
static void test_non_leaf_permission(void **state)
{
    struct ptab pt = make(4, SIZES, false);
    struct ptab_leaf leaf;
    u64 *table;
    (void)state;
    map(&pt, 0, 0, K4, RWX);
    table = table_of(table_of(pt.root.v)[0]);
    table[0] &= ~(u64)SECOND_STAGE_WRITE;
    assert_int_equal(leaf_at(&pt, pt.root, 0).entry & 7, PROT_READ | PROT_EXEC);
    assert_true(ptab_next(&pt, pt.root, 0, &leaf));
    assert_int_equal(leaf.entry & 7, PROT_READ | PROT_EXEC);
    end(&pt);
}

static void test_diverging_roots(void **state)
{
    struct ptab pt = make(4, SIZES, true);
    (void)state;
    map(&pt, 0, 0, 2 * G1, RWX);
    assert_int_equal(pt.tables, 3); /* two roots over one table */
    check_shape(&pt);
    /* One read-only page: twins on the way to it, everything else shared. */
    assert_int_equal(ptab_change(&pt, M2 + K4, K4, SECOND_STAGE_WRITE, 0), OK);
    check_shape(&pt);
    assert_int_equal(pt.tables, 8);
    assert_int_equal(leaf_at(&pt, pt.root, M2 + K4).entry & 7, PROT_READ | PROT_EXEC);
    assert_int_equal(leaf_at(&pt, pt.second_root, M2 + K4).size, 0);
    assert_int_equal(leaf_at(&pt, pt.second_root, M2).size, K4);
    assert_int_equal(leaf_at(&pt, pt.second_root, G1).size, G1);
    /* A whole large page, and back. */
    assert_int_equal(ptab_change(&pt, G1, G1, SECOND_STAGE_WRITE, 0), OK);
    check_shape(&pt);
    assert_int_equal(leaf_at(&pt, pt.second_root, G1 + 5).size, 0);
    assert_int_equal(ptab_change(&pt, G1, G1, SECOND_STAGE_WRITE, SECOND_STAGE_WRITE), OK);
    assert_int_equal(leaf_at(&pt, pt.second_root, G1 + 5).size, G1);
    assert_int_equal(ptab_change(&pt, M2 + K4, K4, SECOND_STAGE_WRITE, SECOND_STAGE_WRITE), OK);
    check_shape(&pt);
    assert_int_equal(pt.tables, 3);
    /* Read-only from the start, then unmapped. */
    map(&pt, 8 * G1 + K4, 0, 2 * M2, RO);
    check_shape(&pt);
    assert_int_equal(unmap(&pt, 8 * G1 + K4, 2 * M2), 2 * M2);
    assert_int_equal(pt.tables, 3);
    end(&pt);
}

/* The split of a read-only large page: the second tree has holes until parts become writable. */
static void test_diverging_split(void **state)
{
    struct ptab pt = make(4, SIZES, true);
    (void)state;
    map(&pt, 0, 0, G1, RO);
    check_shape(&pt);
    assert_int_equal(ptab_change(&pt, 4 * M2 + K4, K4, SECOND_STAGE_WRITE, SECOND_STAGE_WRITE),
                     OK);
    check_shape(&pt);
    assert_int_equal(leaf_at(&pt, pt.second_root, 4 * M2 + K4).size, K4);
    assert_int_equal(leaf_at(&pt, pt.second_root, 4 * M2).size, 0);
    assert_int_equal(unmap(&pt, M2 + K4, M2), M2);
    check_shape(&pt);
    assert_int_equal(leaf_at(&pt, pt.second_root, 4 * M2 + K4).size, K4);
    end(&pt);
}

/* --- random changes against an array --- */

/* Pages of 4 KiB, or for larger pages blocks of 2 MiB; three tables of them and a bit. */
enum { ORACLE_UNITS = 3 * 512 + 64 };
struct oracle { u64 entry[ORACLE_UNITS]; };

static u64 unit;

static u64 window_start(u32 round)
{
    static const u64 starts[] = {0, 511, (1 << 18) - 512, 5 * 512 + 512};
    return starts[round % ARRAY_LEN(starts)] * (unit == K4 ? M2 : G1);
}

static void compare(const struct ptab *pt, const struct oracle *oracle, u64 start)
{
    for (u32 i = 0; i < ORACLE_UNITS; i++) {
        struct ptab_leaf leaf = leaf_at(pt, pt->root, start + i * unit);
        u64 entry = oracle->entry[i];
        u64 seen = leaf.size == 0 ? 0 : (leaf.out.v + (start + i * unit - leaf.addr)) | (leaf.entry & 0x3f);
        assert_int_equal(seen, entry);
        leaf = leaf_at(pt, pt->second_root, start + i * unit);
        if (pt->root.v != pt->second_root.v) {
            assert_int_equal(leaf.size != 0, (entry & SECOND_STAGE_WRITE) != 0);
        }
    }
}

static void random_range(u32 *first, u32 *count)
{
    *first = pick(ORACLE_UNITS);
    *count = 1 + pick(pick(3) == 0 ? ORACLE_UNITS : 20);
    if (pick(4) == 0) {
        *first &= ~511u;
        *count = 512;
    }
    if (pick(4) == 0) {
        *count = 1;
    }
    if (*count > ORACLE_UNITS - *first) {
        *count = ORACLE_UNITS - *first;
    }
}

static enum result oracle_map(struct oracle *o, u32 first, u32 count, u64 out, u64 bits)
{
    for (u32 i = 0; i < count; i++) {
        if (o->entry[first + i] != 0) {
            return ERR_EXISTS;
        }
    }
    for (u32 i = 0; i < count; i++) {
        o->entry[first + i] = (out + i * unit) | bits;
    }
    return OK;
}

static u64 oracle_unmap(struct oracle *o, u32 first, u32 count)
{
    u64 bytes = 0;
    for (u32 i = 0; i < count; i++) {
        bytes += o->entry[first + i] != 0 ? unit : 0;
        o->entry[first + i] = 0;
    }
    return bytes;
}

static void oracle_change(struct oracle *o, u32 first, u32 count, u64 mask, u64 bits)
{
    for (u32 i = first; i < first + count; i++) {
        if (o->entry[i] != 0) {
            o->entry[i] = (o->entry[i] & ~mask) | bits;
        }
    }
}

/* One random change on both; when memory runs out, nothing may have happened. */
static void random_step(struct ptab *pt, struct oracle *o, u64 start)
{
    u64 bits = pick(3) == 0 ? RO : RW;
    u64 out = (pick(64) + 1) * 512 * unit + (pick(2) ? start % (512 * unit) : pick(512) * unit);
    u64 bytes;
    u32 first;
    u32 count;
    enum result r;
    random_range(&first, &count);
    out += first * unit;
    hosted_fail_after(pick(4) == 0 ? pick(6) : UINT32_MAX);
    switch (pick(4)) {
    case 0:
        r = ptab_map(pt, start + first * unit, (hpa_t){out}, count * unit, bits);
        if (r != ERR_NO_MEMORY) {
            assert_int_equal(r, oracle_map(o, first, count, out, bits));
        }
        break;
    case 1:
        r = ptab_unmap(pt, start + first * unit, count * unit, &bytes);
        if (r != ERR_NO_MEMORY) {
            assert_int_equal(bytes, oracle_unmap(o, first, count));
        }
        break;
    case 2:
        bits = pick(2) ? SECOND_STAGE_WRITE : 0;
        r = ptab_change(pt, start + first * unit, count * unit, SECOND_STAGE_WRITE, bits);
        if (r != ERR_NO_MEMORY) {
            oracle_change(o, first, count, SECOND_STAGE_WRITE, bits);
        }
        break;
    default:
        bits = pick(2) ? 0 : 6 << 3;
        r = ptab_change(pt, start + first * unit, count * unit, SECOND_STAGE_TYPE, bits);
        if (r != ERR_NO_MEMORY) {
            oracle_change(o, first, count, SECOND_STAGE_TYPE, bits);
        }
        break;
    }
    hosted_fail_after(UINT32_MAX);
}

static void random_steps(struct ptab *pt, u64 start, void (*check)(const struct ptab *pt, u64 start))
{
    static struct oracle oracle;
    memset(&oracle, 0, sizeof(oracle));
    for (u32 step = 0; step < 400; step++) {
        random_step(pt, &oracle, start);
        if (step % 8 == 0) {
            compare(pt, &oracle, start);
            check_shape(pt);
            check(pt, start);
        }
        if (step % 32 == 0) {
            ptab_free_retired(ptab_take_retired(pt));
            assert_int_equal(hosted_pages_used(), pt->tables);
        }
    }
    unmap(pt, start, ORACLE_UNITS * unit);
    assert_int_equal(pt->tables, pt->root.v != pt->second_root.v ? 2 : 1);
}

static u32 levels_for(u32 round, u64 start)
{
    u32 levels = 3 + round % 3;
    while (start + ORACLE_UNITS * unit > 1ull << (12 + 9 * levels)) {
        levels++;
    }
    return levels;
}

static void nothing_more(const struct ptab *pt, u64 start)
{
    (void)pt;
    (void)start;
}

static void test_random(void **state)
{
    (void)state;
    seed = 20261124;
    for (u32 round = 0; round < 48; round++) {
        unit = round % 4 < 2 ? K4 : M2;
        u64 start = window_start(round / 4);
        struct ptab pt = make(levels_for(round / 4, start), round % 5 == 4 ? K4 | M2 : SIZES, round % 2 == 1);
        random_steps(&pt, start, nothing_more);
        end(&pt);
    }
}

/* Every n-th allocation of every change fails: nothing changed, nothing lost. */
static void test_every_allocation_fails(void **state)
{
    (void)state;
    for (u32 kind = 0; kind < 4; kind++) {
        enum result r = ERR_NO_MEMORY;
        for (u32 n = 0; r == ERR_NO_MEMORY; n++) {
            struct ptab pt = make(4, SIZES, kind % 2 == 1);
            u64 bytes;
            u32 used;
            map(&pt, 0, 0, 2 * G1, RW);
            used = hosted_pages_used();
            hosted_fail_after(n);
            r = kind < 2    ? ptab_map(&pt, 1ull << 40, (hpa_t){K4}, 4 * M2, RO)
                : kind == 2 ? ptab_unmap(&pt, M2 + K4, 5 * M2, &bytes)
                            : ptab_change(&pt, M2 + K4, G1, SECOND_STAGE_WRITE, 0);
            assert_true(r == OK ? n >= 3 : n < 32);
            if (r != OK) {
                assert_int_equal(hosted_pages_used(), used);
                assert_int_equal(leaf_at(&pt, pt.root, M2).size, G1);
                assert_int_equal(leaf_at(&pt, pt.root, 1ull << 40).size, 0);
            }
            check_shape(&pt);
            end(&pt);
        }
        assert_int_equal(r, OK);
    }
}

/* --- hardware that does not look into caches --- */

/* What it finds: memory as it was when its lines were written back. */
static u8 *written_back;

static void write_back(const void *p, size_t bytes)
{
    u64 from = (u64)((const u8 *)p - hosted_memory()) & ~63ull;
    u64 end = ((u64)((const u8 *)p - hosted_memory()) + bytes + 63) & ~63ull;
    memcpy(written_back + from, hosted_memory() + from, end - from);
}

/* The leaf at addr, 0 for a hole. */
static u64 leaf_seen(u64 root, u32 levels, u64 addr, u32 *level)
{
    u64 entry = root;
    for (*level = levels;; --*level) {
        const u64 *table = (const u64 *)(const void *)(written_back + (entry & second_stage_format.address));
        entry = table[addr >> (3 + 9 * *level) & 511] & ~(0x1ffull << 52);
        if (!points_to_table(entry, *level)) {
            return entry;
        }
    }
}

static void check_seen(const struct ptab *pt, u64 start)
{
    const hpa_t roots[] = {pt->root, pt->second_root};
    for (u32 i = 0; i < 2 * ORACLE_UNITS; i++) {
        u32 level;
        u64 addr = start + i / 2 * unit;
        u64 seen = leaf_seen(roots[i % 2].v, pt->levels, addr, &level);
        struct ptab_leaf leaf = leaf_at(pt, roots[i % 2], addr);
        assert_int_equal(seen, leaf.entry);
        assert_true(seen == 0 || leaf.size == 1ull << (3 + 9 * level));
    }
}

static void test_not_coherent(void **state)
{
    (void)state;
    seed = 77;
    written_back = malloc(HOSTED_BYTES);
    assert_non_null(written_back);
    for (u32 round = 0; round < 8; round++) {
        struct ptab pt;
        unit = round % 4 < 2 ? K4 : M2;
        u64 start = window_start(round / 4);
        hosted_reset();
        memset(written_back, 0, HOSTED_BYTES);
        hosted_watch_flushes(write_back);
        assert_int_equal(ptab_create(&pt, &second_stage_format, levels_for(round, start), SIZES, false, round % 2),
                         OK);
        random_steps(&pt, start, check_seen);
        hosted_watch_flushes(NULL);
        end(&pt);
    }
    free(written_back);
}

static void test_bits(void **state)
{
    (void)state;
    assert_true(second_stage_prot_is_valid(PROT_READ));
    assert_false(second_stage_prot_is_valid(0));
    assert_false(second_stage_prot_is_valid(PROT_WRITE));
    assert_false(second_stage_prot_is_valid(PROT_EXEC));
    assert_false(second_stage_prot_is_valid(PROT_READ | 8));
    for (u32 type = 0; type < 9; type++) {
        assert_int_equal(second_stage_type_is_valid(type),
                         type == 0 || type == 1 || (type >= 4 && type <= 6));
    }
    assert_int_equal(second_stage_type(second_stage_bits(PROT_READ, MEM_WP)), MEM_WP);
    assert_int_equal(second_stage_prot(second_stage_bits(PROT_READ | PROT_EXEC, MEM_WB)), 5);
    assert_true(second_stage_is_read_only(RO));
    assert_false(second_stage_is_read_only(RW));
    assert_false(second_stage_is_read_only(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_shapes), cmocka_unit_test(test_refused_ranges),
        cmocka_unit_test(test_levels), cmocka_unit_test(test_largest_pages_that_fit),
        cmocka_unit_test(test_bytes_of_entries), cmocka_unit_test(test_exists_changes_nothing),
        cmocka_unit_test(test_split_on_unmap), cmocka_unit_test(test_table_to_leaf), cmocka_unit_test(test_last_page),
        cmocka_unit_test(test_split_and_merge),
        cmocka_unit_test(test_retired_tables_keep_translating), cmocka_unit_test(test_next),
        cmocka_unit_test(test_non_leaf_permission), cmocka_unit_test(test_diverging_roots),
        cmocka_unit_test(test_diverging_split), cmocka_unit_test(test_random),
        cmocka_unit_test(test_every_allocation_fails), cmocka_unit_test(test_not_coherent),
        cmocka_unit_test(test_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
