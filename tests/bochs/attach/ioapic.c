/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An I/O APIC in place of Bochs's, which keeps 8 bits of a destination and so cannot send a remappable request. This
 * one is that of later chipsets: version 20h, entries of 64 bits, remote IRR, an EOI register; its messages go
 * through the last unit under the source-id that the DMAR table's scope has. Bochs's object stays where it is: its
 * page gets other handlers, and its virtual functions for pins, EOI and reset become ours.
 */
#include <string.h>

#include "tests/bochs/attach/attach.h"

enum { PINS = 24, VERSION = 0x20, SELECT = 0, DATA = 0x10, EOI = 0x40, ID = 0, VERSION_INDEX = 1, FIRST_ENTRY = 0x10 };
/* Of an entry: read-only bits 12 and 14, trigger mode, mask; VT-d 5.1.2.1 for the one that makes it remappable. */
#define RTE_STATUS (1ull << 12)
#define RTE_REMOTE_IRR (1ull << 14)
#define RTE_LEVEL (1ull << 15)
#define RTE_MASKED (1ull << 16)
#define RTE_REMAPPABLE (1ull << 48)

static struct {
    uint8_t selected;
    uint32_t id, lines;         /* id as its register has it; the pins' levels */
    uint64_t entries[PINS];
} apic;

/* In the order of Bochs's class; two words of run-time type information precede the functions. */
enum { VTABLE_RESET = 3, VTABLE_EOI = 8, VTABLE_LINE = 9, VTABLE_WORDS = 10, VTABLE_BEFORE = 2 };
static void *vtable[VTABLE_BEFORE + VTABLE_WORDS];

/* An entry as a message, VT-d tables 13 and 14: bits 63:48 are address bits 19:4 in either format. */
static void send(unsigned pin)
{
    enum { FEE = 0xfee00000, LOWEST = 1, ASSERT = 1 << 14, TRIGGER = 1 << 15 };
    uint64_t entry = apic.entries[pin];
    uint32_t mode = (uint32_t)(entry >> 8) & 7, vector = (uint8_t)entry;
    uint64_t addr = FEE | entry >> 48 << 4 | (entry >> 11 & 1) << 2;
    uint32_t data = vector | ASSERT | ((entry & RTE_LEVEL) != 0 ? TRIGGER : 0);
    if ((entry & RTE_REMAPPABLE) == 0) {
        addr |= mode == LOWEST ? 1u << 3 : 0;
        data |= mode << 8;
    }
    model_interrupt(units_get(attach_config.unit_count - 1), attach_config.ioapic_sid, addr, data, NULL);
}

static void service_level(unsigned pin)
{
    uint64_t *entry = &apic.entries[pin];
    bool due = (*entry & RTE_LEVEL) != 0 && (*entry & (RTE_MASKED | RTE_REMOTE_IRR)) == 0;
    if (due && (apic.lines & 1u << pin) != 0) {
        *entry |= RTE_REMOTE_IRR;
        send(pin);
    }
}

/* Pin 0 is the timer of the 8259, which has pin 2 here as MADT says. */
static void set_line(void *self, uint8_t pin, bool level)
{
    (void)self;
    pin = pin == 0 ? 2 : pin;
    if (pin >= PINS) {
        return;
    }
    uint32_t bit = 1u << pin;
    bool rises = level && (apic.lines & bit) == 0;
    apic.lines = level ? apic.lines | bit : apic.lines & ~bit;
    if (rises && (apic.entries[pin] & (RTE_LEVEL | RTE_MASKED)) == 0) {
        send(pin);
    }
    service_level(pin);
}

static void end_of_interrupt(void *self, uint8_t vector)
{
    (void)self;
    for (unsigned pin = 0; pin < PINS; pin++) {
        uint64_t *entry = &apic.entries[pin];
        if ((*entry & RTE_LEVEL) != 0 && (uint8_t)*entry == vector) {
            *entry &= ~RTE_REMOTE_IRR;
            service_level(pin);
        }
    }
}

