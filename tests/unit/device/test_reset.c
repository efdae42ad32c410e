/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions between two lives of their partition: what happens in which order, by which kind of reset, and how long. */
#include "hv/device/reset.h"

#include "hv/device/dma.h"
#include "iommu/port.h"
#include "tests/unit/device/pci_kit.h"

enum { EVENTS = 8, RESET_US = 100000, OTHERS_LINE = 2 };    /* the other functions have no capability of PCIe */
enum event { NOTHING, DEAF, STOPPED, RESET, STARTED };

static struct partition *const owner = (struct partition *)kit;    /* any address: it is only compared */
static struct handover_function function;
static enum event events[EVENTS];
static u32 event_count;
static u64 now, reset_at;
static u64 away_us;                 /* how long it does not answer after a reset */
static bool locked;
static u32 lines;

void pci_lock(void)
{
    assert_false(locked);
    locked = true;
}

void pci_unlock(void)
{
    assert_true(locked);
    locked = false;
}

u64 port_now_us(void)
{
    assert_false(locked);           /* never across a wait */
    if (reset_at != 0 && now > reset_at + away_us) {
        set(GIVEN, 0, 0x11e81234, 0);
    }
    return now += 100;
}

void port_relax(void)
{
}

void port_log(enum log_level level, const char *fmt, ...)
{
    assert_int_equal(level, strstr(fmt, "completions") != NULL ? LOG_WARNING : LOG_ERROR);
    lines++;
}

static void note(enum event e)
{
    if (event_count == 0 || events[event_count - 1] != e) {
        assert_true(event_count < EVENTS);
        events[event_count++] = e;
    }
}

