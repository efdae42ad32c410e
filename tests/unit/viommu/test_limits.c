/*
 * What a guest can ask for, and where it ends: steps per exit with the order kept, table
 * pages, domain ids; transitions with leftovers; a unit that hangs. Also what costs nothing.
 */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

enum { SID = 0x0010, SID_2 = 0x0218, DID = 7, ALL_STATUS = G_TE | G_SRTP | G_QIE };
#define IOVA 0x7f12345000ull

static u64 device(struct kit *kit, u16 sid, u32 pasid, u16 did)
{
    u64 target = kit_page(kit);
    u64 fs_root = kit_page(kit);
    kit_map(kit, fs_root, IOVA, target, 6);
    kit_first_stage(kit, sid, pasid, did, fs_root);
    return target;
}

/* --- budgets --- */

/* As many commands as a ring of 128 pages holds; each exit does a bounded part, in order. */
static void a_ring_full_of_commands(void **state)
{
    enum { RING_PAGES = 128, COUNT = RING_PAGES * 128 - 1 };
    struct kit kit;
    u64 exits = 0, most = 0, seen = 0;
    (void)state;
    kit_start(&kit);
    (void)device(&kit, SID, 0, DID);
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
        left = viommu_run(kit.v, VIOMMU_BUDGET);
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
    struct kit kit;
    u64 value, head;
    (void)state;
    kit_start(&kit);
    (void)device(&kit, SID, 0, DID);
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
        left = viommu_run(kit.v, 8);
    }
    assert_int_equal(kit_at(status)[0], 120);
    assert_true(kit_stop(&kit));
}

/* --- quotas --- */

static void table_pages_are_counted(void **state)
{
    const struct viommu_config quotas = {.max_table_pages = 12};
    struct kit kit;
    u64 value = 0;
    (void)state;
    kit_start_with(&kit, &quotas);
    u64 fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    for (u32 i = 1; i < 24; i++) { /* each PASID in a table page of its own */
        kit_first_stage(&kit, SID, i * 64, DID, fs_root);
    }
    kit_boot(&kit);
    assert_in_range(host_attached(), 4, 11);
    assert_true(hosted_pages_used() - kit.pages_before < 40);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    u32 bound = host_attached();
    /* Moving on from PASID to PASID does not get it more pages. */
    for (u32 i = 1; i < 24; i++) {
        kit_pasid_entry(&kit, SID, i * 64)[0] = 0;
        kit_invalidate_all(&kit);
    }
    assert_true(host_attached() < bound);
    assert_true(hosted_pages_used() - kit.pages_before < 40);
    /* A device that lets go of everything gets its room back. */
    kit_translate(&kit, false);
    for (u32 i = 1; i < 4; i++) {
        kit_first_stage(&kit, SID, i * 64, DID, fs_root);
    }
    kit_translate(&kit, true);
    assert_int_equal(host_attached(), 4);
    assert_true(kit_stop(&kit));
}

/*
 * Two entries that lead to one first-stage table differ in EAFE (VT-d 6.2.3.1): the second is
 * refused until they agree. A single entry may change it in place.
 */
static void one_table_has_one_eafe(void **state)
{
    enum { EAFE = 1 << 7, OTHER = 9 };
    struct kit kit;
    u64 value = 0, fs_root;
    (void)state;
    kit_start(&kit);
    fs_root = kit_page(&kit);
    kit_map(&kit, fs_root, IOVA, kit_page(&kit), 6);
    kit_first_stage(&kit, SID, 0, DID, fs_root);
    kit_boot(&kit);
    kit_pasid_entry(&kit, SID, 0)[2] |= EAFE;
    kit_invalidate_all(&kit);
    assert_int_equal(kit_stats(&kit).entry_refusals, 0);
    assert_null(strstr(hosted_log(), "another FSPM or EAFE"));
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    for (u32 i = 0; i < 2; i++) {
        u64 refusals = kit_stats(&kit).entry_refusals;
        hosted_clear_log();
        kit_first_stage(&kit, i == 0 ? SID : SID_2, OTHER, i == 0 ? DID : DID + 1, fs_root);
        kit_invalidate_all(&kit);
        assert_true(kit_stats(&kit).entry_refusals > refusals);
        assert_int_equal(host_attached(), 1);
        assert_non_null(strstr(hosted_log(), "another FSPM or EAFE"));
        assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
        assert_int_not_equal(kit_dma_pasid(&kit, i == 0 ? SID : SID_2, OTHER, false, IOVA, &value),
                             0);
        kit_pasid_entry(&kit, i == 0 ? SID : SID_2, OTHER)[0] = 0;
    }
    kit_first_stage(&kit, SID, OTHER, DID, fs_root);
    kit_pasid_entry(&kit, SID, OTHER)[2] |= EAFE;
    kit_invalidate_all(&kit);
    assert_int_equal(host_attached(), 2);
    assert_int_equal(kit_dma_pasid(&kit, SID, OTHER, false, IOVA, &value), 0);
    assert_int_equal(kit_stats(&kit).host_errors, 0);
    assert_true(kit_stop(&kit));
}