static void write_entry(unsigned pin, bool high, uint32_t value)
{
    uint64_t old = apic.entries[pin], fixed = RTE_STATUS | RTE_REMOTE_IRR;
    uint64_t fresh = high ? (uint32_t)old | (uint64_t)value << 32 : (old & ~0xffffffffull) | value;
    fresh = (fresh & ~fixed) | (old & fixed);
    apic.entries[pin] = (fresh & RTE_LEVEL) != 0 ? fresh : fresh & ~RTE_REMOTE_IRR;
    service_level(pin);
}

static uint32_t read_selected(void)
{
    unsigned pin = (apic.selected - FIRST_ENTRY) / 2u;
    if (apic.selected == ID) {
        return apic.id;
    }
    if (apic.selected == VERSION_INDEX) {
        return VERSION | (PINS - 1) << 16;
    }
    return apic.selected >= FIRST_ENTRY && pin < PINS ? (uint32_t)(apic.entries[pin] >> (apic.selected % 2 * 32)) : 0;
}

static void write_selected(uint32_t value)
{
    unsigned pin = (apic.selected - FIRST_ENTRY) / 2u;
    if (apic.selected == ID) {
        apic.id = value & 0xff000000;
    } else if (apic.selected >= FIRST_ENTRY && pin < PINS) {
        write_entry(pin, apic.selected % 2 != 0, value);
    }
}

static bool page_read(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)param;
    uint64_t value = (addr & 0xff) == SELECT ? apic.selected : (addr & 0xfc) == DATA ? read_selected() : 0;
    value >>= (addr & 3) * 8;
    memcpy(data, &value, len <= sizeof(value) ? len : sizeof(value));
    return true;
}

static bool page_write(uint64_t addr, unsigned len, void *data, void *param)
{
    (void)param;
    uint32_t value = 0;
    memcpy(&value, data, len <= sizeof(value) ? len : sizeof(value));
    switch (addr & 0xff) {
    case SELECT:
        apic.selected = (uint8_t)value;
        break;
    case DATA:
        write_selected(value);
        break;
    case EOI:
        end_of_interrupt(NULL, (uint8_t)value);
        break;
    default:
        break;
    }
    return true;
}

static void reset(void *self, unsigned type)
{
    (void)self;
    (void)type;
    apic.selected = 0;
    apic.lines = 0;
    for (unsigned pin = 0; pin < PINS; pin++) {
        apic.entries[pin] = RTE_MASKED;
    }
}

void ioapic_replace(void *object, memory_handler **read, memory_handler **write, uint64_t begin)
{
    void (*own_reset)(void *, unsigned) = reset;
    void (*own_eoi)(void *, uint8_t) = end_of_interrupt;
    void (*own_line)(void *, uint8_t, bool) = set_line;
    uint32_t select = ID;
    void **functions = *(void ***)object;
    memory_handler *theirs_read = *read, *theirs_write = *write;
    *read = page_read;
    *write = page_write;
    if (functions == vtable + VTABLE_BEFORE) { /* its page moves */
        return;
    }
    theirs_write(begin + SELECT, sizeof(select), &select, object);
    theirs_read(begin + DATA, sizeof(apic.id), &apic.id, object);
    memcpy(vtable, functions - VTABLE_BEFORE, sizeof(vtable));
    memcpy(&vtable[VTABLE_BEFORE + VTABLE_RESET], &own_reset, sizeof(own_reset));
    memcpy(&vtable[VTABLE_BEFORE + VTABLE_EOI], &own_eoi, sizeof(own_eoi));
    memcpy(&vtable[VTABLE_BEFORE + VTABLE_LINE], &own_line, sizeof(own_line));
    *(void ***)object = vtable + VTABLE_BEFORE;
    reset(NULL, 0);
    attach_log("I/O APIC %#x replaced", apic.id >> 24);
}
