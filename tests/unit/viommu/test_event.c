/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion interrupts reach the guest; nothing else can be written by the unit itself. */
#include "iommu/viommu/viommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/guest_kit.h"

static void waits_and_completion_interrupt(void **state)
{
    (void)state;
    struct kit kit;
    u64 addr;
    u32 data;
    kit_start(&kit);
    kit_boot(&kit);
    u64 status = kit_page(&kit);
    kit_write(&kit, R_IEDATA, 4, 0x4041);
    kit_write(&kit, R_IEADDR, 4, 0xfee01000);
    kit_write(&kit, R_IECTL, 4, 0);
    u32 before = hosted_interrupts();
    assert_true(kit_submit(&kit, 0x35 | 2ull << 32, status + 8));
    assert_int_equal(kit_at(status)[1], 2);
    assert_int_equal(kit_read(&kit, R_ICS, 4), 1);
    assert_int_equal(hosted_interrupts(), before + 1);
    hosted_last_interrupt(&addr, &data);
    assert_int_equal(addr, 0xfee01000);
    assert_int_equal(data, 0x4041);
    assert_true(kit_submit(&kit, 0x15, 0)); /* IWC is still set: no second message */
    assert_int_equal(hosted_interrupts(), before + 1);
    kit_write(&kit, R_ICS, 4, 1);
    assert_int_equal(kit_read(&kit, R_ICS, 4), 0);
    kit_write(&kit, R_IECTL, 4, 1u << 31);
    assert_true(kit_submit(&kit, 0x15, 0));
    assert_int_equal(kit_read(&kit, R_IECTL, 4), 3u << 30);
    assert_int_equal(hosted_interrupts(), before + 1);
    kit_write(&kit, R_IECTL, 4, 0);
    assert_int_equal(hosted_interrupts(), before + 2);
    assert_true(kit_stop(&kit));
}

/* Each of these would be a DMA write by the unit itself. */
static void unsafe_targets_are_refused(void **state)
{
    (void)state;
    struct kit kit;
    kit_start(&kit);
    kit_boot(&kit);
    static const u64 bad[] = {HOSTED_POOL, HOSTED_POOL + 0x1000, HOST_UNIT_BASE, 0xfee00000,
                              0x1000, KIT_RAM_END, KIT_RAM_BASE - 4, 1ull << 45};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(kit_submit(&kit, 0x25 | 0xbadull << 32, bad[i]));
        assert_int_equal(kit_read(&kit, R_IQERCD, 8) & 0xf, 4);
        kit_write(&kit, R_IQT, 8, kit_read(&kit, R_IQH, 8));
        kit_write(&kit, R_FSTS, 4, 0x10);
    }
    static const struct { u64 addr, upper, data; } messages[] = {
        {0x1000, 0, 0x41}, {0xfee01000, 1, 0x41}, {0xfee01000, 0, 0x241}, {0xfee01000, 0, 0x541},
        {0xfee01000, 0, 0x8041}, {0xfee01010, 0, 0x41}, {0xfee01000, 0, 0x0f},
    };
    u32 before = hosted_interrupts();
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        kit_write(&kit, R_IECTL, 4, 1u << 31);
        kit_write(&kit, R_IEADDR, 4, messages[i].addr);
        kit_write(&kit, R_IEUADDR, 4, messages[i].upper);
        kit_write(&kit, R_IEDATA, 4, messages[i].data);
        kit_write(&kit, R_IECTL, 4, 0);
        assert_int_equal(kit_read(&kit, R_IEADDR, 4), messages[i].addr);
        assert_true(kit_submit(&kit, 0x15, 0));
        kit_write(&kit, R_ICS, 4, 1);
    }
    assert_int_equal(hosted_interrupts(), before);
    assert_true(kit_stop(&kit));
}

static void fault(struct kit *kit)
{
    u64 value = 0;
    assert_int_not_equal(kit_dma(kit, 0x10, false, 0x40000000, &value), 0);
}

static void expect_sent(u32 before, u64 want_addr, u32 want_data)
{
    u64 addr;
    u32 data;
    assert_int_equal(hosted_interrupts(), before + 1);
    hosted_last_interrupt(&addr, &data);
    assert_int_equal(addr, want_addr);
    assert_int_equal(data, want_data);
}

/* The unit's fault event is the guest's while it wants it, else the host's; each time there is one message. */
static void fault_event_is_the_hosts_while_masked(void **state)
{
    (void)state;
    struct kit kit;
    struct kit_fault f;
    const u32 nmi = 0x400, vector = 0x41;
    kit_start(&kit);
    kit_boot(&kit);
    viommu_set_alert(kit.v, 0xfee00000, nmi);
    u32 before = hosted_interrupts();
    fault(&kit);                                    /* masked out of reset */
    expect_sent(before, 0xfee00000, nmi);
    viommu_poll_faults(kit.v);
    assert_int_equal(kit_read(&kit, R_FECTL, 4), 3u << 30);
    assert_int_equal(kit.interrupts, 0);
    kit_write(&kit, R_FEDATA, 4, vector);
    kit_write(&kit, R_FEADDR, 4, 0xfee01000);
    kit_write(&kit, R_FECTL, 4, 0);                 /* IP goes out when the mask is gone */
    assert_int_equal(kit.interrupts, 1);
    assert_int_equal(kit.interrupt_data, vector);
    assert_int_equal(hosted_interrupts(), before + 1);
    assert_true(kit_take_fault(&kit, &f));
    before = hosted_interrupts();
    fault(&kit);                                    /* straight to the guest */
    expect_sent(before, 0xfee01000, vector);
    assert_true(kit_take_fault(&kit, &f));
    assert_int_equal(kit.interrupts, 1);
    kit_write(&kit, R_FECTL, 4, 1u << 31);
    before = hosted_interrupts();
    fault(&kit);
    expect_sent(before, 0xfee00000, nmi);
    kit_write(&kit, R_FECTL, 4, 0);                 /* found and sent by the write itself */
    assert_int_equal(kit.interrupts, 2);
    assert_int_equal(hosted_interrupts(), before + 1);
    assert_true(kit_take_fault(&kit, &f));
    kit_write(&kit, R_FEDATA, 4, 0x2);              /* no vector: as if masked */
    before = hosted_interrupts();
    fault(&kit);
    expect_sent(before, 0xfee00000, nmi);
    assert_true(kit_stop(&kit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_and_completion_interrupt),
        cmocka_unit_test(unsafe_targets_are_refused),
        cmocka_unit_test(fault_event_is_the_hosts_while_masked),
    };
    return cmocka_run_group_tests_name("viommu_event", tests, NULL, NULL);
}
