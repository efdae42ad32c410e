/* SPDX-License-Identifier: BSD-2-Clause */
/* The attachment's attacker (tests/bochs/attach/edu.c) by its registers: interrupts, and DMA that may be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bochs/attach/pci.h"

enum { SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90, COMMAND = 0x98, STATUS = 0x20, RAISED = 0x24, RAISE = 0x60,
       TAKE_BACK = 0x64, SNAPSHOT = 0x70, START = 1, TO_MEMORY = 2, INTERRUPT = 4, REFUSED = 2, INSIDE = 0x40000,
       INSIDE_BYTES = 4096, ADDRESS = 0x12345000 };

/* --- what it is linked to --- */

struct device devices[DEVICES];
static struct pci_function *edu;
static unsigned vectors[PCI_VECTORS];
static unsigned snapshots;
static bool refuses;
static struct { unsigned times; bool write; uint64_t addr; size_t len; } dma;
static uint8_t outside[INSIDE_BYTES];

void pci_add(struct pci_function *function)
{
    edu = function;
}

void pci_interrupt(struct pci_function *function, unsigned vector)
{
    assert_ptr_equal(function, edu);
    assert_in_range(vector, 0, PCI_VECTORS - 1);
    vectors[vector]++;
}

void snapshot_write(void)
{
    snapshots++;
}

bool pci_dma(struct pci_function *function, bool write, uint64_t addr, size_t len, void *data)
{
    assert_ptr_equal(function, edu);
    dma.times++;
    dma.write = write;
    dma.addr = addr;
    dma.len = len;
    if (!refuses) {
        memcpy(write ? outside : data, write ? data : outside, len);
    }
    return !refuses;
}

static int fresh(void **state)
{
    (void)state;
    edu_add(0);
    edu->reset(edu);
    memset(vectors, 0, sizeof(vectors));
    memset(&dma, 0, sizeof(dma));
    refuses = false;
    return 0;
}

static void move(uint64_t source, uint64_t destination, uint64_t count, uint64_t command)
{
    edu->write(edu, SOURCE, 8, source);
    edu->write(edu, DESTINATION, 8, destination);
    edu->write(edu, COUNT, 8, count);
    edu->write(edu, COMMAND, 4, command | START);
    assert_int_equal(edu->read(edu, COMMAND, 4), command);
}

/* --- tests --- */

static void it_is_there(void **state)
{
    (void)state;
    assert_int_equal(edu->id, 0x11e81234);
    assert_int_equal(edu->read(edu, 0, 4), 0x010000ed);
    edu->write(edu, 4, 4, 0x12345678);
    assert_int_equal(edu->read(edu, 4, 4), 0xedcba987);
    assert_int_equal(edu->read(edu, 0x100, 4), 0);
}

static void bits_raised_are_vectors(void **state)
{
    (void)state;
    edu->write(edu, RAISE, 4, 1);
    edu->write(edu, RAISE, 4, 4);
    edu->write(edu, RAISE, 4, 6); /* the lowest decides */
    edu->write(edu, RAISE, 4, 1 << 8);
    assert_int_equal(vectors[0], 1);
    assert_int_equal(vectors[1], 1);
    assert_int_equal(vectors[2], 1);
    assert_int_equal(vectors[3], 1);
    assert_int_equal(edu->read(edu, RAISED, 4), 0x107);
    edu->write(edu, TAKE_BACK, 4, 0x105);
    assert_int_equal(edu->read(edu, RAISED, 4), 2);
}

static void data_go_both_ways(void **state)
{
    (void)state;
    uint8_t expected[256];
    for (unsigned i = 0; i < sizeof(expected); i++) {
        outside[i] = expected[i] = (uint8_t)(i * 3 + 1);
    }
    move(ADDRESS, INSIDE + 128, sizeof(expected), 0);
    assert_true(!dma.write && dma.addr == ADDRESS && dma.len == sizeof(expected));
    memset(outside, 0, sizeof(outside));
    move(INSIDE + 128, ADDRESS + 4096, sizeof(expected), TO_MEMORY | INTERRUPT);
    assert_true(dma.write && dma.addr == ADDRESS + 4096 && dma.len == sizeof(expected));
    assert_memory_equal(outside, expected, sizeof(expected));
    assert_int_equal(vectors[PCI_VECTORS - 1], 1); /* the bit for it is above all vectors */
    assert_int_equal(edu->read(edu, RAISED, 4), 0x100);
}

static void nothing_outside_its_memory_is_touched(void **state)
{
    (void)state;
    move(ADDRESS, INSIDE - 1, 16, 0);
    move(ADDRESS, INSIDE + INSIDE_BYTES - 8, 16, 0);
    move(ADDRESS, INSIDE + INSIDE_BYTES + 1, 0, 0);
    move(INSIDE, ADDRESS, ~0ull, TO_MEMORY);
    assert_int_equal(dma.times, 0);
    move(ADDRESS, INSIDE, INSIDE_BYTES, 0);
    assert_int_equal(dma.times, 1);
}

static void a_refusal_shows(void **state)
{
    (void)state;
    refuses = true;
    move(INSIDE, ADDRESS, 4, TO_MEMORY);
    assert_int_equal(edu->read(edu, STATUS, 4), REFUSED);
    refuses = false;
    move(INSIDE, ADDRESS, 4, TO_MEMORY);
    assert_int_equal(edu->read(edu, STATUS, 4), 0);
}

static void registers_are_written_by_halves(void **state)
{
    (void)state;
    edu->write(edu, SOURCE, 4, 0x89abcdef);
    edu->write(edu, SOURCE + 4, 4, 0x01234567);
    assert_int_equal(edu->read(edu, SOURCE, 8), 0x0123456789abcdef);
    edu->write(edu, SOURCE + 4, 8, 0); /* beyond its end */
    assert_int_equal(edu->read(edu, SOURCE, 8), 0x0123456789abcdef);
    edu->reset(edu);
    assert_int_equal(edu->read(edu, SOURCE, 8), 0);
}

static void a_snapshot_is_asked_for(void **state)
{
    (void)state;
    unsigned before = snapshots;
    edu->write(edu, SNAPSHOT, 4, 1);
    assert_int_equal(snapshots, before + 1);
    assert_int_equal(edu->read(edu, SNAPSHOT, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_there, fresh),
        cmocka_unit_test_setup(bits_raised_are_vectors, fresh),
        cmocka_unit_test_setup(data_go_both_ways, fresh),
        cmocka_unit_test_setup(nothing_outside_its_memory_is_touched, fresh),
        cmocka_unit_test_setup(a_refusal_shows, fresh),
        cmocka_unit_test_setup(registers_are_written_by_halves, fresh),
        cmocka_unit_test_setup(a_snapshot_is_asked_for, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
