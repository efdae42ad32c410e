/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR parser on tables that iasl compiled: what they say, every structure type, each
 * kind of contradiction with its offset, and then every byte and every length mutated.
 */
#include "iommu/spec/dmar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TABLE(symbol, file)                                                     \
    __asm__(".section .rodata\n.global " #symbol "_begin, " #symbol "_end\n"    \
            #symbol "_begin: .incbin \"obj/dmar/" file "\"\n"                   \
            #symbol "_end: .previous\n");                                       \
    extern const u8 symbol##_begin[], symbol##_end[]

TABLE(three_units, "three-units.aml");
TABLE(one_unit, "one-unit.aml");
TABLE(newer, "newer.aml");

enum { LIMIT = 4096 };

struct table {
    u8 bytes[LIMIT];
    u32 size;
};

static struct vtd_dmar dmar;
static struct vtd_dmar_error error;

static void seal(struct table *t)
{
    u8 sum = 0;
    memcpy(t->bytes, "DMAR", 4);
    memcpy(t->bytes + 4, &t->size, 4);
    t->bytes[9] = 0;
    for (u32 i = 0; i < t->size; i++) {
        sum = (u8)(sum + t->bytes[i]);
    }
    t->bytes[9] = (u8)-sum;
}

static struct table load(const u8 *begin, const u8 *end)
{
    struct table t = {.size = (u32)(end - begin)};
    assert_true(t.size <= LIMIT);
    memcpy(t.bytes, begin, t.size);
    seal(&t);
    return t;
}

#define LOAD(symbol) load(symbol##_begin, symbol##_end)

/* Offsets in three-units.dsl. */
enum { DRHD1 = 48, DRHD2 = 80, DRHD3 = 116, RMRR = 156, ATSR = 188, RHSA = 204, ANDD = 224 };

static struct table load_three_units(void)
{
    struct table t = LOAD(three_units);
    t.bytes[DRHD3 + 5] = 2;
    seal(&t);
    return t;
}

/* In a block of exactly its size, so that a read beyond it is seen. */
static enum result parse(const struct table *t)
{
    u8 *exact = malloc(t->size != 0 ? t->size : 1);
    assert_non_null(exact);
    memcpy(exact, t->bytes, t->size);
    memset(&dmar, 0xa5, sizeof(dmar));
    memset(&error, 0xa5, sizeof(error));
    enum result r = vtd_dmar_parse(exact, t->size, &dmar, &error);
    free(exact);
    return r;
}

static void check_scope(struct vtd_dmar_run run, u32 i, u8 type, u8 id, u8 bus, u8 device,
                        u8 function)
{
    assert_true(i < run.count);
    const struct vtd_dmar_scope *s = vtd_dmar_scope_at(&dmar, run, i);
    const struct vtd_dmar_hop *hop = vtd_dmar_hop_at(&dmar, s, s->hop_count - 1u);
    assert_int_equal(s->type, type);
    assert_int_equal(s->enumeration_id, id);
    assert_int_equal(s->start_bus, bus);
    assert_int_equal(hop->device, device);
    assert_int_equal(hop->function, function);
}

static void units_of_the_specification(void **state)
{
    (void)state;
    struct table t = load_three_units();
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.haw, 46);
    assert_true(dmar.intr_remap && dmar.dma_opt_in && !dmar.x2apic_opt_out);
    assert_int_equal(dmar.unit_count, 3);
    assert_int_equal(dmar.unknown_structures, 0);

    assert_int_equal(dmar.units[0].base.v, 0xfed90000);
    assert_int_equal(dmar.units[0].window_size, 4096);
    assert_false(dmar.units[0].include_all);
    assert_int_equal(dmar.units[0].scopes.count, 2);
    check_scope(dmar.units[0].scopes, 0, VTD_SCOPE_ENDPOINT, 0, 0, 4, 0);
    check_scope(dmar.units[0].scopes, 1, VTD_SCOPE_ENDPOINT, 0, 0, 5, 0);

    assert_int_equal(dmar.units[1].scopes.count, 2);
    check_scope(dmar.units[1].scopes, 0, VTD_SCOPE_BRIDGE, 0, 0, 7, 0);
    check_scope(dmar.units[1].scopes, 1, VTD_SCOPE_ENDPOINT, 0, 0, 2, 3);
    const struct vtd_dmar_scope *deep = vtd_dmar_scope_at(&dmar, dmar.units[1].scopes, 1);
    assert_int_equal(deep->hop_count, 3);
    assert_int_equal(vtd_dmar_hop_at(&dmar, deep, 0)->device, 0x1c);
    assert_int_equal(vtd_dmar_hop_at(&dmar, deep, 0)->function, 1);
    assert_true(dmar.units[1].has_proximity);
    assert_int_equal(dmar.units[1].proximity, 3);
    assert_false(dmar.units[0].has_proximity);

    assert_true(dmar.units[2].include_all);
    assert_int_equal(dmar.units[2].window_size, 4 * 4096);
    check_scope(dmar.units[2].scopes, 0, VTD_SCOPE_IOAPIC, 2, 0xf0, 31, 7);
    check_scope(dmar.units[2].scopes, 1, VTD_SCOPE_HPET, 1, 0xf0, 30, 6);
    check_scope(dmar.units[2].scopes, 2, VTD_SCOPE_NAMESPACE, 7, 0, 21, 0);
}

