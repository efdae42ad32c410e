/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attachment's I/O APIC (tests/bochs/attach/ioapic.c) by its registers and pins, as Bochs and a guest use it: what
 * it sends, when, and what its registers show. VT-d 5.1.2.1 and tables 13 and 14 for the messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/bochs/attach/attach.h"

enum { PAGE = 0xfec00000, SELECT = 0, DATA = 0x10, EOI = 0x40, PINS = 24, UNITS = 3, SID = 0xf0f8,
       LEVEL = 1 << 15, MASKED = 1 << 16, REMOTE_IRR = 1 << 14, STATUS = 1 << 12 };

/* --- what it is linked to --- */

struct attach_config attach_config = {.unit_count = UNITS, .ioapic_sid = SID};
static unsigned sent;
static struct { uint16_t sid; uint64_t addr; uint32_t data; } last;

void attach_log(const char *fmt, ...)
{
    (void)fmt;
}

/* Opaque here: a unit is known by its index. */
struct model_unit *units_get(unsigned index)
{
    static uint8_t place[UNITS];
    return (struct model_unit *)(void *)&place[index];
}

bool model_interrupt(struct model_unit *unit, uint16_t sid, uint64_t addr, uint32_t data, struct model_interrupt *out)
{
    assert_ptr_equal(unit, units_get(UNITS - 1));
    assert_null(out);
    last.sid = sid;
    last.addr = addr;
    last.data = data;
    sent++;
    return true;
}

/* --- Bochs's object: its functions, before which two words stand, and its page --- */

typedef void reset_function(void *self, unsigned type);
typedef void eoi_function(void *self, uint8_t vector);
typedef void line_function(void *self, uint8_t pin, bool level);
static void *theirs[12];
static void **object[1];
static memory_handler *page_read, *page_write;

static bool their_read(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)len;
    (void)param;
    assert_int_equal(addr, PAGE + DATA);
    *(uint32_t *)data = 4u << 24;
    return true;
}

static bool their_write(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)len;
    (void)param;
    assert_int_equal(addr, PAGE + SELECT);
    assert_int_equal(*(uint32_t *)data, 0);
    return true;
}

static void replace(void)
{
    page_read = their_read;
    page_write = their_write;
    ioapic_replace(object, &page_read, &page_write, PAGE);
}

static int fresh(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        theirs[i] = &theirs[i];
    }
    object[0] = theirs + 2;
    replace();
    sent = 0;
    return 0;
}

static void line(uint8_t pin, bool level)
{
    line_function *f = (line_function *)(uintptr_t)object[0][9];
    f(object, pin, level);
}

static void end_of_interrupt(uint8_t vector)
{
    eoi_function *f = (eoi_function *)(uintptr_t)object[0][8];
    f(object, vector);
}

static void write32(uint32_t offset, uint32_t value)
{
    assert_true(page_write(PAGE + offset, sizeof(value), &value, object));
}

static uint32_t read32(uint32_t offset)
{
    uint32_t value = 0;
    assert_true(page_read(PAGE + offset, sizeof(value), &value, object));
    return value;
}

static void set(uint8_t index, uint32_t value)
{
    write32(SELECT, index);
    write32(DATA, value);
}

static uint32_t get(uint8_t index)
{
    write32(SELECT, index);
    return read32(DATA);
}

/* Unmasked last, as software does. */
static void set_entry(unsigned pin, uint64_t entry)
{
    set((uint8_t)(0x11 + 2 * pin), (uint32_t)(entry >> 32));
    set((uint8_t)(0x10 + 2 * pin), (uint32_t)entry);
}

static void pulse(uint8_t pin)
{
    line(pin, true);
    line(pin, false);
}

/* --- tests --- */

static void registers(void **state)
{
    (void)state;
    assert_int_equal(get(1), 0x20 | (PINS - 1) << 16);
    assert_int_equal(get(0), 4u << 24); /* Bochs's own, which MADT has */
    set(0, 0xffffffff);
    assert_int_equal(get(0), 0xff000000);
    set(1, 0);
    assert_int_equal(get(1), 0x20 | (PINS - 1) << 16);
    for (unsigned i = 0x10; i < 0x10 + 2 * PINS; i++) {
        assert_int_equal(get((uint8_t)i), i % 2 == 0 ? MASKED : 0);
    }
    set(0x40, 0xffffffff); /* behind the last entry */
    assert_int_equal(get(0x40), 0);
    assert_int_equal(get(0x02), 0);
    assert_int_equal(read32(SELECT), 0x02);
    assert_int_equal(read32(0x20), 0);
}

static void read_only_bits_of_an_entry_stay(void **state)
{
    (void)state;
    set_entry(5, 0xfedcba9800000000ull | MASKED | STATUS | REMOTE_IRR | LEVEL | 0x31);
    assert_int_equal(get(0x1a), MASKED | LEVEL | 0x31);
    assert_int_equal(get(0x1b), 0xfedcba98);
}

