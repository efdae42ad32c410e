/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's ring: order, head, errors, bounds. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit_pair.h"

enum { SID = 0x0010, SID_2 = 0x0218, DID = 7, ALL_STATUS = G_TE | G_SRTP | G_QIE };
#define IOVA 0x7f12345000ull

static void queue_errors_stop_and_restart(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    kit_write(&kit, R_FEDATA, 4, 0x31);
    kit_write(&kit, R_FEADDR, 4, 0xfee00000);
    kit_write(&kit, R_FECTL, 4, 0);
    u64 tail = kit_queue(&kit, 0, 0x25 | 1ull << 32, status);
    u64 bad = tail;
    tail = kit_queue(&kit, tail, 0x03, 0);                       /* device TLB: DT is 0 */
    tail = kit_queue(&kit, tail, 0x25 | 2ull << 32, status + 8);
    kit_write(&kit, R_IQT, 8, tail);
    assert_int_equal(kit_at(status)[0], 1);                      /* what is before completes */
    assert_int_equal(kit_at(status)[1], 0);
    assert_int_equal(kit_read(&kit, R_FSTS, 4), 0x10);
    assert_int_equal(kit_read(&kit, R_IQERCD, 8), 3);
    assert_int_equal(kit_read(&kit, R_IQH, 8), bad);
    assert_int_equal(kit.interrupts, 1);
    assert_int_equal(kit.interrupt_data, 0x31);
    (void)kit_queue(&kit, bad, 0x05, 0);                         /* what Linux does: overwrite */
    kit_write(&kit, R_FSTS, 4, 0x10);
    assert_int_equal(kit_at(status)[1], 2);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    assert_true(kit_stop(&kit));
}

/* However often it stops, it is told of again: the 8th time and the 64th, but not the 63rd. */
static void queue_errors_are_told_for_ever(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    kit_boot(&kit);
    for (u32 i = 1; i <= 64; i++) {
        u64 head = kit_read(&kit, R_IQH, 8);
        hosted_clear_log();
        kit_write(&kit, R_IQT, 8, kit_queue(&kit, head, i % 2 != 0 ? 0x03 : 0x25, HOSTED_POOL));
        assert_int_equal(kit_read(&kit, R_FSTS, 4), 0x10);
        bool told = i <= 8 || i == 16 || i == 64;
        assert_int_equal(hosted_log_lines(), told ? 1 + (i % 2 == 0) : 0); /* of a wait its address, too */
        (void)kit_queue(&kit, head, 0x05, 0);
        kit_write(&kit, R_FSTS, 4, 0x10);
    }
    assert_true(kit_stop(&kit));
}

static void head_waits_for_the_walk(void **state)
{
    (void)state;
    struct kit kit;
    u64 head;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    kit_context(&kit, SID_2, 7u << 9 | 8, 0);
    u64 big = kit_pages(&kit, 32);
    kit_context(&kit, SID_2, 0, 0)[0] = big | 7u << 9 | 8 | 1;
    u64 table = kit_page(&kit);
    for (u32 i = 0; i < 2048; i++) {
        kit_at(big)[i] = table | 1;
    }
    u64 tail = kit_queue(&kit, 0, 0x11, 0);
    tail = kit_queue(&kit, tail, 0x37, 0);
    tail = kit_queue(&kit, tail, 0x25 | 5ull << 32, status);
    bool left = viommu_mmio_write(kit.v, R_IQT, 8, tail);
    assert_true(left);
    u32 calls = 0;
    while (left) {
        (void)viommu_mmio_read(kit.v, R_IQH, 8, &head);
        assert_true(head == tail || kit_at(status)[0] == 0);
        left = kit_run(&kit, 16);
        calls++;
    }
    assert_true(calls > 4);
    assert_int_equal(kit_at(status)[0], 5);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    assert_true(kit_stop(&kit));
}

