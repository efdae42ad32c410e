/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose source-ids are whose, and what their DMA reaches, on two units of the reference model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/device_kit.h"

static void each_is_one_partitions(void **state)
{
    (void)state;
    const struct partition *root = device_kit_partition(0), *a = device_kit_partition(1), *b = device_kit_partition(2);
    struct handover *h = device_kit_start();
    h->function_count = 0;
    assert_int_equal(partition_sources_init(h), OK);
    assert_true(partition_sources_has(root, 0, 0xffff));
    assert_int_equal(partition_sources_kept(), 0);
    h->function_count = 3;
    assert_int_equal(partition_sources_init(h), OK);
    for (u32 sid = 0; sid < 0x10000; sid++) {
        bool of_a = sid == DEVICE_KIT_SID_A || sid == DEVICE_KIT_SID_MSI;
        assert_int_equal(partition_sources_has(a, (u16)sid, (u16)sid), of_a);
        assert_int_equal(partition_sources_has(b, (u16)sid, (u16)sid), sid == DEVICE_KIT_SID_B);
        assert_int_equal(partition_sources_has(root, (u16)sid, (u16)sid), !of_a && sid != DEVICE_KIT_SID_B);
    }
    assert_false(partition_sources_has(root, 0, 0xffff));
    assert_false(partition_sources_has(root, 0x10, 0x18));
    assert_false(partition_sources_has(root, 0x19, 0x1f));
    assert_true(partition_sources_has(root, 0x1a, 0xff));
    assert_true(partition_sources_has(root, 0x101, 0xffff));
    assert_false(partition_sources_has(root, 0x200, 0x101));
    assert_false(partition_sources_has(a, DEVICE_KIT_SID_A, DEVICE_KIT_SID_B));
    assert_false(partition_sources_has(a, 0x17, DEVICE_KIT_SID_A));
}

static void other_segments_are_the_roots(void **state)
{
    (void)state;
    const struct partition *root = device_kit_partition(0), *a = device_kit_partition(1);
    device_kit_set_segment(1);
    struct handover *h = device_kit_start();
    device_kit_set_segment(0);
    assert_int_equal(partition_sources_init(h), OK);
    assert_true(partition_sources_has_behind(a, 0, DEVICE_KIT_SID_A));
    assert_false(partition_sources_has_behind(root, 0, DEVICE_KIT_SID_A));
    assert_false(partition_sources_has_behind(a, 1, DEVICE_KIT_SID_A));
    assert_true(partition_sources_has_behind(root, 1, DEVICE_KIT_SID_A));
}

/* Of those that are to have units: whose are behind which. */
static void units_are_for_what_is_behind_them(void **state)
{
    (void)state;
    u16 sids[HANDOVER_FUNCTIONS];
    struct handover *h = device_kit_start();
    h->functions[0].unit = 1;
    assert_int_equal(partition_sources_init(h), OK);
    assert_int_equal(partition_sources_behind(device_kit_partition(1), 1, sids), 0);
    h->partitions[0].nested_units = true;
    assert_int_equal(partition_sources_behind(device_kit_partition(1), 1, sids), 1);
    assert_int_equal(sids[0], DEVICE_KIT_SID_A);
    assert_int_equal(partition_sources_behind(device_kit_partition(1), 0, sids), 1);
    assert_int_equal(sids[0], DEVICE_KIT_SID_MSI);
    assert_int_equal(partition_sources_behind(device_kit_partition(2), 0, sids), 0);
    h->functions[0].unit = DEVICE_KIT_UNITS;
    assert_int_equal(partition_sources_init(h), ERR_INVALID);
}

/* In blocks of 32, from the end of the table; MSI and MSI-X of one function share theirs. */
static void entries_are_at_the_end_of_the_table(void **state)
{
    (void)state;
    struct handover *h = device_kit_start();
    assert_int_equal(partition_sources_init(h), OK);
    assert_int_equal(partition_sources_kept(), 64);             /* 4 + 40 + 8 */
    assert_int_equal(partition_sources_entries(0), 65472);
    assert_int_equal(partition_sources_entries(1), 65476);
    assert_int_equal(partition_sources_entries(2), 65516);
    h->functions[1].interrupts = false;
    assert_int_equal(partition_sources_init(h), OK);
    assert_int_equal(partition_sources_kept(), 32);
    assert_int_equal(partition_sources_entries(2), 65508);
    h->functions[0].msix_vectors = 40000;
    assert_int_equal(partition_sources_init(h), ERR_UNSUPPORTED);
}

