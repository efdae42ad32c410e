/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edu GROUP DEVICE: has the machine's function `edu` (attach/edu.c) send its interrupts and do DMA, by VFIO. Then it is
 * the attacker: it writes messages that are nobody's, in both formats. In between it asks for a snapshot, which is
 * taken where the machine is to (tests/bochs/walk.py). Status 0: everything arrived that was to, and nothing else; 201
 * and above: a check, in the order below; else the number of an error.
 */
#include "tests/bochs/guest/vfio.h"

enum { MSI = 1, MSIX = 2, DATA_NONE_TRIGGER = 0x21, DATA_EVENTFD_TRIGGER = 0x24, SECOND_MS = 1000, POLLIN = 1 };
enum { RAISE = 0x60, ACKNOWLEDGE = 0x64, SNAPSHOT = 0x70, SOURCE = 0x80, DESTINATION = 0x88, COUNT = 0x90,
       ENGINE = 0x98, STATUS = 0x20, REFUSED = 2, START = 1, TO_MEMORY = 2, INTERRUPTS = 4, INSIDE = 0x40000,
       IOVA = 0x100000, BYTES = 256 };
/* VT-d tables 13 and 14: vector F1h for CPU 0; the entry of index 0, which the kernel gave to another device. */
enum { COMPATIBLE = 0xfee00000, COMPATIBLE_DATA = 0xf1, REMAPPABLE = 0xfee00010 };

static unsigned char memory[PAGE] __attribute__((aligned(PAGE)));
static int events[2];

static void trigger(unsigned index, unsigned count)
{
    struct { unsigned argsz, flags, index, start, count; int fds[2]; } set =
        {sizeof(set), count != 0 ? DATA_EVENTFD_TRIGGER : DATA_NONE_TRIGGER, index, 0, count, {events[0], events[1]}};
    must(call(SYS_IOCTL, device, SET_IRQS, (long)&set, 0, 0));
}

/* How often the event came; waits a second for the first. */
static long came(int event)
{
    struct { int fd; short wanted, found; } poll = {event, POLLIN, 0};
    long times = 0;
    if (must(call(SYS_POLL, (long)&poll, 1, SECOND_MS, 0, 0)) == 1) {
        must(call(SYS_READ, event, (long)&times, sizeof(times), 0, 0));
    }
    return times;
}

static unsigned status(void)
{
    unsigned value;
    must(call(SYS_PREAD, device, (long)&value, sizeof(value), STATUS, 0));
    return value;
}

static void engine(unsigned source, unsigned destination, unsigned count, unsigned command)
{
    write_register(SOURCE, source);
    write_register(DESTINATION, destination);
    write_register(COUNT, count);
    write_register(ENGINE, START | command);
}

static int moves_data(void)
{
    for (unsigned i = 0; i < BYTES; i++) {
        memory[i] = (unsigned char)(i * 7 + 1);
    }
    engine(IOVA, INSIDE, BYTES, 0);
    engine(INSIDE, IOVA + BYTES, BYTES, TO_MEMORY | INTERRUPTS);
    for (unsigned i = 0; i < BYTES; i++) {
        if (((volatile unsigned char *)memory)[BYTES + i] != memory[i]) {
            return 0;
        }
    }
    return came(events[0]) == 1;
}

static int is_refused(unsigned address, unsigned data)
{
    *(volatile unsigned *)memory = data;
    engine(IOVA, INSIDE, sizeof(data), 0);
    engine(INSIDE, address, sizeof(data), TO_MEMORY);
    return (status() & REFUSED) != 0;
}

int program(int argc, const char *const *argv)
{
    if (argc != 3) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        events[i] = (int)must(call(SYS_EVENTFD2, 0, 0, 0, 0, 0));
    }
    open_device(argv[1], argv[2]);
    map(memory, IOVA, MAP_READ | MAP_WRITE);
    trigger(MSI, 1);
    write_register(RAISE, 1);
    if (came(events[0]) != 1) {
        return 201;
    }
    if (!moves_data()) {
        return 202;
    }
    trigger(MSI, 0);
    trigger(MSIX, 2);
    write_register(RAISE, 2);
    if (came(events[1]) != 1) {
        return 203;
    }
    write_register(SNAPSHOT, 1);
    if (!is_refused(COMPATIBLE, COMPATIBLE_DATA)) {
        return 204;
    }
    return is_refused(REMAPPABLE, 0) ? 0 : 205;
}
