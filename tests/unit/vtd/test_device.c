/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices and their entries: refusals, every failed allocation, and every state in
 * between. For the latter the driver is single-stepped, and after each of its stores the
 * model does DMA, whose caches forget nothing by themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <string.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { FIRST_A = 0x50000, FIRST_B = 0x60000, ADDRESS_A = 0x10000, SID = 9, OTHER_SID = 10 };
#define ECAP_C 1ull
#define CAP_CM 0x80ull
#define CAP_ESRTPS (1ull << 63)

/* --- one instruction at a time --- */

static struct {
    struct vtd_rig *rig;
    u64 sum;                /* of the tables, to notice a store */
    u32 stores;
    bool busy;
    void (*check)(struct vtd_rig *rig);
} step;

static u64 tables_sum(const struct vtd_rig *rig)
{
    u64 sum = 0;
    for (u32 root = 0; root < 2; root++) {
        const u64 *context = vtd_context_find(rig->unit, (enum vtd_root)root, SID);
        if (context == NULL) {
            continue;
        }
        sum = sum * 31 + (u64)(uintptr_t)context + context[0] * 7 + context[1];
        for (u32 i = 0; i < 2 && vtd_context_directory(context).v != 0; i++) {
            const u64 *e = (const u64 *)vtd_pasid_find(context, i);
            sum = sum * 31 + (u64)(uintptr_t)e;
            for (u32 w = 0; e != NULL && w < 8; w++) {
                sum = sum * 31 + e[w];
            }
        }
    }
    return sum;
}

static void on_step(int number)
{
    (void)number;
    if (step.busy) {
        return;
    }
    step.busy = true;
    u64 sum = tables_sum(step.rig);
    if (sum != step.sum) {
        step.sum = sum;
        step.stores++;
        step.check(step.rig);
    }
    step.busy = false;
}

static void trap_flag(bool on)
{
    if (on) {
        __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "memory", "cc");
    } else {
        __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" : : : "memory", "cc");
    }
}

/* The model's own instructions are of no interest. */
static void on_mmio(bool enter)
{
    trap_flag(!enter);
}

static void stepping(struct vtd_rig *rig, void (*check)(struct vtd_rig *rig))
{
    signal(SIGTRAP, on_step);
    step.rig = rig;
    step.check = check;
    step.stores = 0;
    step.sum = tables_sum(rig);
    step.busy = false;
    hosted_watch_mmio(on_mmio);
    trap_flag(true);
}

static u32 stepped(void)
{
    trap_flag(false);
    hosted_watch_mmio(NULL);
    return step.stores;
}

/* --- first-stage tables in guest memory: FIRST_A leads ADDRESS_A to VTD_RIG_GPA, B nowhere else --- */

static void first_stage(u64 at, u64 addr, u64 gpa, hpa_t second)
{
    u64 *ss = port_hpa_to_ptr(second);
    for (u32 level = 4, next = (u32)at; level >= 1; level--, next += PAGE_SIZE) {
        u64 *table = port_hpa_to_ptr((hpa_t){next});
        table[addr >> (12 + 9 * (level - 1)) & 511] = (level > 1 ? next + PAGE_SIZE : gpa) | 0x67;
    }
    for (u32 shift = 39; shift > 12; shift -= 9) {
        ss = port_hpa_to_ptr((hpa_t){ss[0] & ~PAGE_MASK});
    }
    for (u32 i = 0; i < 4; i++) {
        ss[(at >> 12) + i] = (at + i * PAGE_SIZE) | 6 << 3 | 3;
    }
}

static struct vtd_entry second_entry(const struct vtd_rig *rig, hpa_t root, u16 did)
{
    (void)rig;
    return (struct vtd_entry){.pgtt = PGTT_SECOND_STAGE, .did = did, .ss_root = root, .ss_levels = 4};
}

static struct vtd_entry nested_entry(const struct vtd_rig *rig, u64 fs_root, u16 did)
{
    return (struct vtd_entry){.pgtt = PGTT_NESTED, .did = did, .ss_root = rig->root, .ss_levels = 4,
                              .fs_root = fs_root, .fs_width = 48};
}

