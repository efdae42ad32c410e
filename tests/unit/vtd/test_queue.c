/* SPDX-License-Identifier: BSD-2-Clause */
/* The invalidation queue: widths, wrap, and every error of VT-d 6.5.2.11, none of which costs anybody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { GUEST_STATUS = 0x40000 };
#define ECAP_DT (1ull << 2)

static u64 done(const struct vtd_rig *rig, enum model_desc_type type)
{
    return model_counters(rig->model)->descriptors[type];
}

static struct vtd_desc device_tlb(u16 sid)
{
    return (struct vtd_desc){{3 | (u64)sid << 32, 0x7ffffffffffff001, 0, 0}};
}

static struct vtd_desc guest_wait(u32 value)
{
    return (struct vtd_desc){{5 | 1 << 5 | (u64)value << 32, GUEST_STATUS, 0, 0}};
}

static u32 guest_status(void)
{
    return *(u32 *)(void *)(hosted_memory() + GUEST_STATUS);
}

static void start_with_device_tlb(struct vtd_rig *rig)
{
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.ecap |= ECAP_DT;
    vtd_rig_start_with(rig, &config);
}

static void short_descriptors(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_desc wide = {{2 | 1 << 4, 0, 1, 0}}, good = vtd_desc_iotlb_global();
    vtd_rig_start(&rig, VTD_RIG_LEGACY);
    assert_int_equal(rig.unit->desc_words, 2);
    assert_int_equal(vtd_queue_run(rig.unit, &wide, 1), ERR_INVALID);
    assert_int_equal(vtd_queue_post(rig.unit, &wide, 1, NULL), ERR_INVALID);
    for (u32 i = 0; i < 1500; i++) {
        assert_int_equal(vtd_queue_run(rig.unit, &good, 1), OK);
    }
    vtd_rig_stop(&rig);
}

static void a_batch_longer_than_the_ring(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_desc batch[1300];
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    for (u32 i = 0; i < ARRAY_LEN(batch); i++) {
        batch[i] = vtd_desc_iotlb_domain(1);
    }
    u64 before = done(&rig, MODEL_DESC_IOTLB), waits = done(&rig, MODEL_DESC_WAIT);
    assert_int_equal(vtd_queue_run(rig.unit, batch, ARRAY_LEN(batch)), OK);
    assert_int_equal(done(&rig, MODEL_DESC_IOTLB), before + ARRAY_LEN(batch));
    assert_int_equal(done(&rig, MODEL_DESC_WAIT), waits + 6);
    vtd_rig_stop(&rig);
}

static void a_guests_batch_is_not_waited_for(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    model_set_faults(rig.model, &(struct model_faults){.queue_hang = true});
    const struct vtd_desc batch[] = {vtd_desc_iotlb_domain(1), guest_wait(7)};
    u32 posted = 0;
    enum result r;
    while ((r = vtd_queue_post(rig.unit, batch, ARRAY_LEN(batch), NULL)) == OK) {
        posted++;
    }
    assert_int_equal(r, ERR_BUSY);
    assert_true(posted >= 250);
    assert_int_equal(guest_status(), 0);
    u64 before = done(&rig, MODEL_DESC_IOTLB);
    model_set_faults(rig.model, &(struct model_faults){0});
    model_kick(rig.model);
    assert_int_equal(guest_status(), 7);
    assert_int_equal(done(&rig, MODEL_DESC_IOTLB), before + posted);
    assert_int_equal(vtd_queue_post(rig.unit, batch, ARRAY_LEN(batch), NULL), OK);
    assert_int_equal(vtd_queue_post(rig.unit, batch, 0, NULL), OK);
    vtd_rig_stop(&rig);
}

static void somebody_elses_bad_descriptor(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault fault;
    const struct vtd_desc bad = {{0x0f, 0, 0, 0}}, good = vtd_desc_iotlb_global();
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    /* It stops the queue; the batch behind it is done and gets no error. */
    assert_int_equal(vtd_queue_post(rig.unit, &bad, 1, NULL), OK);
    u64 before = done(&rig, MODEL_DESC_IOTLB);
    assert_int_equal(vtd_queue_run(rig.unit, &good, 1), OK);
    assert_int_equal(done(&rig, MODEL_DESC_IOTLB), before + 1);
    /* When nothing else comes, looking for faults gets it going. */
    const struct vtd_desc batch[] = {bad, guest_wait(9)};
    assert_int_equal(vtd_queue_post(rig.unit, batch, 2, NULL), OK);
    assert_int_equal(guest_status(), 0);
    assert_false(vtd_fault_next(rig.unit, &fault));
    assert_int_equal(guest_status(), 9);
    vtd_rig_stop(&rig);
}