static void other_structures(void **state)
{
    (void)state;
    struct table t = load_three_units();
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.region_count, 1);
    assert_int_equal(dmar.regions[0].base, 0x7b800000);
    assert_int_equal(dmar.regions[0].limit, 0x7fffffff);
    check_scope(dmar.regions[0].scopes, 0, VTD_SCOPE_ENDPOINT, 0, 0, 2, 0);
    assert_int_equal(dmar.atsr_count, 1);
    assert_false(dmar.atsr[0].flag);
    check_scope(dmar.atsr[0].scopes, 0, VTD_SCOPE_BRIDGE, 0, 0, 7, 0);
    assert_int_equal(dmar.namespace_count, 1);
    assert_int_equal(dmar.namespace[0].number, 7);
    assert_string_equal(dmar.namespace[0].name, "\\_SB.I2C0");
}

static void smallest_table(void **state)
{
    (void)state;
    struct table t = LOAD(one_unit);
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.haw, 52);
    assert_true(dmar.intr_remap && dmar.x2apic_opt_out && !dmar.dma_opt_in);
    assert_int_equal(dmar.unit_count, 1);
    assert_int_equal(dmar.units[0].segment, 1);
    assert_int_equal(dmar.units[0].base.v, 0xfed9000000);
    assert_int_equal(dmar.units[0].scopes.count, 0);
    assert_true(dmar.atsr[0].flag);
    assert_int_equal(dmar.atsr[0].segment, 1);
}

static void structures_of_newer_revisions(void **state)
{
    (void)state;
    struct table t = LOAD(newer);
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.satc_count, 2);
    assert_true(dmar.satc[0].flag);
    check_scope(dmar.satc[0].scopes, 0, VTD_SCOPE_ENDPOINT, 0, 0, 5, 0);
    assert_int_equal(dmar.satc[1].segment, 2);
    check_scope(dmar.satc[1].scopes, 0, 0x2a, 0, 0, 5, 0);
    assert_int_equal(dmar.sidp_count, 1);
    assert_int_equal(dmar.sidp[0].scopes.count, 2);
    const struct vtd_dmar_scope *first = vtd_dmar_scope_at(&dmar, dmar.sidp[0].scopes, 0);
    const struct vtd_dmar_scope *second = vtd_dmar_scope_at(&dmar, dmar.sidp[0].scopes, 1);
    assert_int_equal(first->flags, VTD_SCOPE_NO_NESTING | VTD_SCOPE_NO_PWSNP);
    assert_int_equal(second->flags,
                     VTD_SCOPE_NO_PGSNP | VTD_SCOPE_ATC_HARDENED | VTD_SCOPE_ATC_REQUIRED);
    check_scope(dmar.sidp[0].scopes, 1, VTD_SCOPE_ENDPOINT, 0, 0x80, 6, 1);
    assert_int_equal(dmar.unknown_structures, 1);
}

struct contradiction {
    const char *name;
    u32 at;              /* these bytes ... */
    u8 bytes[8];
    u32 count;
    u32 offset;          /* ... are refused, or noted, with this offset */
};

static void change(struct table *t, const struct contradiction *c)
{
    memcpy(t->bytes + c->at, c->bytes, c->count);
    seal(t);
}

