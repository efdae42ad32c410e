/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's tables against a unit that has one stage: the same request through the same tables
 * must end the same way, with the same fault record. Every bit of every structure is turned over once. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_tables.h"

enum { SID = TABLES_SID, DID = TABLES_DID };
#define IOVA TABLES_IOVA

static void root_bits(void **state)
{
    (void)state;
    tables_each_bit(ROOT);
}

static void context_bits(void **state)
{
    (void)state;
    tables_each_bit(CONTEXT);
}

static void directory_bits(void **state)
{
    (void)state;
    tables_each_bit(DIR);
    tables_each_bit(DIR_RID);
}

static void pasid_entry_bits(void **state)
{
    (void)state;
    tables_each_bit(ENTRY);
    tables_each_bit(ENTRY_RID);
}

/* Legacy mode on a unit without second stages: every request faults, and says why. */
static void legacy_tables(void **state)
{
    (void)state;
    for (u32 bit = 0; bit < 64 * 4; bit++) {
        struct tables t;
        char name[32];
        tables_build(&t, true);
        u64 root = kit_page(&t.p.kit);
        u64 contexts = kit_page(&t.p.kit);
        u64 at[2] = {root + (SID >> 8) * 16, contexts + (SID & 0xff) * 16};
        kit_at(at[0])[0] = contexts | 1;
        kit_at(at[1])[0] = kit_page(&t.p.kit) | 1;
        kit_at(at[1])[1] = 2 | DID << 8;
        kit_at(at[bit / 128])[bit / 64 % 2] ^= 1ull << bit % 64;
        t.p.kit.root = root;
        pair_write(&t.p, R_RTADDR, 8, root);
        pair_write(&t.p, R_GCMD, 4, G_SRTP);
        pair_write(&t.p, R_GCMD, 4, G_TE);
        tables_access(&t);
        (void)snprintf(name, sizeof(name), "legacy bit %u", bit);
        tables_finish(&t, name);
    }
}

/* The same with RTADDR.TTM = 10b and, on a unit without ADMS, 11b. */
static void modes_that_do_not_exist(void **state)
{
    (void)state;
    for (u32 ttm = 2; ttm <= 3; ttm++) {
        struct tables t;
        tables_build(&t, true);
        pair_write(&t.p, R_RTADDR, 8, t.p.kit.root | ttm << 10);
        pair_write(&t.p, R_GCMD, 4, G_SRTP);
        pair_write(&t.p, R_GCMD, 4, G_TE);
        tables_access(&t);
        tables_finish(&t, "reserved mode");
    }
}

static void guest_cannot_turn_device_tlbs_on(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    struct kit_fault fault;
    kit_start(&kit);
    u64 target = kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_context(&kit, SID, 0, 0)[0] |= 1u << 2; /* DTE */
    kit_boot(&kit);
    assert_int_not_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x42);
    struct model_outcome outcome;
    const struct model_request translated = {.sid = SID, .op = MODEL_READ, .at = MODEL_TRANSLATED,
                                             .addr = target, .len = 8};
    assert_false(model_dma(kit.unit, &translated, &value, &outcome));
    kit_context(&kit, SID, 0, 0)[0] &= ~4ull;
    kit_invalidate_all(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_false(model_dma(kit.unit, &translated, &value, &outcome));
    assert_true(kit_stop(&kit));
}

static u64 flip_at;
static void flip_after_read(struct kit *kit, u64 gpa, size_t len)
{
    (void)kit;
    if (flip_at >= gpa && flip_at < gpa + len) {
        kit_at(flip_at & ~7ull)[0] ^= HOSTED_POOL; /* the pointer now leads into Nestor */
    }
}

static void memory_that_changes_between_reads(void **state)
{
    (void)state;
    for (u32 which = 0; which < 5; which++) {
        struct kit kit;
        u64 value = 0;
        kit_start(&kit);
        (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
        u64 *context = kit_context(&kit, SID, 0, 0);
        const u64 at[] = {kit.root, (u64)((u8 *)context - hosted_memory()), context[0] & ~PAGE_MASK,
                          (u64)((u8 *)kit_pasid_entry(&kit, SID, 0) - hosted_memory()),
                          (u64)((u8 *)kit_pasid_entry(&kit, SID, 0) - hosted_memory()) + 16};
        flip_at = at[which];
        kit.after_read = flip_after_read;
        kit_boot(&kit);
        kit_invalidate_all(&kit);
        kit.after_read = NULL;
        (void)kit_dma(&kit, SID, true, IOVA, &value);
            assert_true(kit_stop(&kit));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_bits),
        cmocka_unit_test(context_bits),
        cmocka_unit_test(directory_bits),
        cmocka_unit_test(pasid_entry_bits),
        cmocka_unit_test(legacy_tables),
        cmocka_unit_test(modes_that_do_not_exist),
        cmocka_unit_test(guest_cannot_turn_device_tlbs_on),
        cmocka_unit_test(memory_that_changes_between_reads),
    };
    return cmocka_run_group_tests_name("viommu_walk", tests, NULL, NULL);
}
