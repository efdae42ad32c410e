/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unit of a partition beside the root, behind the same hardware as the root's: translation, entries, faults, events
 * and resets of each are its own, in whatever order they come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/vtd.h"
#include "tests/support/guest_kit.h"

enum { SID = 0x0108, A = KIT_FOREIGN, B = KIT_FOREIGN + 1, IOVA = 0x300000, VECTOR = 0x45 };
static const u16 sids[] = {A, B};

struct two {
    struct kit root, owner;
    struct domain *memory;
};

static void start(struct two *t)
{
    static struct vtd_owner owners[ARRAY_LEN(sids)];
    static const struct viommu_config shared = {.shared_unit = true};
    kit_start_with(&t->root, &shared);
    t->memory = kit_own(1, sids, ARRAY_LEN(sids), owners);
    vtd_fault_set_owners(host_unit(), owners, ARRAY_LEN(owners));
    kit_start_owner(&t->owner, &t->root, t->memory, sids, ARRAY_LEN(sids));
    hosted_clear_log();
}

static void stop(struct two *t)
{
    kit_stop_owner(&t->owner);
    kit_disown(t->memory, sids, ARRAY_LEN(sids));
    assert_true(kit_stop(&t->root));
}

/* Without translation of its own it reaches its own memory, and nothing of the root's. */
static void expect_second_stage(struct two *t, u16 sid)
{
    u64 value = 0;
    assert_int_equal(kit_dma(&t->root, sid, false, KIT_OWNER_RAM, &value), 0);
    assert_int_equal(kit_kind(&t->root, sid, KIT_OWNER_RAM), MODEL_KIND_SECOND_STAGE);
    assert_int_not_equal(kit_dma(&t->root, sid, false, KIT_RAM_BASE, &value), 0);
}

static void expect_nested(struct two *t, u16 sid)
{
    u64 value = 0;
    assert_int_equal(kit_dma(&t->root, sid, false, IOVA, &value), 0);
    assert_int_equal(value, KIT_VALUE);
    assert_int_equal(kit_kind(&t->root, sid, IOVA), MODEL_KIND_NESTED);
    assert_int_not_equal(kit_dma(&t->root, sid, false, KIT_OWNER_RAM, &value), 0);
}

static void expect_blocked(struct two *t, u16 sid)
{
    u64 value = 0;
    assert_int_not_equal(kit_dma(&t->root, sid, false, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&t->root, sid, false, KIT_OWNER_RAM, &value), 0);
    assert_int_not_equal(kit_dma(&t->root, sid, false, KIT_RAM_BASE, &value), 0);
}

/* The root's unit is switched, and switched back: the other's devices go through what they went through. */
static void translation_acts_on_own_devices_alone(void **state)
{
    (void)state;
    struct two t;
    u64 value = 0;
    start(&t);
    expect_second_stage(&t, A);
    kit_device(&t.owner, A, 0, 1, IOVA, NULL);
    kit_boot(&t.owner);
    assert_false(host_root_is_guest());
    for (u32 i = 0; i < 3; i++) {
        expect_nested(&t, A);
        expect_blocked(&t, B);
        assert_int_equal(kit_dma(&t.root, SID, false, KIT_RAM_BASE, &value) == 0, !host_root_is_guest());
        i == 1 ? kit_translate(&t.root, false) : kit_boot(&t.root);
    }
    assert_true(host_root_is_guest());
    kit_device(&t.root, SID, 0, 1, IOVA, NULL);
    kit_invalidate_all(&t.root);
    assert_int_equal(kit_dma(&t.root, SID, false, IOVA, &value), 0);
    kit_pass_through(&t.owner, B, 0, 2);
    kit_pass_through(&t.owner, B, 70, 2);
    kit_invalidate_all(&t.owner);
    expect_second_stage(&t, B);
    kit_translate(&t.owner, false);
    expect_second_stage(&t, A);
    expect_second_stage(&t, B);
    assert_int_equal(kit_dma(&t.root, SID, false, IOVA, &value), 0);
    assert_int_equal(kit_stats(&t.owner).host_errors + kit_stats(&t.root).host_errors, 0);
    stop(&t);
}