static const struct contradiction refused[] = {
    {"haw of 11 bits", 36, {10}, 1, 36},
    {"structure of length 0", DRHD1 + 2, {0, 0}, 2, DRHD1 + 2},
    {"structure of length 3", DRHD1 + 2, {3, 0}, 2, DRHD1 + 2},
    {"DRHD too short", DRHD1 + 2, {15, 0}, 2, DRHD1 + 2},
    {"structure beyond the table", ANDD + 2, {19, 0}, 2, ANDD + 2},
    {"structure far beyond the table", DRHD1 + 2, {0xff, 0xff}, 2, DRHD1 + 2},
    {"unit at 0", DRHD1 + 8, {0, 0, 0, 0}, 4, DRHD1 + 8},
    {"unit not page-aligned", DRHD1 + 8, {0x01}, 1, DRHD1 + 8},
    {"unit that no address reaches", DRHD1 + 14, {0x10}, 1, DRHD1 + 8},
    {"two units of two segments in one place", DRHD2 + 6, {1, 0, 0, 0, 0xd9, 0xfe}, 6, DRHD2 + 8},
};

static void each_doubt_about_a_unit_is_refused_where_it_is(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(refused); i++) {
        const struct contradiction *c = &refused[i];
        struct table t = load_three_units();
        change(&t, c);
        enum result r = parse(&t);
        if (r != ERR_MALFORMED || error.offset != c->offset) {
            fail_msg("%s: result %d, offset %u, expected %u", c->name, (int)r, error.offset,
                     c->offset);
        }
        assert_non_null(error.what);
        assert_non_null(error.expected);
    }
}

static const struct contradiction noted[] = {
    {"haw of 31 bits", 36, {30}, 1, 36},
    {"haw of 53 bits", 36, {52}, 1, 36},
    {"scope of length 0", DRHD1 + 17, {0}, 1, DRHD1 + 16},
    {"scope without a path", DRHD1 + 17, {6}, 1, DRHD1 + 16},
    {"scope of odd length", DRHD1 + 25, {7}, 1, DRHD1 + 24},
    {"scope longer than its structure", DRHD1 + 17, {18}, 1, DRHD1 + 16},
    {"device 32", DRHD1 + 22, {32}, 1, DRHD1 + 22},
    {"function 8", DRHD1 + 23, {8}, 1, DRHD1 + 22},
    {"unit not aligned to its size", DRHD3 + 9, {0x60}, 1, DRHD3 + 8},
    {"unit above the address width", DRHD1 + 13, {0x40}, 1, DRHD1 + 8},
    {"a unit that stands twice", DRHD2 + 9, {0}, 1, DRHD2 + 8},
    {"a unit inside a larger one", DRHD3 + 5, {4}, 1, DRHD3 + 8},
    {"two units for all", DRHD1 + 4, {1}, 1, DRHD3 + 4},
    {"two units for one device", DRHD2 + 16, {1, 8, 0, 0, 0, 0, 4, 0}, 8, DRHD2 + 16},
    {"RMRR too short", RMRR + 2, {23, 0}, 2, RMRR + 2},
    {"RMRR base not aligned", RMRR + 8, {0x10}, 1, RMRR + 8},
    {"RMRR limit not the end of a page", RMRR + 16, {0xfe}, 1, RMRR + 16},
    {"RMRR limit below its base", RMRR + 19, {0x7a}, 1, RMRR + 16},
    {"RMRR above the address width", RMRR + 21, {0x40}, 1, RMRR + 16},
    {"ATSR too short", ATSR + 2, {7, 0}, 2, ATSR + 2},
    {"RHSA too short", RHSA + 2, {19, 0}, 2, RHSA + 2},
    {"ANDD without an end of its name", ANDD + 17, {'X'}, 1, ANDD + 8},
};

/* Some of them move where the next structure begins, so the table is cut there. */
static void each_mistake_is_noted_where_it_is(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(noted); i++) {
        const struct contradiction *c = &noted[i];
        struct table t = load_three_units();
        bool cut = strstr(c->name, "too short") != NULL;
        t.size = cut ? c->at - 2u + c->bytes[0] : t.size;
        change(&t, c);
        enum result r = parse(&t);
        if (r != OK || dmar.note_count == 0 || dmar.notes[0].offset != c->offset) {
            fail_msg("%s: result %d, %u notes, offset %u, expected %u", c->name, (int)r, dmar.note_count,
                     dmar.notes[0].offset, c->offset);
        }
        assert_non_null(dmar.notes[0].what);
        assert_non_null(dmar.notes[0].expected);
    }
}