/* DMA to VTD_RIG_GPA works before, in every state in between, and after. */
static void never_refused(struct vtd_rig *rig)
{
    assert_int_equal(vtd_rig_dma(rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    assert_int_equal(vtd_rig_dma(rig, OTHER_SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
}

/* It works, or it is refused for want of an entry; never anything else, and nobody else is disturbed. */
static void blocked_or_done(struct vtd_rig *rig)
{
    u8 reason = vtd_rig_dma(rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA);
    assert_true(reason == 0 || reason == 0x59 || reason == 0x51 || reason == 0x41);
    assert_int_equal(vtd_rig_dma(rig, OTHER_SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
}

static void start(struct vtd_rig *rig, bool coherent, bool caching)
{
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.ecap &= ~(coherent ? 0 : ECAP_C);
    config.cap |= caching ? CAP_CM : 0;
    vtd_rig_start_with(rig, &config);
    first_stage(FIRST_A, ADDRESS_A, VTD_RIG_GPA, rig->root);
    first_stage(FIRST_B, ADDRESS_A, VTD_RIG_GPA, rig->root);
}

static void no_window_in_the_off_root(void **state)
{
    (void)state;
    const struct vtd_context context = {.pasids = 64};
    for (u32 kind = 0; kind < 4; kind += 3) {
        struct vtd_rig rig;
        start(&rig, (kind & 1) == 0, (kind & 2) != 0);
        never_refused(&rig);
        const struct vtd_entry entries[] = {
            second_entry(&rig, rig.root, 2),       /* another id */
            nested_entry(&rig, FIRST_A, 3),        /* another type and a first stage */
            nested_entry(&rig, FIRST_B, 3),        /* only the first stage */
            nested_entry(&rig, FIRST_A, 4),        /* both */
            second_entry(&rig, rig.root, 5),       /* back */
        };
        stepping(&rig, never_refused);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
        assert_true(stepped() >= 2);
        for (u32 i = 0; i < ARRAY_LEN(entries); i++) {
            stepping(&rig, never_refused);
            enum result r = vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entries[i]);
            u32 stores = stepped();
            assert_int_equal(r, OK);
            assert_int_equal(stores, 1);
            never_refused(&rig);
        }
        stepping(&rig, never_refused);
        assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_OFF, SID), OK);
        assert_int_equal(stepped(), 1);
        never_refused(&rig);
        vtd_rig_stop(&rig);
    }
}

static void publish_and_retire_show_nothing_half_done(void **state)
{
    (void)state;
    const struct vtd_context context = {.pasids = 64};
    for (u32 kind = 0; kind < 4; kind += 3) {
        struct vtd_rig rig;
        start(&rig, (kind & 1) == 0, (kind & 2) != 0);
        struct vtd_entry entry = nested_entry(&rig, FIRST_A, 3);
        struct vtd_entry other = second_entry(&rig, rig.root, 1);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, OTHER_SID, &context), OK);
        assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, OTHER_SID, VTD_NO_PASID, &other), OK);
        assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
        blocked_or_done(&rig);
        stepping(&rig, blocked_or_done);
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_GUEST, SID, &context), OK);
        assert_int_equal(stepped(), 1);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x51);
        for (u32 round = 0; round < 2; round++) {
            stepping(&rig, blocked_or_done);
            assert_int_equal(vtd_device_set_entry(rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID, &entry), OK);
            assert_true(stepped() >= 3);
            assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
            stepping(&rig, blocked_or_done);
            assert_int_equal(vtd_device_clear_entry(rig.unit, VTD_ROOT_GUEST, SID, VTD_NO_PASID), OK);
            assert_true(stepped() >= 3);
            assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x59);
        }
        assert_int_equal(vtd_device_close(rig.unit, VTD_ROOT_GUEST, SID), OK);
        assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x41);
        vtd_rig_stop(&rig);
    }
}

/* --- refusals --- */

static void contexts_that_cannot_be(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.ecap = (config.ecap & ~(0x1full << 35 | 1ull << 49)) | 9ull << 35; /* PSS 10 bits, no RPS */
    const struct { struct vtd_context context; enum result r; } cases[] = {
        {{.pasids = 1025}, ERR_UNSUPPORTED},
        {{.rid_pasid = 1}, ERR_UNSUPPORTED},
        {{.pasids = 1024}, OK},
        {{.pasids = 1000}, OK}, /* the same entry */
        {{.pasids = 0}, ERR_EXISTS},
    };
    vtd_rig_start_with(&rig, &config);
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &cases[i].context), cases[i].r);
    }
    vtd_rig_stop(&rig);
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    const struct vtd_context far = {.rid_pasid = 1u << 20};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &far),
                     vtd_ecap_get(rig.unit->info.ecap, VTD_ECAP_RPS) ? ERR_INVALID : ERR_UNSUPPORTED);
    vtd_rig_stop(&rig);
    config = vtd_rig_config(VTD_RIG_SERVER);
    config.ecap &= ~(1ull << 40);
    vtd_rig_start_with(&rig, &config);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &cases[2].context),
                     ERR_UNSUPPORTED);
    vtd_rig_stop(&rig);
}