/* In both directions. */
static void nobody_lists_what_is_not_its_own(void **state)
{
    (void)state;
    struct two t;
    start(&t);
    kit_boot(&t.root);
    kit_device(&t.root, SID, 0, 1, IOVA, NULL);
    kit_pass_through(&t.root, A, 0, 1);
    kit_invalidate_all(&t.root);
    kit_boot(&t.owner);
    kit_device(&t.owner, A, 0, 1, IOVA, NULL);
    kit_pass_through(&t.owner, SID, 0, 1);
    kit_pass_through(&t.owner, KIT_FOREIGN_END, 0, 1);
    kit_invalidate_all(&t.owner);
    u64 value = 0;
    assert_int_equal(kit_dma(&t.root, SID, false, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&t.root, SID, false, KIT_OWNER_RAM, &value), 0);
    assert_int_not_equal(kit_dma(&t.root, KIT_FOREIGN_END, false, KIT_OWNER_RAM, &value), 0);
    expect_nested(&t, A);
    assert_int_equal(kit_stats(&t.root).foreign_devices, 1);
    assert_int_equal(kit_stats(&t.owner).foreign_devices, 2);
    assert_int_equal(kit_stats(&t.owner).binds, 1);
    stop(&t);
}

static void set_event(struct kit *kit, u32 control, u32 cpu)
{
    kit_write(kit, control + 4, 4, VECTOR);
    kit_write(kit, control + 8, 4, 0xfee00000 | cpu << 12);
    kit_write(kit, control, 4, 0);
}

/* Whoever reads the unit's records leaves the other's to it; messages are sent by software. */
static void faults_are_their_owners(void **state)
{
    (void)state;
    struct two t;
    struct kit_fault fault;
    start(&t);
    kit_boot(&t.root);
    kit_boot(&t.owner);
    set_event(&t.root, R_FECTL, 4);
    set_event(&t.owner, R_FECTL, KIT_OWNER_CPU);
    kit_device(&t.owner, A, 0, 1, IOVA, NULL);
    kit_invalidate_all(&t.owner);
    u64 value = 0;
    assert_int_not_equal(kit_dma(&t.root, A, true, IOVA + PAGE_SIZE, &value), 0);
    assert_false(kit_take_fault(&t.owner, &fault));
    viommu_poll_faults(t.root.v);
    assert_int_equal(t.root.interrupts, 0);
    assert_int_not_equal(kit_dma(&t.root, SID, true, IOVA, &value), 0);
    assert_int_not_equal(kit_dma(&t.root, B, false, IOVA, &value), 0);
    assert_true(kit_take_fault(&t.root, &fault));
    assert_int_equal(fault.sid, SID);
    assert_int_equal(t.root.interrupts, 1);
    assert_int_equal(t.root.interrupt_addr, 0xfee04000);
    assert_false(kit_take_fault(&t.root, &fault));
    assert_int_equal(t.owner.interrupts, 0);
    viommu_poll_faults(t.owner.v);
    assert_int_equal(t.owner.interrupts, 1);
    assert_int_equal(t.owner.interrupt_addr, 0xfee00000 | KIT_OWNER_CPU << 12);
    assert_int_equal(t.owner.interrupt_data, VECTOR);
    assert_true(kit_take_fault(&t.owner, &fault));
    assert_int_equal(fault.sid, A);
    assert_int_equal(fault.addr, IOVA + PAGE_SIZE);
    assert_int_equal(fault.reason, 0x71);
    assert_true(kit_take_fault(&t.owner, &fault));
    assert_int_equal(fault.sid, B);
    assert_false(kit_take_fault(&t.owner, &fault));
    set_event(&t.owner, R_FECTL, 1);        /* a CPU of the root's */
    assert_int_not_equal(kit_dma(&t.root, B, false, IOVA, &value), 0);
    viommu_poll_faults(t.root.v);
    viommu_poll_faults(t.owner.v);
    assert_int_equal(t.owner.interrupts, 1);
    assert_true(kit_take_fault(&t.owner, &fault));
    /* More than there are records is an overflow of its own. */
    for (u32 i = 0; i < 20; i++) {
        (void)kit_dma(&t.root, B, false, IOVA, &value);
        viommu_poll_faults(t.root.v);
    }
    assert_int_equal(kit_read(&t.owner, R_FSTS, 4) & 1, 1);
    assert_int_equal(kit_read(&t.root, R_FSTS, 4) & 3, 0);
    stop(&t);
}