static void a_table_without_mistakes_has_no_notes(void **state)
{
    (void)state;
    struct table t = load_three_units();
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.note_count, 0);
    t = LOAD(newer);
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.note_count, 0);
}

/* base, limit in; what is reserved out, limit 0: nothing. */
static void reserved_regions_in_all_forms(void **state)
{
    (void)state;
    static const struct { u64 base, limit, from, to; u32 notes; } cases[] = {
        {0x7b800000, 0x7fffffff, 0x7b800000, 0x7fffffff, 0},
        {0, 0xfff, 0, 0xfff, 0},
        {0, 0, 0, 0, 1},                                   /* empty, as firmware that has no such device */
        {0x7b800000, 0, 0, 0, 1},
        {0x7b800000, 0x7b7fffff, 0, 0, 1},                 /* base + size - 1 with size 0 */
        {0x7b800000, 0x7b800000, 0x7b800000, 0x7b800fff, 1},
        {0x7b800000, 0x7b900000, 0x7b800000, 0x7b900fff, 1}, /* the byte after the last */
        {0x7b800400, 0x7b8007ff, 0x7b800000, 0x7b800fff, 1},
        {0x7b800fff, 0x7b801000, 0x7b800000, 0x7b801fff, 1},
        {0x7b800000, ~0ull, 0, 0, 1},
        {1ull << 46, (1ull << 46) + 0xfff, 0, 0, 1},
        {(1ull << 46) - 0x1000, (1ull << 46) - 1, (1ull << 46) - 0x1000, (1ull << 46) - 1, 0},
    };
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct table t = load_three_units();
        memcpy(t.bytes + RMRR + 8, &cases[i].base, 8);
        memcpy(t.bytes + RMRR + 16, &cases[i].limit, 8);
        seal(&t);
        assert_int_equal(parse(&t), OK);
        assert_int_equal(dmar.note_count, cases[i].notes);
        assert_int_equal(dmar.region_count, cases[i].to != 0);
        if (cases[i].to != 0) {
            assert_int_equal(dmar.regions[0].base, cases[i].from);
            assert_int_equal(dmar.regions[0].limit, cases[i].to);
            check_scope(dmar.regions[0].scopes, 0, VTD_SCOPE_ENDPOINT, 0, 0, 2, 0);
        }
    }
}

/* All structures a second time: byte for byte, without devices, and larger. */
static void units_that_stand_twice(void **state)
{
    (void)state;
    for (u32 form = 0; form < 3; form++) {
        struct table t = load_three_units();
        u32 size = t.size;
        memcpy(t.bytes + size, t.bytes + 48, size - 48);
        t.size += size - 48;
        if (form == 1) {
            t.bytes[size + 16] = VTD_SCOPE_IOAPIC;
        } else if (form == 2) {
            t.bytes[size + DRHD3 - 48 + 5] = 3;
        }
        seal(&t);
        assert_int_equal(parse(&t), OK);
        assert_int_equal(dmar.unit_count, 3);
        assert_int_equal(dmar.namespace_count, 1);
        assert_int_equal(dmar.note_count, 4);
        assert_int_equal(dmar.notes[0].offset, size + 8);
        assert_int_equal(dmar.units[2].window_size, form == 2 ? 8 * 4096 : 4 * 4096);
        assert_int_equal(dmar.units[0].scopes.count, 2);
        check_scope(dmar.units[0].scopes, 0, VTD_SCOPE_ENDPOINT, 0, 0, 4, 0);
    }
}

static void windows_are_separate(void **state)
{
    (void)state;
    struct table t = load_three_units();
    t.bytes[DRHD1 + 5] = 1;
    seal(&t);
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.units[1].base.v - dmar.units[0].base.v, 0x1000);
    assert_int_equal(dmar.units[0].window_size, 0x1000);
    assert_int_equal(dmar.note_count, 1);
}

static void what_follows_the_last_structure(void **state)
{
    (void)state;
    struct table t = load_three_units();
    u32 size = t.size;
    for (u32 more = 1; more < 40; more++) {
        t.size = size + more;
        memset(t.bytes + size, 0, more);
        seal(&t);
        assert_int_equal(parse(&t), OK);
        assert_int_equal(dmar.note_count, 1);
        assert_int_equal(dmar.notes[0].offset, size);
        t.bytes[t.size - 1] = 1;
        seal(&t);
        assert_int_equal(parse(&t), more < 4 ? OK : ERR_MALFORMED);
    }
}