/* Slots between tail and head. */
static u32 distance_to_full(const struct vtd_unit *unit)
{
    u32 head = (u32)(port_mmio_read64((hpa_t){VTD_RIG_BASE + 0x80}) / (unit->desc_words * 8));
    return (head + unit->queue_size - unit->tail - 1) % unit->queue_size;
}

static void a_full_ring_that_stopped(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_desc bad = {{0x0f, 0, 0, 0}}, good = vtd_desc_iotlb_global();
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_queue_post(rig.unit, &bad, 1, NULL), OK);
    while (vtd_queue_post(rig.unit, &good, 1, NULL) == OK) {
    }
    /* The refusal made it go on. */
    assert_int_equal(vtd_queue_post(rig.unit, &good, 1, NULL), OK);
    assert_int_equal(vtd_queue_post(rig.unit, &bad, 1, NULL), OK);
    while (distance_to_full(rig.unit) > 2) {
        assert_int_equal(vtd_queue_post(rig.unit, &good, 1, NULL), OK);
    }
    assert_int_equal(vtd_queue_run(rig.unit, &good, 1), OK);
    vtd_rig_stop(&rig);
}

/* A unit that refuses even a wait descriptor, because its mode is not a valid one. */
static void a_queue_that_refuses_everything(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_desc good = vtd_desc_iotlb_global();
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    u64 root = model_read(rig.model, 0x20, 8);
    model_write(rig.model, 0x20, 8, (root & ~0xc00ull) | 0x800);
    model_write(rig.model, 0x18, 4, 0xc4000000);
    hosted_clear_log();
    assert_int_equal(vtd_queue_run(rig.unit, &good, 1), ERR_TIMEOUT);
    assert_true(hosted_log_lines() < 10);
    assert_int_equal(vtd_queue_run(rig.unit, &good, 1), ERR_TIMEOUT);
    assert_int_equal(vtd_queue_post(rig.unit, &good, 1, NULL), ERR_TIMEOUT);
    model_write(rig.model, 0x20, 8, root);
    model_write(rig.model, 0x18, 4, 0xc4000000);
    vtd_rig_stop(&rig);
}

static u16 mute;

static bool answers(void *ctx, const struct model_device_invalidation *inv)
{
    u32 *calls = ctx;
    *calls += 1;
    return inv->sid != mute;
}

static void a_mute_device_costs_nobody_else(void **state)
{
    (void)state;
    struct vtd_rig rig;
    u32 calls = 0;
    start_with_device_tlb(&rig);
    model_set_device_ops(rig.model, &(struct model_device_ops){&calls, answers, NULL});
    mute = 0x20;
    const struct vtd_desc batch[] = {vtd_desc_pasid_cache_domain(1), vtd_desc_iotlb_domain(1),
                                     device_tlb(0x18), device_tlb(0x20), device_tlb(0x28)};
    const struct vtd_desc guest = guest_wait(11);
    u64 before = done(&rig, MODEL_DESC_PASID_CACHE);
    assert_int_equal(vtd_queue_post(rig.unit, &guest, 1, NULL), OK);
    assert_int_equal(vtd_queue_run(rig.unit, batch, ARRAY_LEN(batch)), ERR_QUEUE);
    assert_int_equal(guest_status(), 11);
    /* What stands before the first device-TLB invalidation is not repeated. */
    assert_int_equal(done(&rig, MODEL_DESC_PASID_CACHE), before + 1);
    assert_int_equal(calls, 6);
    mute = 0xffff;
    assert_int_equal(vtd_queue_run(rig.unit, batch, ARRAY_LEN(batch)), OK);
    vtd_rig_stop(&rig);
}

static void an_unexpected_completion_is_a_line(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_desc d = device_tlb(0x18);
    start_with_device_tlb(&rig);
    model_set_faults(rig.model, &(struct model_faults){.ice_once = true});
    assert_int_equal(vtd_queue_run(rig.unit, &d, 1), OK);
    struct vtd_fault fault;
    assert_false(vtd_fault_next(rig.unit, &fault));
    assert_non_null(strstr(hosted_log(), "unexpected device-TLB completion"));
    vtd_rig_stop(&rig);
}

