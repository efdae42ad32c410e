/* SPDX-License-Identifier: BSD-2-Clause */
/* GCMD: what each transition does to the devices, and that a new root or kernel can come at any time. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/guest_kit_pair.h"

enum { SID = 0x0010, SID_2 = 0x0218, DID = 7, ALL_STATUS = G_TE | G_SRTP | G_QIE };
#define IOVA 0x7f12345000ull

/* --- against hardware built the way the guest sees it --- */

/* Each bit of GCMD alone, from reset, with the queue on, with translation on, and all of them. */
static void global_commands(void **state)
{
    (void)state;
    static const u32 before[] = {0, G_QIE, G_SRTP, G_QIE | G_SRTP, G_SRTP | G_TE,
                                 G_QIE | G_SRTP | G_TE};
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        for (u32 bit = 0; bit <= 33; bit++) {
            struct pair p;
            char name[64];
            u32 value = bit == 32 ? 0 : bit == 33 ? ~0u : 1u << bit;
            pair_start(&p);
            pair_write(&p, R_IQA, 8, p.kit.ring | 1u << 11);
            pair_write(&p, R_RTADDR, 8, p.kit.root | 1u << 10);
            pair_write(&p, R_GCMD, 4, before[i]);
            pair_compare(&p);
            pair_write(&p, R_GCMD, 4, value);
            pair_compare(&p);
            pair_write(&p, R_GCMD, 4, (before[i] & ~G_SRTP) ^ value);
            pair_compare(&p);
            (void)snprintf(name, sizeof(name), "GCMD %08x after %08x", value, before[i]);
            pair_finish(&p, name);
        }
    }
}

/* The guest sees that TES does not follow, and the console says so each time, not only the first. */
static void a_unit_that_takes_no_root(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    hosted_clock_step(10000);
    kit_boot(&kit);
    kit_write(&kit, R_GCMD, 4, G_QIE);
    model_set_faults(kit.unit, &(struct model_faults){.gcmd_hang = true});
    for (u32 i = 0; i < 3; i++) {
        hosted_clear_log();
        kit_write(&kit, R_GCMD, 4, G_QIE | G_TE);
        assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_TE, 0);
        assert_non_null(strstr(hosted_log(), "the unit did not take the guest root"));
    }
    model_set_faults(kit.unit, &(struct model_faults){0});
    model_kick(kit.unit);
    kit_write(&kit, R_GCMD, 4, G_QIE | G_TE);
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_TE, G_TE);
    assert_true(kit_stop(&kit));
}

/* --- what devices reach after each --- */