static void an_endpoint_in_a_list_of_root_ports(void **state)
{
    (void)state;
    struct table t = load_three_units();
    t.bytes[ATSR + 8] = VTD_SCOPE_ENDPOINT;
    seal(&t);
    assert_int_equal(parse(&t), OK);
    check_scope(dmar.atsr[0].scopes, 0, VTD_SCOPE_ENDPOINT, 0, 0, 7, 0);
}

static void more_notes_than_are_kept(void **state)
{
    (void)state;
    struct table t = load_three_units();
    for (u32 i = 0; i < VTD_DMAR_NOTES; i++) {
        memcpy(t.bytes + t.size, t.bytes + ANDD, 18);
        t.size += 18;
    }
    t.bytes[DRHD1 + 22] = 32;
    seal(&t);
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.note_count, VTD_DMAR_NOTES + 1);
    assert_int_equal(dmar.notes[VTD_DMAR_NOTES - 1].found, 7);
}

static void header_is_checked(void **state)
{
    (void)state;
    struct table t = LOAD(one_unit);
    t.bytes[0] = 'X';
    assert_int_equal(parse(&t), ERR_MALFORMED);
    assert_int_equal(error.offset, 0);
    t = LOAD(one_unit);
    t.bytes[20]++;
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.note_count, 1);
    assert_int_equal(dmar.notes[0].offset, 9);
    t = LOAD(one_unit);
    t.bytes[4]++;
    assert_int_equal(parse(&t), ERR_MALFORMED);
    assert_int_equal(error.offset, 4);
    t = LOAD(one_unit);
    t.size = 48;
    seal(&t);
    assert_int_equal(parse(&t), ERR_MALFORMED);
    assert_string_equal(error.what, "number of units");
}

static void bytes_after_the_table_are_not_read(void **state)
{
    (void)state;
    struct table t = LOAD(one_unit);
    u32 size = t.size;
    memset(t.bytes + size, 0xff, 64);
    t.size += 64;
    memcpy(t.bytes + 4, &size, 4);
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.unit_count, 1);
}

/* What holds whenever the parser says OK. */
static void check_run(struct vtd_dmar_run run)
{
    assert_true((u32)run.first + run.count <= dmar.scope_count);
    for (u32 i = 0; i < run.count; i++) {
        const struct vtd_dmar_scope *s = vtd_dmar_scope_at(&dmar, run, i);
        assert_true(s->hop_count >= 1);
        assert_true((u32)s->first_hop + s->hop_count <= dmar.hop_count);
    }
}

static void check_accepted(void)
{
    assert_true(dmar.unit_count >= 1 && dmar.unit_count <= VTD_DMAR_UNITS);
    for (u32 i = 0; i < dmar.unit_count; i++) {
        const struct vtd_dmar_unit *u = &dmar.units[i];
        assert_true(u->base.v != 0 && (u->base.v & PAGE_MASK) == 0 && u->base.v >> 52 == 0);
        assert_true(u->window_size != 0 && (u->window_size & PAGE_MASK) == 0);
        check_run(u->scopes);
        for (u32 j = 0; j < i; j++) {
            const struct vtd_dmar_unit *v = &dmar.units[j];
            assert_true(u->base.v + u->window_size <= v->base.v ||
                        v->base.v + v->window_size <= u->base.v);
        }
    }
    for (u32 i = 0; i < dmar.region_count; i++) {
        assert_true(dmar.regions[i].base < dmar.regions[i].limit);
        assert_true((dmar.regions[i].base & PAGE_MASK) == 0 && (dmar.regions[i].limit & PAGE_MASK) == PAGE_MASK);
        check_run(dmar.regions[i].scopes);
    }
    for (u32 i = 0; i < dmar.namespace_count; i++) {
        assert_true(memchr(dmar.namespace[i].name, 0, VTD_DMAR_NAME) != NULL);
    }
}

static void check_any(const struct table *t)
{
    enum result r = parse(t);
    if (r == OK) {
        check_accepted();
        return;
    }
    assert_true(r == ERR_MALFORMED || r == ERR_NO_MEMORY);
    assert_true(error.what != NULL && error.expected != NULL && error.offset < t->size + 16);
}

