/* SPDX-License-Identifier: BSD-2-Clause */
/* The faults that the guest sees: what of the hardware's is shown, in which words, and what is cut
 * off. */
#include "iommu/viommu/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_tables.h"

enum { SID = TABLES_SID, DID = TABLES_DID };
#define IOVA TABLES_IOVA

static void nothing_changed(void **state)
{
    (void)state;
    struct tables t;
    tables_build(&t, true);
    pair_boot(&t.p);
    tables_access(&t);
    tables_finish(&t, "unchanged");
}

/* Codes that a unit with one stage can report; 44h, 47h and 49h refuse what DTE = 0 refuses. */
static bool one_stage_can_say(u8 reason)
{
    static const u8 said[] = {0x01, 0x02, 0x03, 0x08, 0x09, 0x0a, 0x0b, 0x30, 0x31, 0x34, 0x38,
                              0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
                              0x49, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x70,
                              0x71, 0x72, 0x73,
                              0x80, 0x81, 0x83, 0x85, 0x87, 0x89, 0x90, 0x91};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        if (said[i] == reason) {
            return true;
        }
    }
    return false;
}

static void every_hardware_code(void **state)
{
    (void)state;
    const struct walk_result views[] = {
        {.entry = {.present = true, .pgtt = PGTT_FIRST_STAGE},
         .first_stage = VTD_FAULT_FS_ENTRY_ACCESS},
        {.entry = {.present = true, .pgtt = PGTT_PASS_THROUGH}},
        {.reason = VTD_FAULT_PASID_ENTRY_NOT_PRESENT},
        {.reason = VTD_FAULT_PASID_ENTRY_NOT_PRESENT, .fpd = true},
        {.fpd = true, .entry = {.present = true, .pgtt = PGTT_FIRST_STAGE},
         .first_stage = VTD_FAULT_FS_ENTRY_ACCESS},
    };
    for (u32 code = 0; code < 256; code++) {
        for (size_t i = 0; i < ARRAY_LEN(views); i++) {
            u8 reason = 0;
            if (viommu_fault_map((u8)code, &views[i], &reason) == FAULT_SHOWN) {
                assert_true(one_stage_can_say(reason));
                assert_false(views[i].fpd && vtd_fault_is_qualified(reason));
            }
        }
    }
    /* FPD keeps a fault of the device's entries from the guest, not one that came before them. */
    u8 seen = 0;
    assert_int_equal(viommu_fault_map(VTD_FAULT_EXECUTE_REQUESTED, &views[4], &seen), FAULT_SHOWN);
    assert_int_equal(seen, VTD_FAULT_EXECUTE_REQUESTED);
    assert_int_equal(viommu_fault_map(VTD_FAULT_EXECUTE_NOT_SUPPORTED, &views[4], &seen), FAULT_HIDDEN);
    /* The guest never sees that a second stage is malformed or unreadable. */
    static const u8 hidden[] = {0x38, 0x3a, 0x40, 0x42, 0x43, 0x50, 0x52, 0x58, 0x5a, 0x78, 0x7a,
                                0x7b, 0x7c, 0x7d, 0x60, 0x00, 0xff};
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        u8 reason;
        assert_int_equal(viommu_fault_map(hidden[i], &views[0], &reason), FAULT_HIDDEN);
    }
}

/* If Nestor does not install an entry that is valid, the guest sees no fault of it. */
static void over_quota_is_hidden(void **state)
{
    (void)state;
    const struct viommu_config quotas = {.max_bindings = 1};
    struct kit kit;
    struct kit_fault fault;
    u64 value = 0;
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    kit_first_stage(&kit, SID + 8, 0, DID, fs_root);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&kit, SID + 8, false, IOVA, &value), 0);
    assert_false(kit_take_fault(&kit, &fault));
    assert_int_equal(kit_stats(&kit).hidden_faults, 1);
    assert_true(kit_stop(&kit));
}

static void a_fault_storm_is_cut(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    struct kit_fault fault;
    u32 seen = 0;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    for (u32 i = 0; i < 500; i++) {
        (void)kit_dma(&kit, SID, false, IOVA + 0x5000, &value);
        seen += kit_take_fault(&kit, &fault) ? 1 : 0;
    }
    assert_in_range(seen, 60, 80);
    assert_true(hosted_log_lines() < 16);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0); /* silenced, not blocked */
    /* Its entries can still be taken away. */
    kit_translate(&kit, false);
    assert_int_equal(host_attached(), 0);
    assert_true(kit_stop(&kit));
}

/* Devices that fault as fast as their faults are taken: an access ends, after 90 of the unit's registers. */
static struct kit *flooded;
static u32 taken;

static void next_fault(bool enter)
{
    u64 value = 0;
    if (!enter) {
        taken++; /* a record was cleared, and is used again */
        (void)kit_dma(flooded, (u16)(0x300 + taken % 200), false, IOVA, &value);
    }
}

static void a_flood_is_taken_in_pieces(void **state)
{
    (void)state;
    enum { ACCESSES_A_FAULT = 5, MOST = 90 / ACCESSES_A_FAULT };
    static const struct { u32 offset, size; bool write; } accesses[] = {
        {R_FSTS, 4, false}, {R_FECTL, 8, false}, {0x220, 8, false}, {0x22c, 4, false}, {R_FECTL, 8, true}};
    struct kit kit;
    u64 value = 0;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    flooded = &kit;
    for (u32 i = 0; i < ARRAY_LEN(accesses); i++) {
        (void)kit_dma(&kit, 0x300, false, IOVA, &value);
        taken = 0;
        hosted_watch_mmio(next_fault);
        if (accesses[i].write) {
            (void)viommu_mmio_write(kit.v, accesses[i].offset, accesses[i].size, 1ull << 31);
        } else {
            (void)viommu_mmio_read(kit.v, accesses[i].offset, accesses[i].size, &value);
        }
        hosted_watch_mmio(NULL);
        assert_in_range(taken, 8, MOST);
        viommu_poll_faults(kit.v);
        hosted_advance_us(2000000); /* no storm of anybody's */
    }
    assert_true(kit_stop(&kit));
}

static void overflow_and_recovery(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    struct kit_fault fault;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    for (u32 i = 0; i < 6; i++) {
        (void)kit_dma(&kit, (u16)(0x300 + i), false, IOVA, &value);
        viommu_poll_faults(kit.v);
    }
    assert_int_equal(kit_read(&kit, R_FSTS, 4) & 3, 3); /* four records and PFO */
    for (u32 i = 0; i < 4; i++) {
        assert_true(kit_take_fault(&kit, &fault));
        assert_int_equal(fault.sid, 0x300 + i);
        assert_int_equal(fault.reason, 0x39);
    }
    kit_write(&kit, R_FSTS, 4, 1);
    assert_int_equal(kit_read(&kit, R_FSTS, 4) & 3, 0);
    (void)kit_dma(&kit, 0x309, false, IOVA, &value);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.sid, 0x309);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed),
        cmocka_unit_test(every_hardware_code),
        cmocka_unit_test(over_quota_is_hidden),
        cmocka_unit_test(a_fault_storm_is_cut),
        cmocka_unit_test(a_flood_is_taken_in_pieces),
        cmocka_unit_test(overflow_and_recovery),
    };
    return cmocka_run_group_tests_name("viommu_fault", tests, NULL, NULL);
}