static void another_rid_pasid(void **state)
{
    (void)state;
    struct vtd_rig rig;
    struct vtd_context out;
    struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
    config.ecap |= 1ull << 49;
    vtd_rig_start_with(&rig, &config);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    const struct vtd_context context = {.rid_pasid = 70000, .pasids = 5, .fpd = true};
    const struct vtd_context far = {.rid_pasid = 1u << 20};
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &far), ERR_INVALID);
    assert_int_equal(vtd_device_get(rig.unit, VTD_ROOT_OFF, SID, &out), ERR_NOT_FOUND);
    assert_int_equal(vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context), OK);
    assert_int_equal(vtd_device_get(rig.unit, VTD_ROOT_OFF, SID, &out), OK);
    assert_int_equal(out.rid_pasid, 70000);
    assert_int_equal(out.pasids, 1u << 17);
    assert_true(out.fpd);
    assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
    /* PASID 0 was what the default used; now it is nothing. */
    assert_int_equal(vtd_rig_dma(&rig, SID, 0, true, VTD_RIG_GPA), 0x51);
    vtd_rig_stop(&rig);
}

/* Every allocation in a device's life with all kinds of change fails once; what fails has changed nothing. */
static void every_allocation_of_a_life(void **state)
{
    (void)state;
    const struct vtd_context context = {.pasids = 64};
    struct vtd_rig rig;
    bool whole = false;
    for (u32 n = 0; !whole; n++) {
        start(&rig, true, false);
        const struct vtd_entry entries[] = {second_entry(&rig, rig.root, 2),
                                            nested_entry(&rig, FIRST_A, 3),
                                            nested_entry(&rig, FIRST_B, 4)};
        hosted_fail_after(n);
        u32 pages = hosted_pages_used();
        enum result r = vtd_device_open(rig.unit, VTD_ROOT_OFF, SID, &context);
        if (r != OK) {
            assert_int_equal(hosted_pages_used(), pages);
        }
        for (u32 i = 0; i < ARRAY_LEN(entries) && r == OK; i++) {
            pages = hosted_pages_used();
            r = vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, VTD_NO_PASID, &entries[i]);
            assert_int_equal(hosted_pages_used(), pages);
        }
        r = r == OK ? vtd_device_set_entry(rig.unit, VTD_ROOT_OFF, SID, 200, &entries[1]) : r;
        never_refused(&rig);
        hosted_fail_after(UINT32_MAX);
        whole = r == OK;
        assert_true(whole || r == ERR_NO_MEMORY);
        vtd_rig_stop(&rig);
    }
}

/* Without ESRTPS the driver empties the caches; with it the unit does. */
static void roots_are_switched_either_way(void **state)
{
    (void)state;
    for (u32 esrtps = 0; esrtps < 2; esrtps++) {
        struct vtd_rig rig;
        struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
        config.cap = (config.cap & ~CAP_ESRTPS) | (esrtps != 0 ? CAP_ESRTPS : 0);
        vtd_rig_start_with(&rig, &config);
        for (u32 i = 0; i < 3; i++) {
            assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0);
            assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
            assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), OK);
            assert_int_equal(vtd_rig_dma(&rig, SID, VTD_NO_PASID, true, VTD_RIG_GPA), 0x39);
            assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_OFF), OK);
        }
        model_set_faults(rig.model, &(struct model_faults){.gcmd_hang = true});
        assert_int_equal(vtd_root_select(rig.unit, VTD_ROOT_GUEST), ERR_TIMEOUT);
        model_set_faults(rig.model, &(struct model_faults){0});
        vtd_rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_in_the_off_root),
        cmocka_unit_test(publish_and_retire_show_nothing_half_done),
        cmocka_unit_test(contexts_that_cannot_be),
        cmocka_unit_test(another_rid_pasid),
        cmocka_unit_test(every_allocation_of_a_life),
        cmocka_unit_test(roots_are_switched_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