enum result device_dma_start(struct device *d)
{
    assert_ptr_equal(d, &kit_devices[0]);
    assert_int_equal(pci_read(GIVEN, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX);
    note(STARTED);
    return OK;
}

void device_dma_stop(struct device *d)
{
    assert_ptr_equal(d, &kit_devices[0]);
    note(STOPPED);
}

/* As after power-on, and not there for a while. */
static void forget(void)
{
    note(RESET);
    set(GIVEN, PCI_COMMAND, 0x00100000, 0x547);
    for (u32 i = 0; i < 6; i++) {
        u32 mask;
        memcpy(&mask, kit_find(GIVEN)->writable + PCI_BARS + 4 * i, 4);
        set(GIVEN, PCI_BARS + 4 * i, 0, mask);
    }
    set(GIVEN, EXPRESS + 8, 0x2810, ~0u);
    set(GIVEN, 0, ~0u, 0);
    reset_at = now;
}

static void react(struct kit_function *f, u32 offset)
{
    u32 command;
    memcpy(&command, f->config + PCI_COMMAND, 4);
    assert_int_equal(f->sid, GIVEN);
    if (offset == PCI_COMMAND && (command & (PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX)) == PCI_COMMAND_NO_INTX) {
        note(DEAF);
    }
    if (offset == EXPRESS + 8 && (f->config[EXPRESS + 9] & 0x80) != 0) {
        forget();
    }
    if (offset == AF + 4 && (f->config[AF + 4] & 1) != 0) {
        forget();
        set(GIVEN, AF + 4, 0, ~0u);
    }
    if (offset == PM + 4 && (f->config[PM + 4] & 3) == 0) {
        forget();
    }
}

static u32 timeouts = 0x1f;         /* ranges A to D, or none at all */

static void start(enum handover_reset reset)
{
    lines = 0;
    kit_hook = NULL;
    kit_start();
    set(GIVEN, EXPRESS, 0x00020010, 0);
    set(GIVEN, EXPRESS + 8, 0x5030, ~0u);
    set(GIVEN, EXPRESS + 0x24, timeouts, 0);
    set(GIVEN, EXPRESS + 0x28, 0x0059, ~0u);
    set(GIVEN, PCI_COMMAND, 0x00100007, 0x547);
    function = kit_given[0];
    function.reset = reset;
    kit_devices[0] = (struct device){.owner = owner, .function = &function};
    event_count = 0;
    away_us = RESET_US / 2;
    reset_at = 0;
    reset_init();
    kit_hook = react;
}

static void expect_reset(enum handover_reset reset)
{
    start(reset);
    assert_int_equal(pci_read(GIVEN, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_NO_INTX);
    pci_write(GIVEN, PCI_COMMAND, 2, 0x406);
    pci_write(GIVEN, EXPRESS + 8, 2, 0x7030);
    assert_true(reset_functions(owner));
    assert_true(now >= reset_at + RESET_US);
    assert_int_equal(event_count, 4);
    assert_int_equal(events[0], DEAF);
    assert_int_equal(events[1], STOPPED);
    assert_int_equal(events[2], RESET);
    assert_int_equal(events[3], DEAF);
    assert_int_equal(pci_read(GIVEN, PCI_COMMAND, 2), PCI_COMMAND_NO_INTX);
    assert_int_equal(pci_read(GIVEN, PCI_BARS, 4), (u32)GIVEN_WIDE);
    assert_int_equal(pci_read(GIVEN, PCI_BARS + 4, 4), GIVEN_WIDE >> 32);
    assert_int_equal(pci_read(GIVEN, PCI_BARS + 8, 4), GIVEN_SMALL);
    assert_int_equal(pci_read(GIVEN, EXPRESS + 8, 2), 0x5030);
    assert_int_equal(pci_read(GIVEN, EXPRESS + 0x28, 2), 0x42);
    assert_int_equal(reset_begin(owner), OK);
    assert_int_equal(events[4], STARTED);
    assert_int_equal(pci_read(GIVEN, PCI_COMMAND, 2), PCI_COMMAND_NO_INTX);
}

static void resets_by_each_kind(void **state)
{
    (void)state;
    expect_reset(HANDOVER_RESET_FLR);
    expect_reset(HANDOVER_RESET_AF);
    expect_reset(HANDOVER_RESET_D3HOT);
}

static void waits_for_what_is_under_way(void **state)
{
    (void)state;
    start(HANDOVER_RESET_FLR);
    set(GIVEN, EXPRESS + 8, 0x00205030, 0xffff);            /* for good: then all the same */
    u64 began = now;
    assert_true(reset_functions(owner));
    assert_in_range(reset_at - began, RESET_US, RESET_US + 5000);
}

static void tells_what_does_not_come_back(void **state)
{
    (void)state;
    start(HANDOVER_RESET_FLR);
    away_us = 60000000;
    u64 began = now;
    assert_false(reset_functions(owner));
    assert_in_range(now - began, 1000000, 1300000);
}

static void leaves_what_has_none(void **state)
{
    (void)state;
    start(HANDOVER_RESET_NONE);
    assert_true(reset_functions(owner));
    assert_int_equal(reset_at, 0);
    assert_int_equal(events[0], DEAF);
    assert_int_equal(events[1], STOPPED);
    u64 before = now;
    assert_true(reset_functions((struct partition *)(kit + 1)));
    assert_int_equal(now, before);                          /* another's: nothing to wait for */
}

/* Completions are waited for 1 to 10 ms where that can be, never for ever; a line says where it cannot. */
static void waits_for_completions_for_10_ms(void **state)
{
    static const struct { u32 offers, version, control; bool can; } cases[] = {
        {0x1f, 2, 0x42, true}, {0x11, 2, 0x42, true}, {0x01, 3, 0x42, true}, {0x03, 2, 0x42, true},
        {0x16, 2, 0x49, false}, {0x0e, 2, 0x49, false}, {0x10, 2, 0x49, false}, {0, 2, 0x49, false},
        {0x1f, 1, 0x59, false}};
    (void)state;
    for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
        timeouts = cases[i].offers;
        start(HANDOVER_RESET_NONE);
        set(GIVEN, EXPRESS, cases[i].version << 16 | 0x10, 0);
        kit_hook = NULL;
        lines = 0;
        reset_init();
        assert_int_equal(lines, OTHERS_LINE + !cases[i].can);
        kit_hook = react;
        assert_true(reset_functions(owner));
        assert_int_equal(pci_read(GIVEN, EXPRESS + 0x28, 2), cases[i].control);
    }
    timeouts = 0x1f;
    start(HANDOVER_RESET_NONE);
    function.pcie = 0;
    kit_hook = NULL;
    lines = 0;
    reset_init();
    assert_int_equal(lines, OTHERS_LINE + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resets_by_each_kind),
        cmocka_unit_test(waits_for_what_is_under_way),
        cmocka_unit_test(tells_what_does_not_come_back),
        cmocka_unit_test(leaves_what_has_none),
        cmocka_unit_test(waits_for_completions_for_10_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