/* The unit's own registers of the event are the root's, and stay as it wrote them; those of its faults are nobody's. */
static void completions_are_their_owners(void **state)
{
    (void)state;
    struct two t;
    start(&t);
    kit_boot(&t.root);
    set_event(&t.root, R_IECTL, 3);
    set_event(&t.root, R_FECTL, 4);
    kit_boot(&t.owner);
    set_event(&t.owner, R_IECTL, KIT_OWNER_CPU);
    u64 status = kit_page(&t.owner);
    assert_true(kit_submit(&t.owner, 0x35 | 7ull << 32, status));
    assert_int_equal(kit_at(status)[0], 7);
    assert_int_equal(t.owner.interrupts, 1);
    assert_int_equal(kit_read(&t.owner, R_ICS, 4), 1);
    assert_true(kit_submit(&t.owner, 0x15, 0));
    assert_int_equal(t.owner.interrupts, 1);                /* the last one is not served */
    kit_write(&t.owner, R_ICS, 4, 1);
    assert_int_equal(kit_read(&t.owner, R_ICS, 4), 0);
    kit_write(&t.owner, R_IECTL, 4, 1u << 31);
    assert_true(kit_submit(&t.owner, 0x15, 0));
    assert_int_equal(kit_read(&t.owner, R_IECTL, 4), 3u << 30);
    assert_int_equal(t.owner.interrupts, 1);
    kit_write(&t.owner, R_IECTL, 4, 0);
    assert_int_equal(t.owner.interrupts, 2);
    assert_int_equal(kit_read(&t.owner, R_IECTL, 4), 0);
    assert_int_equal(kit_read(&t.root, R_ICS, 4), 0);
    assert_int_equal(model_read(t.root.unit, R_IEADDR, 4), 0xfee03000);
    assert_int_not_equal(model_read(t.root.unit, R_FEADDR, 4), 0xfee04000);
    assert_int_equal(model_read(t.root.unit, R_IECTL, 4), 0);
    stop(&t);
}

static u64 told(struct kit *kit)
{
    return kit_stats(kit).guest_faults + kit_stats(kit).overflows;
}

/* Taken out of its guest's tables and listed again: it is the same guest's, and stays silent. */
static void a_guest_does_not_end_its_storm(void **state)
{
    (void)state;
    struct two t;
    u64 value = 0;
    start(&t);
    kit_boot(&t.root);
    kit_boot(&t.owner);
    kit_device(&t.owner, A, 0, 1, IOVA, NULL);
    kit_invalidate_all(&t.owner);
    for (u32 i = 0; i < 200; i++) {
        (void)kit_dma(&t.root, A, true, IOVA + PAGE_SIZE, &value);
        viommu_poll_faults(t.root.v);
        viommu_poll_faults(t.owner.v);
    }
    u64 before = told(&t.owner);
    assert_true(before >= 8 && before < 200);
    u64 *context = kit_context(&t.owner, A, 0, 0);
    u64 listed = context[0];
    context[0] = 0;
    kit_invalidate_all(&t.owner);
    context[0] = listed;
    kit_invalidate_all(&t.owner);
    for (u32 i = 0; i < 10; i++) {
        assert_int_not_equal(kit_dma(&t.root, A, true, IOVA + PAGE_SIZE, &value), 0);
        viommu_poll_faults(t.root.v);
        viommu_poll_faults(t.owner.v);
    }
    assert_int_equal(told(&t.owner), before);
    stop(&t);
}