static void an_edge_is_sent_once(void **state)
{
    (void)state;
    set_entry(3, 0x41);
    line(3, true);
    line(3, true);
    assert_int_equal(sent, 1);
    line(3, false);
    pulse(3);
    assert_int_equal(sent, 2);
    set_entry(3, MASKED | 0x41);
    pulse(3);
    assert_int_equal(sent, 2); /* lost: an edge that comes while it is masked */
    set_entry(3, 0x41);
    assert_int_equal(sent, 2);
}

static void a_level_waits_for_its_eoi(void **state)
{
    (void)state;
    set_entry(16, LEVEL | 0x51);
    line(16, true);
    assert_int_equal(sent, 1);
    assert_int_equal(get(0x30), LEVEL | REMOTE_IRR | 0x51);
    line(16, true);
    end_of_interrupt(0x52); /* another's */
    assert_int_equal(sent, 1);
    end_of_interrupt(0x51);
    assert_int_equal(sent, 2); /* the pin is still high */
    line(16, false);
    write32(EOI, 0x51);
    assert_int_equal(sent, 2);
    assert_int_equal(get(0x30), LEVEL | 0x51);
}

static void a_level_comes_when_it_is_unmasked(void **state)
{
    (void)state;
    set_entry(17, MASKED | LEVEL | 0x61);
    line(17, true);
    assert_int_equal(sent, 0);
    set_entry(17, LEVEL | 0x61);
    assert_int_equal(sent, 1);
    set_entry(17, MASKED | 0x61); /* as edge, which has no remote IRR */
    assert_int_equal(get(0x32), MASKED | 0x61);
}

/* Bits 63:56 are the destination, 10:8 the mode, 11 says logical. */
static void compatibility_format(void **state)
{
    (void)state;
    set_entry(4, 0x7full << 56 | 1 << 11 | 1 << 8 | 0x71);
    pulse(4);
    assert_int_equal(last.sid, SID);
    assert_int_equal(last.addr, 0xfee00000 | 0x7f << 12 | 1 << 3 | 1 << 2);
    assert_int_equal(last.data, 1 << 14 | 1 << 8 | 0x71);
    set_entry(4, 0x01ull << 56 | LEVEL | 0x72);
    line(4, true);
    assert_int_equal(last.addr, 0xfee00000 | 0x01 << 12);
    assert_int_equal(last.data, 1 << 15 | 1 << 14 | 0x72);
}

/* Bit 48, then the index: 14:0 in 63:49, bit 15 in 11. */
static void remappable_format(void **state)
{
    (void)state;
    set_entry(6, 0x1234ull << 49 | 1ull << 48 | 1 << 11 | 0x06);
    pulse(6);
    assert_int_equal(last.addr, 0xfee00000 | 0x1234 << 5 | 1 << 4 | 1 << 2);
    assert_int_equal(last.data, 1 << 14 | 0x06);
}

static void the_timer_has_pin_2(void **state)
{
    (void)state;
    set_entry(0, 0x80);
    set_entry(2, 0x82);
    pulse(0);
    assert_int_equal(sent, 1);
    assert_int_equal(last.data & 0xff, 0x82);
    line(PINS, true); /* no such pin */
    assert_int_equal(sent, 1);
}

static void reset_masks_all(void **state)
{
    (void)state;
    reset_function *f = (reset_function *)(uintptr_t)object[0][3];
    set_entry(7, 0x90);
    line(8, true);
    f(object, 0);
    pulse(7);
    assert_int_equal(sent, 0);
    assert_int_equal(get(0x1e), MASKED);
    set_entry(8, LEVEL | 0x91);
    assert_int_equal(sent, 0);
}

/* Bochs registers it anew when its page moves; entries stay, and the other functions are Bochs's. */
static void its_page_moves(void **state)
{
    (void)state;
    void **functions = object[0];
    set_entry(9, 0xa0);
    replace();
    assert_ptr_equal(object[0], functions);
    assert_int_equal(get(0x22), 0xa0);
    assert_ptr_equal(functions[2], &theirs[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers, fresh),
        cmocka_unit_test_setup(read_only_bits_of_an_entry_stay, fresh),
        cmocka_unit_test_setup(an_edge_is_sent_once, fresh),
        cmocka_unit_test_setup(a_level_waits_for_its_eoi, fresh),
        cmocka_unit_test_setup(a_level_comes_when_it_is_unmasked, fresh),
        cmocka_unit_test_setup(compatibility_format, fresh),
        cmocka_unit_test_setup(remappable_format, fresh),
        cmocka_unit_test_setup(the_timer_has_pin_2, fresh),
        cmocka_unit_test_setup(reset_masks_all, fresh),
        cmocka_unit_test_setup(its_page_moves, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