/* The unit's ring fills up behind a hang: the guest's waits stay in its own, and in order. */
static void a_full_unit_queue_delays_but_keeps_order(void **state)
{
    (void)state;
    const struct model_faults hang = {.queue_hang = true}, well = {.queue_hang = false};
    enum { BATCH = 100 };
    struct kit kit;
    u64 head, tail = 0;
    u32 value = 0;
    bool left = false;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    model_set_faults(kit.unit, &hang);
    for (u32 batch = 0; batch < 10 && !left; batch++) {
        for (u32 i = 0; i < BATCH; i++) {
            tail = kit_queue(&kit, tail, 0x25 | (u64)++value << 32, status);
        }
        left = viommu_mmio_write(kit.v, R_IQT, 8, tail);
    }
    assert_true(left);
    (void)viommu_mmio_read(kit.v, R_IQH, 8, &head);
    assert_int_not_equal(head, tail);
    assert_int_equal(kit_at(status)[0], 0);
    model_set_faults(kit.unit, &well);
    model_kick(kit.unit);
    kit_finish(&kit);
    assert_int_equal(kit_at(status)[0], value);
    assert_int_equal(kit_read(&kit, R_IQH, 8), tail);
    assert_int_equal(kit_stats(&kit).waits, value);
    assert_true(kit_stop(&kit));
}

/* As many commands as a ring of 128 pages holds; each exit does a bounded part, in order. */
static void a_ring_full_of_commands(void **state)
{
    (void)state;
    enum { RING_PAGES = 128, COUNT = RING_PAGES * 128 - 1 };
    struct kit kit;
    u64 exits = 0, most = 0, seen = 0;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit.ring = kit_pages(&kit, RING_PAGES);
    u64 status = kit_page(&kit);
    kit_write(&kit, R_IQA, 8, kit.ring | 1u << 11 | 7);
    kit_write(&kit, R_GCMD, 4, G_QIE);
    kit_set_root(&kit, 1);
    kit_translate(&kit, true);
    for (u64 i = 0; i < COUNT; i++) {
        u64 *w = kit_at(kit.ring + i * 32);
        w[0] = i % 2 == 0 ? 0x36 | DID << 16 : 0x25 | i << 32;
        w[1] = i % 2 == 0 ? IOVA : status;
    }
    bool left = viommu_mmio_write(kit.v, R_IQT, 8, COUNT * 32);
    while (left) {
        u64 before = kit_stats(&kit).descriptors;
        left = kit_run(&kit, VIOMMU_BUDGET);
        u64 done = kit_stats(&kit).descriptors - before;
        most = done > most ? done : most;
        assert_true(kit_at(status)[0] >= seen);
        seen = kit_at(status)[0];
        exits++;
    }
    assert_true(exits > COUNT / VIOMMU_BUDGET / 2);
    assert_true(most <= VIOMMU_BUDGET);
    assert_int_equal(kit_stats(&kit).waits, COUNT / 2);
    assert_int_equal(kit_read(&kit, R_IQH, 8), COUNT * 32);
    assert_true(kit_stop(&kit));
}

/* While commands of one register are not done, other registers answer and change nothing. */
static void accesses_in_between_keep_the_order(void **state)
{
    (void)state;
    struct kit kit;
    u64 value, head;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    u64 tail = 0;
    for (u64 i = 1; i <= 120; i++) {
        tail = kit_queue(&kit, tail, i % 4 == 0 ? 0x25 | i << 32 : 0x37, i % 4 == 0 ? status : 0);
    }
    bool left = viommu_mmio_write(kit.v, R_IQT, 8, tail);
    u64 last = 0;
    while (left) {
        (void)viommu_mmio_read(kit.v, R_GSTS, 4, &value);
        assert_int_equal(value, ALL_STATUS);
        (void)viommu_mmio_read(kit.v, R_IQH, 8, &head);
        assert_true(head >= last);
        last = head;
        left = kit_run(&kit, 8);
    }
    assert_int_equal(kit_at(status)[0], 120);
    assert_true(kit_stop(&kit));
}