/* Hangs after any number of descriptors: an error in bounded time, and what was covered stays so. */
static void hangs_at_any_descriptor(void **state)
{
    (void)state;
    for (u64 n = 1; n < 8; n++) {
        struct vtd_rig rig;
        const struct vtd_context context = {.pasids = 64};
        vtd_rig_start(&rig, VTD_RIG_CACHING);
        model_set_faults(rig.model, &(struct model_faults){.hang_after = n});
        enum result r = OK;
        for (u32 i = 0; i < 8 && r == OK; i++) {
            r = vtd_device_open(rig.unit, VTD_ROOT_OFF, (u16)(i * 8), &context);
        }
        assert_int_equal(r, ERR_TIMEOUT);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, 0x100, &context), ERR_TIMEOUT);
        assert_int_equal(vtd_rig_dma(&rig, 0x108, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        model_set_faults(rig.model, &(struct model_faults){0});
        model_kick(rig.model);
        vtd_rig_stop(&rig);
    }
}

static u64 us_of(struct vtd_rig *rig, const struct vtd_desc *d, enum result expected)
{
    u64 began = port_now_us();
    assert_int_equal(vtd_queue_run(rig->unit, d, 1), expected);
    return port_now_us() - began;
}

/* It hung for longer than anybody waits. What changed meanwhile holds from the first use on. */
static void a_queue_that_comes_back(void **state)
{
    (void)state;
    for (u32 by_polling = 0; by_polling < 2; by_polling++) {
        struct vtd_rig rig;
        struct vtd_fault fault;
        const struct vtd_desc good = vtd_desc_iotlb_domain(5);
        vtd_rig_start(&rig, VTD_RIG_SERVER);
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        model_set_faults(rig.model, &(struct model_faults){.queue_hang = true});
        u64 waited = us_of(&rig, &good, ERR_TIMEOUT);
        assert_true(waited >= 10000000 && waited < 11000000);
        assert_true(us_of(&rig, &good, ERR_TIMEOUT) < 10000);
        assert_int_equal(vtd_queue_post(rig.unit, &good, 1, NULL), ERR_TIMEOUT);
        assert_false(vtd_fault_next(rig.unit, &fault));
        assert_int_equal(hosted_log_lines(), 1);
        u64 *table = port_hpa_to_ptr(rig.root);
        u64 kept = table[0];
        table[0] = 0;
        assert_int_equal(vtd_inval_second_stage(rig.unit, 1, 0, 0), ERR_TIMEOUT);
        model_set_faults(rig.model, &(struct model_faults){0});
        model_kick(rig.model);
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
        if (by_polling != 0) {
            assert_false(vtd_fault_next(rig.unit, &fault));
        } else {
            (void)us_of(&rig, &good, OK);
        }
        assert_non_null(strstr(hosted_log(), "the invalidation queue is back"));
        assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0x79);
        table[0] = kept;
        vtd_rig_stop(&rig);
    }
}

/* Time passes between a look at the unit and one at the clock: an SMI, or a hypervisor below that ran somebody else. */
static struct vtd_rig *interrupted;
static u32 looks;

static void lose_time(void)
{
    if (++looks == 2) {
        hosted_advance_us(60000000);
        model_set_faults(interrupted->model, &(struct model_faults){0});
        model_kick(interrupted->model);
    }
}

static void lost_time_is_no_hang(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_desc good = vtd_desc_iotlb_global();
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    interrupted = &rig;
    looks = 0;
    hosted_watch_clock(lose_time);
    model_set_faults(rig.model, &(struct model_faults){.queue_hang = true});
    enum result r = vtd_inval_global(rig.unit);
    hosted_watch_clock(NULL);
    assert_int_equal(r, OK);
    looks = 0;
    hosted_watch_clock(lose_time);
    model_set_faults(rig.model, &(struct model_faults){.gcmd_hang = true});
    r = vtd_root_select(rig.unit, VTD_ROOT_GUEST);
    hosted_watch_clock(NULL);
    assert_int_equal(r, OK);
    assert_int_equal(vtd_queue_run(rig.unit, &good, 1), OK);
    assert_int_equal(hosted_log_lines(), 0);
    vtd_rig_stop(&rig);
}