static void domain_ids_are_counted(void **state)
{
    const struct viommu_config quotas = {.max_domains = 3};
    struct kit kit;
    (void)state;
    kit_start_with(&kit, &quotas);
    for (u16 i = 0; i < 6; i++) {
        (void)device(&kit, (u16)(SID + 8 * i), 0, (u16)(DID + i));
    }
    u32 lines = hosted_log_lines();
    kit_boot(&kit);
    assert_int_equal(host_attached(), 3);
    assert_int_equal(host_domain_ids_used(), 3);
    assert_int_equal(kit_stats(&kit).quota_refusals, 3);
    assert_int_equal(hosted_log_lines(), lines + 1);
    assert_true(kit_stop(&kit));
}

/* One PASID under one guest domain id with two tables: the ids split, a bounded number of times. */
static void one_domain_with_many_tables(void **state)
{
    struct kit kit;
    u64 value = 0;
    u32 reached = 0;
    (void)state;
    kit_start(&kit);
    for (u16 i = 0; i < 8; i++) {
        (void)device(&kit, (u16)(SID + 8 * i), 0, DID);
    }
    kit_boot(&kit);
    for (u16 i = 0; i < 8; i++) {
        reached += kit_dma(&kit, (u16)(SID + 8 * i), true, IOVA, &value) == 0;
    }
    assert_int_equal(reached, host_attached());
    assert_in_range(reached, 2, 7);
    /* An invalidation by the guest's id reaches all of them. */
    assert_true(kit_submit(&kit, 0x26 | DID << 16, 0));
    assert_true(kit_stop(&kit));
}

/* --- what costs nothing --- */

static void maps_are_free(void **state)
{
    struct kit kit;
    u64 value = 0;
    (void)state;
    kit_start(&kit);
    (void)device(&kit, SID, 0, DID);
    kit_boot(&kit);
    u64 fs_root = kit_pasid_entry(&kit, SID, 0)[2];
    struct viommu_stats before = kit_stats(&kit);
    for (u32 i = 1; i < 64; i++) {
        kit_map(&kit, fs_root, IOVA + i * PAGE_SIZE, kit_page(&kit), 6);
        assert_int_equal(kit_dma(&kit, SID, true, IOVA + i * PAGE_SIZE, &value), 0);
    }
    struct viommu_stats after = kit_stats(&kit);
    assert_memory_equal(&before, &after, sizeof(before));
    /* An unmap of all of them is one exit and two descriptors to the unit. */
    u64 tail = kit_queue(&kit, 0, 0x26 | DID << 16, 0);
    tail = kit_queue(&kit, tail, 0x25 | 2ull << 32, kit_page(&kit));
    kit_write(&kit, R_IQT, 8, tail);
    after = kit_stats(&kit);
    assert_int_equal(after.exits, before.exits + 1);
    assert_int_equal(after.forwarded, before.forwarded + 2);
    assert_int_equal(after.batches, before.batches + 1);
    assert_true(kit_stop(&kit));
}

/* --- transitions --- */

