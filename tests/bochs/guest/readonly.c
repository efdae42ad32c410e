/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readonly GROUP DEVICE: has the network card write to a page that this program mapped read-only for it
 * by VFIO, /dev/vfio/GROUP, then read one that is mapped no more. The card writes the status of a packet
 * it has sent back into its ring. First with the ring writable, which shows that it does, then read-only,
 * then without. Status 0: the page is unchanged; 201: the card did not write in the first place; 202: it
 * wrote to the read-only page; 203: it found the ring that was gone; else the number of an error.
 */
#include "tests/bochs/guest/vfio.h"

enum { PACKET_BYTES = 64 };
/* The card's registers, and bits of a legacy transmit descriptor. */
enum { CTRL = 0, CTRL_RESET = 1 << 26, CTRL_LINK_UP = 1 << 6, TCTL = 0x400, TCTL_ENABLE = 2, TDBAL = 0x3800,
       TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818 };
enum { END_OF_PACKET = 1, REPORT_STATUS = 8, DONE = 1 };
enum { IOVA_PACKET = 0x100000, IOVA_RING = 0x200000 };

struct unmap { unsigned argsz, flags; unsigned long iova, size; };
struct descriptor {
    unsigned long address;
    unsigned short length;
    unsigned char offset, command;
    volatile unsigned char status;
    unsigned char css;
    unsigned short special;
};

static unsigned char packet[PAGE] __attribute__((aligned(PAGE)));
static struct descriptor ring[PAGE / sizeof(struct descriptor)] __attribute__((aligned(PAGE)));

static void unmap(unsigned long iova)
{
    struct unmap m = {sizeof(m), 0, iova, PAGE};
    must(call(SYS_IOCTL, container, UNMAP_DMA, (long)&m, 0, 0));
}

/* Sends one packet from the ring as it is mapped now; what the card wrote back. */
static unsigned char send(void)
{
    const long second[2] = {1, 0};
    ring[0] = (struct descriptor){.address = IOVA_PACKET, .length = PACKET_BYTES,
                                  .command = END_OF_PACKET | REPORT_STATUS};
    write_register(CTRL, CTRL_RESET);
    write_register(CTRL, CTRL_LINK_UP);
    write_register(TDBAL, IOVA_RING);
    write_register(TDBAH, 0);
    write_register(TDLEN, PAGE);
    write_register(TDH, 0);
    write_register(TDT, 0);
    write_register(TCTL, TCTL_ENABLE);
    write_register(TDT, 1);
    call(SYS_NANOSLEEP, (long)second, 0, 0, 0, 0);
    return ring[0].status;
}

int program(int argc, const char *const *argv)
{
    if (argc != 3) {
        return 1;
    }
    for (unsigned i = 0; i < PACKET_BYTES; i++) {
        packet[i] = 0xff; /* to everybody, of no known type */
    }
    open_device(argv[1], argv[2]);
    map(packet, IOVA_PACKET, MAP_READ);
    map(ring, IOVA_RING, MAP_READ | MAP_WRITE);
    if ((send() & DONE) == 0) {
        return 201;
    }
    unmap(IOVA_RING);
    map(ring, IOVA_RING, MAP_READ);
    if (send() != 0) {
        return 202;
    }
    unmap(IOVA_RING);
    return send() == 0 ? 0 : 203;
}