/* 128-bit descriptors exist only in legacy mode; tails beyond the ring; a ring where there is no memory. */
static void rings(void **state)
{
    (void)state;
    static const struct { const char *name; u32 ttm; u64 iqa, iqt; } cases[] = {
        {"narrow, scalable", 1, 0, 0x20}, {"narrow, legacy", 0, 0, 0x20},
        {"narrow, legacy, odd tail", 0, 0, 0x30}, {"wide, legacy", 0, 1 << 11, 0x40},
        {"wide, odd tail", 1, 1 << 11, 0x30}, {"tail at the end", 1, 1 << 11, 0x1000},
        {"tail beyond", 1, 1 << 11, 0x40000}, {"two pages", 1, 1 << 11 | 1, 0x1fe0},
        {"nowhere", 1, 1ull << 40 | 1 << 11, 0x40},
        {"above the width", 1, 1ull << 60 | 1 << 11, 0x20},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair p;
        pair_start(&p);
        u64 ring = kit_pages(&p.kit, 2);
        for (u32 at = 0; at < 0x2000; at += 32) {
            kit_at(ring + at)[0] = 0x12;
            kit_at(ring + at)[2] = cases[i].iqa == 0 ? 0x11 : 0;
        }
        pair_write(&p, R_RTADDR, 8, p.kit.root | (u64)cases[i].ttm << 10);
        pair_write(&p, R_GCMD, 4, G_SRTP);
        pair_write(&p, R_IQT, 8, cases[i].iqt);
        pair_write(&p, R_IQA, 8, (cases[i].iqa >> 40 ? 0 : ring) | cases[i].iqa);
        pair_write(&p, R_GCMD, 4, G_QIE);
        pair_compare(&p);
        pair_write(&p, R_GCMD, 4, 0); /* off only when it is empty */
        pair_compare(&p);
        pair_finish(&p, cases[i].name);
    }
}

/* The unit's queue dies while a descriptor's scan is under way: commands go on, and no work is left over. */
/* IQA makes descriptors wide where the head stands in the middle of one: an error, and no end of time. */
static void a_head_between_two_wide_descriptors(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    u64 narrow = kit_page(&kit);
    kit_write(&kit, R_IQA, 8, narrow);
    kit_write(&kit, R_GCMD, 4, G_QIE);
    kit_at(narrow)[0] = 0x05;
    kit_write(&kit, R_IQT, 8, 16);
    assert_int_equal(kit_read(&kit, R_IQH, 8), 16);
    kit_write(&kit, R_IQA, 8, kit_page(&kit) | 1u << 11);
    kit_write(&kit, R_IQT, 8, 64);
    assert_int_equal(kit_read(&kit, R_FSTS, 4), 0x10);
    assert_int_equal(kit_read(&kit, R_IQERCD, 8), 6);
    assert_int_equal(kit_read(&kit, R_IQH, 8), 16);
    assert_true(kit_stop(&kit));
}

static void a_dead_queue_during_a_scan(void **state)
{
    (void)state;
    enum { DEVICES = 160 };
    const struct model_faults hang = {.queue_hang = true};
    struct kit kit;
    kit_start(&kit);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    for (u16 i = 0; i < DEVICES; i++) {
        kit_first_stage(&kit, (u16)(0x100 + i), 0, DID, fs_root);
    }
    kit_boot(&kit);
    model_set_faults(kit.unit, &hang);
    kit_pasid_entry(&kit, 0x100, 0)[0] = 0; /* its removal kills the queue */
    u64 tail = kit_queue(&kit, kit_read(&kit, R_IQT, 8), 0x37, 0);
    if (viommu_mmio_write(kit.v, R_IQT, 8, tail)) {
        kit_finish(&kit);
    }
    tail = kit_queue(&kit, tail, 0x26 | DID << 16, 0);
    tail = kit_queue(&kit, tail, 0x37, 0);
    (void)viommu_mmio_write(kit.v, R_IQT, 8, tail);
    (void)viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE);
    u32 runs = 0;
    while (kit_run(&kit, VIOMMU_BUDGET) && runs < 1000) {
        runs++;
    }
    assert_true(runs < 1000);
    u64 status;
    (void)viommu_mmio_read(kit.v, R_GSTS, 4, &status);
    assert_int_equal(status & G_TE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_errors_stop_and_restart),
        cmocka_unit_test(queue_errors_are_told_for_ever),
        cmocka_unit_test(head_waits_for_the_walk),
        cmocka_unit_test(a_full_unit_queue_delays_but_keeps_order),
        cmocka_unit_test(a_ring_full_of_commands),
        cmocka_unit_test(accesses_in_between_keep_the_order),
        cmocka_unit_test(rings),
        cmocka_unit_test(a_head_between_two_wide_descriptors),
        cmocka_unit_test(a_dead_queue_during_a_scan),
    };
    return cmocka_run_group_tests_name("viommu_queue", tests, NULL, NULL);
}
