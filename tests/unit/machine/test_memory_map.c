/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's address is: ranges of the firmware's map, Nestor's own memory in one of them, protected regions. */
#include "hv/machine/memory_map.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MIB (1ull << 20)
enum { RAM = 1 << RANGE_RAM, READABLE = 1 << RANGE_RAM | 1 << RANGE_RESERVED | 1 << RANGE_FIRMWARE };

/* 10 MiB of RAM in two ranges that touch, a reserved one behind, a gap, device memory, RAM again. */
static struct handover *machine(void)
{
    static struct handover h = {
        .ranges = {
            {MIB, 4 * MIB, RANGE_RAM}, {5 * MIB, 6 * MIB, RANGE_RAM}, {11 * MIB, MIB, RANGE_RESERVED},
            {16 * MIB, MIB, RANGE_MMIO}, {20 * MIB, 4 * MIB, RANGE_RAM}, {24 * MIB, MIB, RANGE_FIRMWARE},
        },
        .range_count = 6,
        .memory_base = 8 * MIB, .memory_size = 2 * MIB,
        .protect = {{2 * MIB, 2 * PAGE_SIZE, false}, {21 * MIB, PAGE_SIZE, true}},
        .protect_count = 2,
    };
    return &h;
}

struct question {
    u64 addr, len;
    u32 kinds;
    bool holds;
};

static void kinds(void **state)
{
    static const struct question questions[] = {
        {0, 1, RAM, false}, {MIB - 1, 1, RAM, false}, {MIB - 1, 2, RAM, false},
        {MIB, 1, RAM, true}, {MIB, MIB, RAM, true},
        {5 * MIB - 8, 16, RAM, true},                                   /* two ranges that touch */
        {11 * MIB - 1, 1, RAM, true}, {11 * MIB - 1, 2, RAM, false}, {11 * MIB - 1, 2, READABLE, true},
        {11 * MIB, 1, RAM, false}, {11 * MIB, MIB, READABLE, true}, {12 * MIB - 1, 2, READABLE, false},
        {14 * MIB, 1, READABLE, false},                                 /* no range at all */
        {16 * MIB, 1, READABLE, false}, {16 * MIB, 1, 1 << RANGE_MMIO, true},
        {24 * MIB - 1, 2, READABLE, true}, {25 * MIB - 1, 1, READABLE, true}, {25 * MIB, 1, READABLE, false},
        {~0ull, 1, READABLE, false}, {25 * MIB, 0, READABLE, true},
    };
    (void)state;
    memory_map_init(machine());
    /* Twice: the second time the answer comes from what was found before. */
    for (u32 i = 0; i < 2 * ARRAY_LEN(questions); i++) {
        const struct question *q = &questions[i % ARRAY_LEN(questions)];
        if (memory_map_holds(q->addr, q->len, q->kinds) != q->holds) {
            fail_msg("%llx + %llx, kinds %x: not %u", q->addr, q->len, q->kinds, q->holds);
        }
    }
}

static void own_memory_is_nobodys(void **state)
{
    (void)state;
    memory_map_init(machine());
    assert_true(memory_map_holds(8 * MIB - 1, 1, RAM));
    assert_false(memory_map_holds(8 * MIB - 1, 2, RAM));
    for (u64 at = 8 * MIB; at < 10 * MIB; at += PAGE_SIZE) {
        assert_false(memory_map_holds(at, 1, READABLE));
    }
    assert_false(memory_map_holds(10 * MIB - 1, 2, RAM));
    assert_true(memory_map_holds(10 * MIB, MIB, RAM));
}

static void protected_regions(void **state)
{
    (void)state;
    memory_map_init(machine());
    assert_false(memory_map_is_protected(2 * MIB - 1, 1));
    assert_true(memory_map_is_protected(2 * MIB - 1, 2));
    assert_true(memory_map_is_protected(2 * MIB, 1));
    assert_true(memory_map_is_protected(2 * MIB + 2 * PAGE_SIZE - 1, 1));
    assert_false(memory_map_is_protected(2 * MIB + 2 * PAGE_SIZE, PAGE_SIZE));
    assert_true(memory_map_is_protected(21 * MIB, PAGE_SIZE));
}

/* Last, as it changes the map. */
static void what_is_taken_is_nobodys(void **state)
{
    static const struct { u64 base, size; } refused[] = {
        {6 * MIB, 1}, {5 * MIB, 2 * MIB}, {7 * MIB, 2 * MIB}, {9 * MIB, PAGE_SIZE}, {10 * MIB, 2 * MIB}, {14 * MIB, 1},
        {16 * MIB, 1}, {24 * MIB, ~0ull},
    };
    struct handover *h = machine();
    (void)state;
    memory_map_init(h);
    assert_true(memory_map_holds(5 * MIB, 3 * MIB, RAM));
    assert_true(memory_map_take(6 * MIB, MIB));
    assert_false(memory_map_holds(6 * MIB, 1, READABLE) || memory_map_holds(7 * MIB - 1, 1, READABLE));
    assert_false(memory_map_holds(6 * MIB - 1, 2, READABLE) || memory_map_holds(7 * MIB - 1, 2, READABLE));
    assert_true(memory_map_holds(MIB, 5 * MIB, RAM) && memory_map_holds(7 * MIB, MIB, RAM));
    assert_true(memory_map_holds(10 * MIB, 2 * MIB, READABLE) && memory_map_holds(20 * MIB, 5 * MIB, READABLE));
    for (u32 i = 0; i < ARRAY_LEN(refused); i++) {
        assert_false(memory_map_take(refused[i].base, refused[i].size));
    }
    assert_true(memory_map_take(20 * MIB, 4 * MIB));        /* a whole range */
    assert_false(memory_map_holds(20 * MIB, 1, READABLE) || memory_map_holds(24 * MIB - 1, 1, READABLE));
    assert_true(memory_map_holds(24 * MIB, MIB, READABLE));
    h->range_count = HANDOVER_RANGES - 1;
    assert_false(memory_map_take(24 * MIB, PAGE_SIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(own_memory_is_nobodys),
        cmocka_unit_test(protected_regions),
        cmocka_unit_test(what_is_taken_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
