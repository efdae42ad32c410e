/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference unit end to end: one DMA through each translation type, registers, queue.
 * Entries are words worked out from VT-d chapter 9; the finer cases are in the other
 * test_model_*.c.
 */
#include "tests/model/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SID 0x0108u /* 01:01.0 */

static const struct model_request device = {.sid = SID};

/* Off: addresses pass, VT-d 11.4.4.2 TES=0. */
static void untranslated(void **state)
{
    (void)state;
    struct rig *rig = rig_create(NULL);
    struct model_request r = device;
    uint64_t value = 0;
    r.addr = 0x5008;
    rig_put(rig, 0x5008, 0x1122334455667788ull);
    assert_int_equal(rig_read(rig, &r, &value), 0);
    assert_int_equal(value, 0x1122334455667788ull);
    assert_int_equal(model_sid_pages(rig_unit(rig), SID, MODEL_KIND_UNTRANSLATED), 1);
    rig_destroy(rig);
}

/* Legacy mode, 4-level second stage, 4 KiB page: VT-d 9.1, 9.3, 9.8. */
static void legacy_second_stage(void **state)
{
    (void)state;
    struct rig *rig = rig_create(NULL);
    uint64_t root = rig_page(rig);
    uint64_t context = rig_page(rig);
    uint64_t t4 = rig_page(rig);
    uint64_t t3 = rig_page(rig);
    uint64_t t2 = rig_page(rig);
    uint64_t t1 = rig_page(rig);
    uint64_t page = rig_page(rig);
    rig_put(rig, root + 0x01 * 16, context | 1);
    rig_put(rig, context + 0x08 * 16, t4 | 1);
    rig_put(rig, context + 0x08 * 16 + 8, 2 | 0x42 << 8);
    rig_put(rig, t4, t3 | 3);
    rig_put(rig, t3, t2 | 3);
    rig_put(rig, t2, t1 | 3);
    rig_put(rig, t1 + 5 * 8, page | 3);
    rig_put(rig, page + 0x18, 77);
    rig_enable(rig, root);
    struct model_request r = device;
    uint64_t value = 0;
    r.addr = 0x5018;
    assert_int_equal(rig_read(rig, &r, &value), 0);
    assert_int_equal(value, 77);
    assert_int_equal(rig_write(rig, &r, 78), 0);
    assert_int_equal(rig_get(rig, page + 0x18), 78);
    r.addr = 0x6018;
    assert_int_equal(rig_read(rig, &r, &value), 0x06);
    struct rig_fault fault;
    assert_true(rig_take_fault(rig, &fault));
    assert_int_equal(fault.reason, 0x06);
    assert_int_equal(fault.sid, SID);
    assert_int_equal(fault.addr, 0x6000);
    assert_true(fault.read);
    assert_false(rig_take_fault(rig, &fault));
    assert_int_equal(model_sid_pages(rig_unit(rig), SID, MODEL_KIND_SECOND_STAGE), 2);
    rig_destroy(rig);
}

struct scalable {
    struct rig *rig;
    uint64_t root, context, directory, pasid_table, entry;
};

static struct scalable scalable_setup(void)
{
    struct scalable s = {.rig = rig_create(NULL)};
    s.root = rig_page(s.rig);
    s.context = rig_page(s.rig);
    s.directory = rig_page(s.rig);
    s.pasid_table = rig_page(s.rig);
    s.entry = s.pasid_table;
    rig_put(s.rig, s.root + 0x01 * 16, s.context | 1);
    rig_put(s.rig, s.context + 0x08 * 32, s.directory | 1);
    rig_put(s.rig, s.directory, s.pasid_table | 1);
    return s;
}

/* PGTT 4: DMA goes where it says, VT-d 3.9. */
static void scalable_pass_through(void **state)
{
    (void)state;
    struct scalable s = scalable_setup();
    rig_put(s.rig, s.entry, 4 << 6 | 1);
    rig_put(s.rig, s.entry + 8, 7);
    rig_enable(s.rig, s.root | 1 << 10);
    struct model_request r = device;
    r.addr = 0x7000;
    assert_int_equal(rig_write(s.rig, &r, 99), 0);
    assert_int_equal(rig_get(s.rig, 0x7000), 99);
    rig_destroy(s.rig);
}

/* PGTT 1 with 4 levels; A in every entry, D at the leaf on a write: VT-d 3.6.2. */
static void scalable_first_stage(void **state)
{
    (void)state;
    struct scalable s = scalable_setup();
    uint64_t t[4];
    for (unsigned i = 0; i < 4; i++) {
        t[i] = rig_page(s.rig);
    }
    uint64_t page = rig_page(s.rig);
    for (unsigned i = 0; i < 3; i++) {
        rig_put(s.rig, t[i], t[i + 1] | 7);
    }
    rig_put(s.rig, t[3] + 3 * 8, page | 7);
    rig_put(s.rig, s.entry, 1 << 6 | 1);
    rig_put(s.rig, s.entry + 8, 7 | 1 << 23);
    rig_put(s.rig, s.entry + 16, t[0]);
    rig_enable(s.rig, s.root | 1 << 10);
    struct model_request r = device;
    r.addr = 0x3010;
    assert_int_equal(rig_read(s.rig, &r, NULL), 0);
    assert_int_equal(rig_get(s.rig, t[3] + 24), page | 0x27);
    assert_int_equal(rig_write(s.rig, &r, 5), 0);
    assert_int_equal(rig_get(s.rig, t[3] + 24), page | 0x67);
    assert_int_equal(rig_get(s.rig, t[0]), t[1] | 0x27);
    assert_int_equal(rig_get(s.rig, page + 0x10), 5);
    assert_int_equal(model_sid_pages(rig_unit(s.rig), SID, MODEL_KIND_FIRST_STAGE), 2);
    rig_destroy(s.rig);
}