/* It refuses what is right, again and again: an error each time, few lines, and the queue goes on. */
static void a_unit_that_refuses_without_a_reason(void **state)
{
    (void)state;
    struct vtd_rig rig;
    const struct vtd_desc batch[] = {vtd_desc_iotlb_domain(1), vtd_desc_iotlb_domain(2), vtd_desc_iotlb_global()};
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    model_set_faults(rig.model, &(struct model_faults){.refuses = true});
    for (u32 i = 0; i < 1000; i++) {
        assert_int_equal(vtd_queue_run(rig.unit, batch, ARRAY_LEN(batch)), ERR_QUEUE);
    }
    assert_true(hosted_log_lines() < 16);
    model_set_faults(rig.model, &(struct model_faults){0});
    assert_int_equal(vtd_queue_run(rig.unit, batch, ARRAY_LEN(batch)), OK);
    vtd_rig_stop(&rig);
}

/* All ones look like commands done, faults recorded and errors of every kind. */
static void a_unit_that_falls_off_the_bus(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault fault;
    struct vtd_fault_counts counts;
    const struct vtd_desc good = vtd_desc_iotlb_global();
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    model_set_faults(rig.model, &(struct model_faults){.gone = true});
    assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), ERR_INVALID);
    assert_int_equal(vtd_regs_command(rig.unit, GCMD_SRTP), ERR_TIMEOUT);
    assert_int_equal(vtd_regs_switch(rig.unit, GCMD_TE, true), ERR_TIMEOUT);
    for (u32 i = 0; i < 1000; i++) {
        assert_false(vtd_fault_next(rig.unit, &fault));
        assert_int_equal(vtd_queue_post(rig.unit, &good, 1, NULL), i == 0 ? OK : ERR_TIMEOUT);
        assert_true(us_of(&rig, &good, ERR_TIMEOUT) < 10000);
    }
    vtd_fault_get_counts(rig.unit, &counts);
    assert_int_equal(counts.seen + counts.lost, 0);
    assert_true(hosted_log_lines() < 20);
    assert_non_null(strstr(hosted_log(), "unit 0: its registers read all ones"));
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    model_set_faults(rig.model, &(struct model_faults){0});
    vtd_rig_stop(&rig);
}

/* Nothing of Nestor's waits for an event message. */
static void no_interrupt_is_needed(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_fault fault;
    const struct vtd_desc good = vtd_desc_iotlb_global();
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    assert_int_equal(vtd_queue_run(rig.unit, &good, 1), OK);
    assert_int_not_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_HOLE), 0);
    assert_true(vtd_fault_next(rig.unit, &fault));
    assert_int_equal(hosted_interrupts(), 0);
    vtd_rig_stop(&rig);
}

/* Firmware's queue has stopped at an error: it is dropped, and ours takes its place. */
static void firmwares_broken_queue(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_prepare(&rig, VTD_RIG_SERVER);
    vtd_rig_firmware(&rig, 3);
    memset(hosted_memory() + 0x102000, 0xff, 64);
    model_write(rig.model, 0x88, 8, 32);
    assert_true((model_read(rig.model, 0x34, 4) & 0x10) != 0);
    vtd_rig_take_over(&rig);
    assert_int_equal(vtd_rig_dma(&rig, 9, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    vtd_rig_stop(&rig);
}

static void firmwares_hung_queue(void **state)
{
    (void)state;
    struct vtd_rig rig;
    vtd_rig_prepare(&rig, VTD_RIG_SERVER);
    vtd_rig_firmware(&rig, 2);
    model_set_faults(rig.model, &(struct model_faults){.queue_hang = true});
    model_write(rig.model, 0x88, 8, 32);
    assert_int_equal(vtd_takeover(rig.unit, &rig.def), ERR_TIMEOUT);
    model_set_faults(rig.model, &(struct model_faults){0});
    model_write(rig.model, 0x88, 8, 0);
    vtd_rig_take_over(&rig);
    vtd_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_descriptors),
        cmocka_unit_test(a_batch_longer_than_the_ring),
        cmocka_unit_test(a_guests_batch_is_not_waited_for),
        cmocka_unit_test(somebody_elses_bad_descriptor),
        cmocka_unit_test(a_full_ring_that_stopped),
        cmocka_unit_test(a_queue_that_refuses_everything),
        cmocka_unit_test(a_mute_device_costs_nobody_else),
        cmocka_unit_test(an_unexpected_completion_is_a_line),
        cmocka_unit_test(hangs_at_any_descriptor),
        cmocka_unit_test(a_queue_that_comes_back),
        cmocka_unit_test(lost_time_is_no_hang),
        cmocka_unit_test(a_unit_that_refuses_without_a_reason),
        cmocka_unit_test(a_unit_that_falls_off_the_bus),
        cmocka_unit_test(no_interrupt_is_needed),
        cmocka_unit_test(firmwares_broken_queue),
        cmocka_unit_test(firmwares_hung_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