static const struct { const u8 *begin, *end; } all_tables[] = {
    {three_units_begin, three_units_end}, {one_unit_begin, one_unit_end},
    {newer_begin, newer_end}};

static void every_byte_with_every_value(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(all_tables); i++) {
        struct table original = load(all_tables[i].begin, all_tables[i].end);
        for (u32 at = 10; at < original.size; at++) {
            for (u32 value = 0; value < 256; value++) {
                struct table t = original;
                t.bytes[at] = (u8)value;
                seal(&t);
                check_any(&t);
            }
        }
    }
}

/* A cut table is good only where a structure ends, a few bytes before the next aside, and only with a unit in it. */
static void every_length(void **state)
{
    (void)state;
    static const u32 ends[] = {DRHD2, DRHD3, RMRR, ATSR, RHSA, ANDD};
    struct table original = load_three_units();
    assert_int_equal(original.size, 242);
    for (u32 size = 0; size < original.size; size++) {
        struct table t = original;
        bool at_end = false;
        t.size = size;
        for (u32 i = 0; i < ARRAY_LEN(ends); i++) {
            at_end = at_end || size - ends[i] < 4;
        }
        if (size >= 10) {
            seal(&t);
        }
        assert_int_equal(parse(&t), at_end ? OK : ERR_MALFORMED);
    }
}

/* Two bytes at a time, where a change of one hides another. */
static void random_pairs(void **state)
{
    (void)state;
    u32 random = 12345;
    for (u32 i = 0; i < 200000; i++) {
        struct table t = load(all_tables[i % 3].begin, all_tables[i % 3].end);
        for (u32 j = 0; j < 2 + i % 3; j++) {
            random = random * 1664525 + 1013904223;
            u32 at = 36 + (random >> 8) % (t.size - 36);
            random = random * 1664525 + 1013904223;
            t.bytes[at] = (u8)(random >> 16);
        }
        seal(&t);
        check_any(&t);
    }
}

static u32 put_drhd(struct table *t, u64 base, u32 scopes)
{
    u32 at = t->size;
    u16 length = (u16)(16 + 8 * scopes);
    memset(t->bytes + at, 0, length);
    memcpy(t->bytes + at + 2, &length, 2);
    memcpy(t->bytes + at + 8, &base, 8);
    for (u32 i = 0; i < scopes; i++) {
        u8 *scope = t->bytes + at + 16 + 8 * i;
        scope[0] = VTD_SCOPE_IOAPIC;
        scope[1] = 8;
        scope[5] = (u8)i;
    }
    t->size += length;
    return at;
}

static void as_many_units_as_there_is_room_for(void **state)
{
    (void)state;
    struct table t = LOAD(one_unit);
    t.size = 48;
    u32 last = 0;
    for (u32 i = 0; i < VTD_DMAR_UNITS; i++) {
        last = put_drhd(&t, 0xfe000000 + (u64)i * 4096, 0);
    }
    seal(&t);
    assert_int_equal(parse(&t), OK);
    assert_int_equal(dmar.unit_count, VTD_DMAR_UNITS);
    last = put_drhd(&t, 0xff000000, 0);
    seal(&t);
    assert_int_equal(parse(&t), ERR_NO_MEMORY);
    assert_int_equal(error.offset, last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_of_the_specification),
        cmocka_unit_test(other_structures),
        cmocka_unit_test(smallest_table),
        cmocka_unit_test(structures_of_newer_revisions),
        cmocka_unit_test(each_doubt_about_a_unit_is_refused_where_it_is),
        cmocka_unit_test(each_mistake_is_noted_where_it_is),
        cmocka_unit_test(a_table_without_mistakes_has_no_notes),
        cmocka_unit_test(reserved_regions_in_all_forms),
        cmocka_unit_test(units_that_stand_twice),
        cmocka_unit_test(windows_are_separate),
        cmocka_unit_test(what_follows_the_last_structure),
        cmocka_unit_test(an_endpoint_in_a_list_of_root_ports),
        cmocka_unit_test(more_notes_than_are_kept),
        cmocka_unit_test(header_is_checked),
        cmocka_unit_test(bytes_after_the_table_are_not_read),
        cmocka_unit_test(every_byte_with_every_value),
        cmocka_unit_test(every_length),
        cmocka_unit_test(random_pairs),
        cmocka_unit_test(as_many_units_as_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