/* A kernel starts another without saying goodbye: translation, queue and events are on. */
static void kexec_with_leftovers(void **state)
{
    struct kit kit;
    u64 value = 0;
    struct kit_fault fault;
    (void)state;
    kit_start(&kit);
    u64 old = device(&kit, SID, 0, DID);
    (void)device(&kit, SID_2, 0, DID + 1);
    kit_boot(&kit);
    kit_write(&kit, R_FECTL, 4, 0);
    (void)kit_dma(&kit, SID, false, IOVA + PAGE_SIZE, &value); /* a fault nobody served */
    /* The next kernel: sees TES, disables, takes its own queue and tables. */
    assert_int_equal(kit_read(&kit, R_GSTS, 4), ALL_STATUS);
    kit_translate(&kit, false);
    assert_int_equal(kit_kind(&kit, SID, old), MODEL_KIND_SECOND_STAGE);
    assert_int_equal(host_attached(), 0);
    kit_write(&kit, R_GCMD, 4, 0);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_QIE, 0);
    assert_int_equal(kit_read(&kit, R_IQH, 8), 0);
    kit.ring = kit_page(&kit);
    kit.root = kit_page(&kit);
    u64 target = device(&kit, SID, 0, DID + 2);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
    assert_int_equal(kit_kind(&kit, SID, IOVA), MODEL_KIND_NESTED);
    assert_int_not_equal(kit_dma(&kit, SID_2, true, IOVA, &value), 0);
    while (kit_take_fault(&kit, &fault)) {
    }
    assert_int_equal(kit_read(&kit, R_FSTS, 4) & 2, 0);
    (void)target;
    assert_true(kit_stop(&kit));
}

/* The next kernel replaces the tables without turning anything off (a crash kernel). */
static void crash_kernel_switches_the_root(void **state)
{
    struct kit kit;
    u64 value = 0;
    (void)state;
    kit_start(&kit);
    (void)device(&kit, SID, 0, DID);
    kit_boot(&kit);
    kit.root = kit_page(&kit);
    u64 target = device(&kit, SID_2, 0, DID);
    kit_set_root(&kit, 1);
    assert_int_not_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
    value = 0x1234;
    assert_int_equal(kit_dma(&kit, SID_2, true, IOVA, &value), 0);
    assert_int_equal(kit_at(target)[0], 0x1234);
    assert_true(host_root_is_guest());
    assert_true(kit_stop(&kit));
}

/* A reset in the middle of a walk, of a full queue, and of a command. */
static void reset_at_any_time(void **state)
{
    (void)state;
    for (u32 steps = 1; steps < 400; steps += 13) {
        struct kit kit;
        u64 value = 0;
        kit_start(&kit);
        u64 target = device(&kit, SID, 0, DID);
        (void)device(&kit, SID, 0x1000, DID);
        kit_context(&kit, SID_2, 8 | 7u << 9, 0);
        kit_queue_on(&kit);
        kit_set_root(&kit, 1);
        (void)viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | G_TE);
        (void)viommu_run(kit.v, steps);
        u64 tail = kit_queue(&kit, 0, 0x11, 0);
        tail = kit_queue(&kit, tail, 0x37, 0);
        (void)viommu_mmio_write(kit.v, R_IQT, 8, tail);
        (void)viommu_run(kit.v, steps);
        assert_int_equal(viommu_reset(kit.v), OK);
        assert_int_equal(kit_read(&kit, R_GSTS, 4), 0);
        assert_int_equal(kit_read(&kit, R_IQT, 8), 0);
        assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE);
        assert_int_equal(host_attached(), 0);
        kit_boot(&kit);
        assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
        assert_true(kit_stop(&kit));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_full_of_commands),
        cmocka_unit_test(accesses_in_between_keep_the_order),
        cmocka_unit_test(table_pages_are_counted),
        cmocka_unit_test(one_table_has_one_eafe),
        cmocka_unit_test(domain_ids_are_counted),
        cmocka_unit_test(one_domain_with_many_tables),
        cmocka_unit_test(maps_are_free),
        cmocka_unit_test(kexec_with_leftovers),
        cmocka_unit_test(crash_kernel_switches_the_root),
        cmocka_unit_test(reset_at_any_time),
    };
    return cmocka_run_group_tests_name("viommu_limits", tests, NULL, NULL);
}