/* Commands until the unit has no room for more of this guest's. */
static u32 flood(struct kit *kit, u64 status)
{
    enum { BATCH = 30 };
    u32 value = 0;
    u64 tail = kit_read(kit, R_IQT, 8);
    bool left = false;
    for (u32 batch = 0; batch < 100 && !left; batch++) {
        for (u32 i = 0; i < BATCH; i++) {
            tail = kit_queue(kit, tail, 0x25 | (u64)++value << 32, status);
        }
        left = viommu_mmio_write(kit->v, R_IQT, 8, tail);
    }
    assert_true(left);
    for (u32 i = 0; i < 10; i++) {
        assert_true(kit_run(kit, VIOMMU_BUDGET));
    }
    return value;
}

/* Whoever fills the queue leaves room for the other: one batch at once, and another when that is done. */
static void a_full_queue_has_room_for_the_other(void **state)
{
    (void)state;
    const struct model_faults hang = {.queue_hang = true}, some = {.hang_after = 400}, well = {.queue_hang = false};
    for (u32 first = 0; first < 2; first++) {
        struct two t;
        start(&t);
        struct kit *kits[] = {&t.root, &t.owner};
        struct kit *full = kits[first], *other = kits[1 - first];
        kit_boot(&t.root);
        kit_boot(&t.owner);
        u64 status = kit_page(full), other_status = kit_page(other);
        model_set_faults(t.root.unit, &hang);
        u32 value = flood(full, status);
        u64 tail = kit_queue(other, kit_read(other, R_IQT, 8), 0x25 | 1ull << 32, other_status);
        assert_false(viommu_mmio_write(other->v, R_IQT, 8, tail));
        tail = kit_queue(other, tail, 0x25 | 2ull << 32, other_status);
        assert_true(viommu_mmio_write(other->v, R_IQT, 8, tail));
        assert_int_equal(kit_at(other_status)[0], 0);
        model_set_faults(t.root.unit, &some);
        model_kick(t.root.unit);
        assert_int_equal(kit_at(other_status)[0], 1);
        assert_false(kit_run(other, VIOMMU_BUDGET));
        model_set_faults(t.root.unit, &well);
        model_kick(t.root.unit);
        kit_finish(full);
        kit_finish(other);
        assert_int_equal(kit_at(status)[0], value);
        assert_int_equal(kit_at(other_status)[0], 2);
        stop(&t);
    }
}

/* Of the one, then of the other: the next life begins with nothing, and nothing is lost. */
static void a_reset_is_its_owners(void **state)
{
    (void)state;
    struct two t;
    struct vtd_fault fault;
    u64 value = 0;
    start(&t);
    for (u32 life = 0; life < 4; life++) {
        kit_boot(&t.root);
        kit_device(&t.root, SID, 0, 1, IOVA, NULL);
        kit_invalidate_all(&t.root);
        kit_boot(&t.owner);
        kit_device(&t.owner, A, 0, 1, IOVA, NULL);
        kit_pass_through(&t.owner, B, 70, 2);
        kit_invalidate_all(&t.owner);
        expect_nested(&t, A);
        assert_int_not_equal(kit_dma(&t.root, A, true, IOVA + PAGE_SIZE, &value), 0);
        viommu_poll_faults(t.root.v);
        assert_int_equal(viommu_reset(life % 2 == 0 ? t.owner.v : t.root.v), OK);
        assert_int_equal(vtd_fault_kept(host_unit(), A, &fault), life % 2 != 0);
        if (life % 2 == 0) {
            expect_second_stage(&t, A);
            expect_second_stage(&t, B);
            assert_int_equal(kit_dma(&t.root, SID, false, IOVA, &value), 0);
            memset(kit_at(t.owner.root), 0, PAGE_SIZE);
        } else {
            expect_nested(&t, A);
            memset(kit_at(t.root.root), 0, PAGE_SIZE);
        }
        assert_int_equal(kit_stats(&t.owner).host_errors + kit_stats(&t.root).host_errors, 0);
    }
    stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translation_acts_on_own_devices_alone),
        cmocka_unit_test(nobody_lists_what_is_not_its_own),
        cmocka_unit_test(faults_are_their_owners),
        cmocka_unit_test(completions_are_their_owners),
        cmocka_unit_test(a_guest_does_not_end_its_storm),
        cmocka_unit_test(a_full_queue_has_room_for_the_other),
        cmocka_unit_test(a_reset_is_its_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