static void nobody_is_attached_without_protection(void **state)
{
    (void)state;
    struct handover *h = device_kit_start();
    h->functions[1].partition = 2;
    assert_int_equal(partition_sources_init(h), ERR_INVALID);
    h->functions[1].partition = 1;
    h->functions[1].segment = 1;
    assert_int_equal(partition_sources_init(h), ERR_INVALID);
    h->functions[1].segment = 0;
    assert_int_equal(partition_sources_init(h), OK);
    device_kit_partition(0)->interrupts_apart = false;
    assert_int_equal(partition_sources_attach(), ERR_UNSUPPORTED);
    device_kit_partition(0)->interrupts_apart = true;
    h->partitions[1].spans[0].gpa = 1ull << 48;
    assert_int_equal(partition_sources_attach(), ERR_UNSUPPORTED);
    assert_non_null(strstr(hosted_log(), "partition b: unit 0 does not translate all of its memory"));
}

/* Blocked from the first instant, then its partition's memory, from its address 0 on, and nothing else. */
static void dma_is_kept_to_the_partitions_memory(void **state)
{
    (void)state;
    static const u16 sids[] = {DEVICE_KIT_SID_A, DEVICE_KIT_SID_B, DEVICE_KIT_SID_MSI};
    static const u64 memory[] = {DEVICE_KIT_A, DEVICE_KIT_B, DEVICE_KIT_A};
    struct handover *h = device_kit_start();
    assert_int_equal(partition_sources_init(h), OK);
    assert_int_equal(partition_sources_attach(), OK);
    for (u32 i = 0; i < ARRAY_LEN(sids); i++) {
        assert_int_equal(device_kit_dma(sids[i], 0), 0);
        for (u32 unit = 0; unit < DEVICE_KIT_UNITS; unit++) {
            assert_int_equal(vtd_own_block(device_kit_unit(unit), sids[i], false), OK);
        }
        assert_int_equal(device_kit_dma(sids[i], 0), memory[i]);
        assert_int_equal(device_kit_dma(sids[i], DEVICE_KIT_BYTES), 0);
        assert_int_equal(device_kit_dma(sids[i], DEVICE_KIT_BYTES - PAGE_SIZE) | memory[i], memory[i]);
        assert_int_equal(device_kit_dma(sids[i], DEVICE_KIT_TABLE_A), 0);
    }
    struct vtd_fault fault;
    while (vtd_fault_next(device_kit_unit(1), &fault)) {
    }
    assert_int_not_equal(partition_sources_faults(device_kit_partition(1)), 0);
    assert_non_null(strstr(hosted_log(), ", of partition a"));
}

/* Nor does anybody have what the port above a function lets through. */
static void what_is_behind_a_port_is_nobodys(void **state)
{
    (void)state;
    const struct partition *root = device_kit_partition(0), *b = device_kit_partition(2);
    struct handover *h = device_kit_start();
    h->functions[2].behind_port = true;
    h->functions[2].first_bus = DEVICE_KIT_SID_MSI >> 8;
    h->functions[2].last_bus = (DEVICE_KIT_SID_MSI >> 8) + 1;
    assert_int_equal(partition_sources_init(h), OK);
    assert_int_equal(partition_sources_attach(), OK);
    static const struct { u16 first, last; bool has; } cases[] = {
        {0x1a, 0xff, true}, {0xff, 0x101, false}, {0x101, 0x101, false}, {0x200, 0x2ff, false}, {0x2ff, 0x300, false},
        {0x300, 0xffff, true}};
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(partition_sources_has(root, cases[i].first, cases[i].last), cases[i].has);
        assert_false(partition_sources_has(b, cases[i].first, cases[i].last));
    }
    assert_int_equal(device_kit_dma(0x101, DEVICE_KIT_ROOT), 0);
    assert_int_equal(device_kit_dma(0x2ff, DEVICE_KIT_ROOT), 0);
    assert_int_equal(device_kit_dma(DEVICE_KIT_SID_ROOT, DEVICE_KIT_ROOT), DEVICE_KIT_ROOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_one_partitions),
        cmocka_unit_test(other_segments_are_the_roots),
        cmocka_unit_test(units_are_for_what_is_behind_them),
        cmocka_unit_test(entries_are_at_the_end_of_the_table),
        cmocka_unit_test(nobody_is_attached_without_protection),
        cmocka_unit_test(dma_is_kept_to_the_partitions_memory),
        cmocka_unit_test(what_is_behind_a_port_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