static void transitions(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    struct kit_fault fault;
    kit_start(&kit);
    u64 target = kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    /* Off: the second stage, at once and with nothing left behind. */
    kit_translate(&kit, false);
    assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE);
    assert_int_equal(host_attached(), 0);
    /* On again: read again. */
    kit_translate(&kit, true);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    /* A legacy root while on (kexec into a kernel without scalable mode): everything faults. */
    u64 legacy_root = kit_page(&kit);
    u64 scalable_root = kit.root;
    kit.root = legacy_root;
    kit_set_root(&kit, 0);
    assert_int_equal(host_attached(), 0);
    assert_true(host_root_is_guest());
    assert_int_not_equal(kit_dma(&kit, SID, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x01);
    kit_at(legacy_root)[0] = kit_page(&kit) | 1;
    assert_int_not_equal(kit_dma(&kit, SID, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x02);
    u64 *context = &kit_at(kit_at(legacy_root)[0] & ~PAGE_MASK)[SID * 2];
    context[0] = 1 | 2 << 2;
    context[1] = 2;
    assert_int_not_equal(kit_dma(&kit, SID, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x03);
    assert_int_not_equal(kit_dma_pasid(&kit, SID, 3, false, target, &value), 0);
    assert_true(kit_take_fault(&kit, &fault));
    assert_int_equal(fault.reason, 0x31);
    /* And back to scalable mode without ever turning translation off. */
    kit.root = scalable_root;
    kit_set_root(&kit, 1);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    /* Reset of the partition: registers, queue, tables. */
    assert_int_equal(viommu_reset(kit.v), OK);
    assert_int_equal(kit_read(&kit, R_GSTS, 4), 0);
    assert_int_equal(kit_read(&kit, R_FECTL, 4), 1u << 31);
    assert_int_equal(kit_kind(&kit, SID, target), MODEL_KIND_SECOND_STAGE);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

static void new_root_keeps_what_is_the_same(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    u64 binds = kit_stats(&kit).binds;
    u64 copy = kit_page(&kit);
    for (u32 i = 0; i < 512; i++) {
        kit_at(copy)[i] = kit_at(kit.root)[i];
    }
    kit.root = copy;
    kit_set_root(&kit, 1);
    assert_int_equal(kit_stats(&kit).binds, binds);
    assert_int_equal(kit_stats(&kit).unbinds, 0);
    assert_int_equal(kit_dma(&kit, SID, false, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

/* A kernel starts another one without cleaning up: translation, queue and events are on. */
static void kexec_with_leftovers(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    struct kit_fault fault;
    kit_start(&kit);
    u64 old = kit_device(&kit, SID, 0, DID, IOVA, NULL);
    (void)kit_device(&kit, SID_2, 0, DID + 1, IOVA, NULL);
    kit_boot(&kit);
    kit_write(&kit, R_FECTL, 4, 0);
    (void)kit_dma(&kit, SID, false, IOVA + PAGE_SIZE, &value); /* a fault that nobody handled */
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
    (void)kit_device(&kit, SID, 0, DID + 2, IOVA, NULL);
    kit_boot(&kit);
    assert_int_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
    assert_int_equal(kit_kind(&kit, SID, IOVA), MODEL_KIND_NESTED);
    assert_int_not_equal(kit_dma(&kit, SID_2, true, IOVA, &value), 0);
    while (kit_take_fault(&kit, &fault)) {
    }
    assert_int_equal(kit_read(&kit, R_FSTS, 4) & 2, 0);
    assert_true(kit_stop(&kit));
}

/* The next kernel replaces the tables without turning anything off (a crash kernel). */
static void crash_kernel_switches_the_root(void **state)
{
    (void)state;
    struct kit kit;
    u64 value = 0;
    kit_start(&kit);
    (void)kit_device(&kit, SID, 0, DID, IOVA, NULL);
    kit_boot(&kit);
    kit.root = kit_page(&kit);
    u64 target = kit_device(&kit, SID_2, 0, DID, IOVA, NULL);
    kit_set_root(&kit, 1);
    assert_int_not_equal(kit_dma(&kit, SID, true, IOVA, &value), 0);
    value = 0x1234;
    assert_int_equal(kit_dma(&kit, SID_2, true, IOVA, &value), 0);
    assert_int_equal(kit_at(target)[0], 0x1234);
    assert_true(host_root_is_guest());
    assert_true(kit_stop(&kit));
}

/* --- more bindings than one exit handles, and commands back to back --- */

enum { MANY = 160, MANY_FIRST = 0x100 };

static void many_devices(struct kit *kit)
{
    u64 fs_root = kit_page(kit);
    kit_map(kit, fs_root, IOVA, kit_page(kit), 6);
    for (u16 i = 0; i < MANY; i++) {
        kit_first_stage(kit, (u16)(MANY_FIRST + i), 0, 7, fs_root);
    }
}

/* The rest of a teardown does not count as part of what TE = 1 has to read. */
static void te_toggles(bool with_srtp)
{
    struct kit kit;
    u64 value;
    u64 off;
    kit_start(&kit);
    many_devices(&kit);
    kit_boot(&kit);
    assert_int_equal(host_attached(), MANY);
    (void)viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE);
    (void)viommu_mmio_read(kit.v, R_GSTS, 4, &off);
    assert_int_equal(off & G_TE, 0);
    if (with_srtp) {
        (void)viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | G_SRTP);
    }
    if (viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | G_TE)) {
        kit_finish(&kit);
    }
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_TE, G_TE);
    assert_int_equal(host_attached(), MANY);
    assert_int_equal(kit_dma(&kit, MANY_FIRST, false, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

static void te_off_and_on(void **state)
{
    (void)state;
    te_toggles(false);
}

static void te_off_srtp_and_on(void **state)
{
    (void)state;
    te_toggles(true);
}

/* What one root listed does not stay bound under another one that was set before TES = 1. */
static void another_root_before_tes(void **state)
{
    (void)state;
    struct kit kit;
    u64 value;
    kit_start(&kit);
    many_devices(&kit);
    kit_queue_on(&kit);
    kit_set_root(&kit, 1);
    u64 empty = kit_page(&kit);
    (void)viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | G_TE);
    (void)viommu_mmio_write(kit.v, R_RTADDR, 8, empty | 1u << 10);
    if (viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | G_TE | G_SRTP)) {
        kit_finish(&kit);
    }
    assert_int_equal(kit_read(&kit, R_GSTS, 4) & G_TE, G_TE);
    assert_int_equal(host_attached(), 0);
    assert_int_not_equal(kit_dma(&kit, MANY_FIRST, true, IOVA, &value), 0);
    assert_true(kit_stop(&kit));
}

/* TE and SRTP with more than one exit can read: the first answer to a read of the status is that of the end. */
static void the_status_waits(void **state)
{
    (void)state;
    static const struct { u32 command, done; } cases[] = {{G_TE, G_TE}, {G_TE | G_SRTP, G_TE | G_SRTP}, {0, 0}};
    struct kit kit;
    kit_start(&kit);
    many_devices(&kit);
    kit_queue_on(&kit);
    kit_set_root(&kit, 1);
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        u64 value;
        assert_true(viommu_mmio_write(kit.v, R_GCMD, 4, G_QIE | cases[i].command));
        assert_int_equal(kit_read_once(&kit, R_GSTS, 4, &value), VIOMMU_DONE);
        assert_int_equal(value & G_TE, cases[i].done & G_TE);
        assert_int_equal(value & cases[i].done, cases[i].done);
        assert_int_equal(host_attached(), cases[i].done != 0 ? MANY : 0);
    }
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(global_commands),
        cmocka_unit_test(a_unit_that_takes_no_root),
        cmocka_unit_test(transitions),
        cmocka_unit_test(new_root_keeps_what_is_the_same),
        cmocka_unit_test(kexec_with_leftovers),
        cmocka_unit_test(crash_kernel_switches_the_root),
        cmocka_unit_test(te_off_and_on),
        cmocka_unit_test(te_off_srtp_and_on),
        cmocka_unit_test(another_root_before_tes),
        cmocka_unit_test(the_status_waits),
    };
    return cmocka_run_group_tests_name("viommu_command", tests, NULL, NULL);
}
