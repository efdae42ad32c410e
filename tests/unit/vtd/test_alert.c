/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's fault event: one message for each time that there are faults, and whose an interrupt is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "iommu/vtd/state.h"
#include "tests/support/vtd_rig.h"

enum { SID = 0x20, NMI = 0x400 };
#define ADDRESS 0xfee03000ull

static void fault(struct vtd_rig *rig)
{
    u64 value = 0;
    struct model_outcome outcome;
    const struct model_request request = {.sid = SID, .op = MODEL_READ, .addr = VTD_RIG_HOLE, .len = 8};
    assert_false(model_dma(rig->model, &request, &value, &outcome));
}

static void expect_message(u32 count)
{
    u64 addr;
    u32 data;
    assert_int_equal(hosted_interrupts(), count);
    hosted_last_interrupt(&addr, &data);
    assert_int_equal(addr, ADDRESS);
    assert_int_equal(data, NMI);
}

static void a_message_for_each_time(void **state)
{
    struct vtd_rig rig;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    fault(&rig);
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    u32 before = hosted_interrupts();
    assert_false(vtd_alert_came(rig.unit));
    vtd_alert_init(rig.unit, ADDRESS, NMI);
    for (u32 i = 1; i < 5; i++) {
        assert_false(vtd_alert_came(rig.unit));
        fault(&rig);
        fault(&rig);
        expect_message(before + i);
        assert_true(vtd_alert_came(rig.unit));
        assert_false(vtd_alert_came(rig.unit));     /* the next one is somebody else's */
        assert_int_equal(vtd_rig_take_faults(&rig), 2);
        assert_false(vtd_alert_came(rig.unit));
    }
    vtd_rig_stop(&rig);
}

/* Another CPU, or a timer, has taken the faults while the message was on its way. */
static void served_before_it_arrives(void **state)
{
    struct vtd_rig rig;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    vtd_alert_init(rig.unit, ADDRESS, NMI);
    fault(&rig);
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    assert_true(vtd_alert_came(rig.unit));
    assert_false(vtd_alert_came(rig.unit));
    fault(&rig);
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    hosted_advance_us(2000);
    assert_false(vtd_alert_came(rig.unit));         /* it never came: this one is not it */
    vtd_rig_stop(&rig);
}

/* As vtd_fault_next() does it, but step by step: the oldest record goes. */
static void clear_record(struct vtd_rig *rig, u32 n)
{
    u64 at = rig->unit->info.base.v + vtd_cap_fault_offset(rig->unit->info.cap) + n * sizeof(struct fault_record);
    port_mmio_write32((hpa_t){at + 12}, (u32)(field_mask(FRCD_F) >> 32));
}

/* The message arrives while a fault is served, on another CPU or on this one: at any step it is the unit's. */
static void while_it_is_served(void **state)
{
    (void)state;
    for (u32 step = 0; step < 3; step++) {
        struct vtd_rig rig;
        vtd_rig_start(&rig, VTD_RIG_SERVER);
        vtd_alert_init(rig.unit, ADDRESS, NMI);
        fault(&rig);
        vtd_alert_serve(rig.unit);
        assert_true(step != 0 || vtd_alert_came(rig.unit));
        clear_record(&rig, 0);
        assert_true(step != 1 || vtd_alert_came(rig.unit));
        vtd_alert_served(rig.unit, FSTS_PPF);
        assert_true(step != 2 || vtd_alert_came(rig.unit));
        assert_false(vtd_alert_came(rig.unit));     /* and only that one */
        vtd_rig_stop(&rig);
    }
}

/* All are served, and before that is noted there is the next fault with a message of its own. */
static void the_next_one_meanwhile(void **state)
{
    struct vtd_rig rig;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    vtd_alert_init(rig.unit, ADDRESS, NMI);
    u32 before = hosted_interrupts();
    fault(&rig);
    assert_true(vtd_alert_came(rig.unit));
    vtd_alert_serve(rig.unit);
    clear_record(&rig, 0);
    fault(&rig);
    expect_message(before + 2);
    assert_true(vtd_alert_came(rig.unit));
    vtd_alert_served(rig.unit, FSTS_PPF);
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    fault(&rig);
    expect_message(before + 3);
    assert_true(vtd_alert_came(rig.unit));
    vtd_rig_stop(&rig);
}

/* The queue clears its errors by itself: the next message is the unit's all the same. */
static void served_elsewhere(void **state)
{
    struct vtd_rig rig;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    vtd_alert_init(rig.unit, ADDRESS, NMI);
    fault(&rig);
    assert_true(vtd_alert_came(rig.unit));
    clear_record(&rig, 0);
    assert_int_equal(vtd_rig_take_faults(&rig), 0);
    fault(&rig);
    assert_true(vtd_alert_came(rig.unit));
    vtd_rig_stop(&rig);
}

/* While the registers are another's, no interrupt is the unit's; what is found then is not expected either. */
static void yielded(void **state)
{
    struct vtd_rig rig;
    (void)state;
    vtd_rig_start(&rig, VTD_RIG_SERVER);
    vtd_alert_yield(rig.unit);
    vtd_alert_init(rig.unit, ADDRESS, NMI);
    u32 before = hosted_interrupts();
    fault(&rig);
    assert_int_equal(hosted_interrupts(), before);
    assert_false(vtd_alert_came(rig.unit));
    assert_int_equal(vtd_rig_take_faults(&rig), 1);
    assert_false(vtd_alert_came(rig.unit));
    vtd_alert_hold(rig.unit);
    fault(&rig);
    expect_message(before + 1);
    assert_true(vtd_alert_came(rig.unit));
    vtd_rig_stop(&rig);
}

/* An id of 255 or more takes the upper register, which a unit without EIME would not read: another CPU would get it. */
static void a_wide_id_waits_for_eime(void **state)
{
    static const struct { u64 address, eime; bool masked; } cases[] = {
        {0xfee03000, 0, false}, {0xfeefe000, 0, false}, {0xfeeff000, 0, true}, {1ull << 40 | 0xfee2c000, 0, true},
        {0xfeeff000, 1, false}, {1ull << 40 | 0xfee2c000, 1, false},
    };
    struct vtd_rig rig;
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        struct model_config config = vtd_rig_config(VTD_RIG_SERVER);
        config.ecap |= 3 << 3;      /* IR, EIM */
        vtd_rig_start_with(&rig, &config);
        vtd_regs_write64(rig.unit, VTD_IRTA, cases[i].eime << 11);
        vtd_alert_init(rig.unit, cases[i].address, NMI);
        assert_int_equal(vtd_regs_read32(rig.unit, VTD_FECTL) >> 31, cases[i].masked);
        if (!cases[i].masked) {
            assert_int_equal(vtd_regs_read32(rig.unit, VTD_FEUADDR), cases[i].address >> 32);
        }
        vtd_rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_id_waits_for_eime),
        cmocka_unit_test(a_message_for_each_time),
        cmocka_unit_test(served_before_it_arrives),
        cmocka_unit_test(while_it_is_served),
        cmocka_unit_test(the_next_one_meanwhile),
        cmocka_unit_test(served_elsewhere),
        cmocka_unit_test(yielded),
    };
    return cmocka_run_group_tests_name("vtd_alert", tests, NULL, NULL);
}