/* PGTT 3: GPA 0..1 GiB is HPA 1 GiB..2 GiB by one SS-PDPE; first-stage tables at GPAs. */
static void scalable_nested(void **state)
{
    (void)state;
    struct scalable s = scalable_setup();
    const uint64_t base = 0x40000000;
    uint64_t ss4 = rig_page(s.rig);
    uint64_t ss3 = rig_page(s.rig);
    rig_put(s.rig, ss4, ss3 | 3);
    rig_put(s.rig, ss3, base | 0x83);
    rig_put(s.rig, base + 0x1000, 0x2000 | 7);
    rig_put(s.rig, base + 0x2000, 0x3000 | 7);
    rig_put(s.rig, base + 0x3000, 0x4000 | 7);
    rig_put(s.rig, base + 0x4000 + 9 * 8, 0x5000 | 7);
    rig_put(s.rig, s.entry, ss4 | 3 << 6 | 2 << 2 | 1);
    rig_put(s.rig, s.entry + 8, 9 | 1 << 23);
    rig_put(s.rig, s.entry + 16, 0x1000);
    rig_enable(s.rig, s.root | 1 << 10);
    struct model_request r = device;
    r.addr = 0x9020;
    assert_int_equal(rig_write(s.rig, &r, 1234), 0);
    assert_int_equal(rig_get(s.rig, base + 0x5020), 1234);
    struct model_outcome outcome;
    assert_true(model_translate(rig_unit(s.rig), &r, &outcome));
    assert_int_equal(outcome.kind, MODEL_KIND_NESTED);
    assert_int_equal(outcome.hpa, base + 0x5020);
    assert_int_equal(outcome.page_size, 4096);
    assert_int_equal(outcome.did, 9);
    /* Stale until p_iotlb page: DID 9, PASID 0. */
    rig_put(s.rig, base + 0x4000 + 9 * 8, 0);
    assert_int_equal(rig_write(s.rig, &r, 1235), 0);
    assert_true(rig_submit(s.rig, 6 | 3 << 4 | 9 << 16, 0x9000));
    assert_int_equal(rig_write(s.rig, &r, 1236), 0x71);
    assert_int_equal(rig_get(s.rig, base + 0x5020), 1235);
    rig_destroy(s.rig);
}

/* A wait with status write and interrupt: VT-d 6.5.2.9. */
static void queue_wait(void **state)
{
    (void)state;
    struct scalable s = scalable_setup();
    rig_enable(s.rig, s.root | 1 << 10);
    uint64_t status = rig_page(s.rig);
    model_write(rig_unit(s.rig), 0xa4, 4, 0x31);
    model_write(rig_unit(s.rig), 0xa8, 4, 0xfee01000);
    model_write(rig_unit(s.rig), 0xa0, 4, 0);
    assert_true(rig_submit(s.rig, 5 | 1 << 4 | 1 << 5 | 0xabcdull << 32, status));
    assert_int_equal(rig_get(s.rig, status), 0xabcd);
    assert_int_equal(rig_interrupts(s.rig), 1);
    uint64_t addr;
    uint32_t data;
    rig_last_interrupt(s.rig, &addr, &data);
    assert_int_equal(addr, 0xfee01000);
    assert_int_equal(data, 0x31);
    rig_destroy(s.rig);
}

/* A DWORD write without PASID to FEEx_xxxx is an interrupt request: VT-d 3.15. */
static void interrupt_write(void **state)
{
    (void)state;
    struct scalable s = scalable_setup();
    rig_enable(s.rig, s.root | 1 << 10);
    struct model_request r = device;
    struct model_outcome outcome;
    uint32_t data = 0x44;
    r.op = MODEL_WRITE;
    r.len = 4;
    r.addr = 0xfee00000;
    assert_true(model_dma(rig_unit(s.rig), &r, &data, &outcome));
    assert_int_equal(outcome.kind, MODEL_KIND_INTERRUPT);
    assert_int_equal(rig_interrupts(s.rig), 1);
    rig_destroy(s.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untranslated),       cmocka_unit_test(legacy_second_stage),
        cmocka_unit_test(scalable_pass_through), cmocka_unit_test(scalable_first_stage),
        cmocka_unit_test(scalable_nested),    cmocka_unit_test(queue_wait),
        cmocka_unit_test(interrupt_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
