/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See card.h. To write, the card asks the other end of its cable for its address (ARP) and receives
 * the answer at the place to be written; to read, it sends what is there. Its descriptors are in
 * memory that it may use. A card whose access was refused does nothing until it is reset, so each
 * access begins with a reset.
 */
#include "card.h"

#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/io.h>
#include <linux/slab.h>

enum { CTRL = 0, CTRL_RESET = 1 << 26, CTRL_LINK_UP = 1 << 6, IMC = 0xd8, RCTL = 0x100, RCTL_ENABLE = 2, RCTL_ALL = 8,
       TCTL = 0x400, TCTL_ENABLE = 2, RECEIVE = 0x2800, SEND = 0x3800 };
/* From the ring's registers RECEIVE or SEND on. */
enum { RING_LOW = 0, RING_HIGH = 4, RING_BYTES = 8, RING_HEAD = 0x10, RING_TAIL = 0x18 };
enum { END_OF_PACKET = 1, REPORT_STATUS = 8, DONE = 1, DESCRIPTORS = 8, WAIT_MS = 10 };
/*
 * The wait for a refused access is so long that the kernel, which logs only a few faults every five seconds,
 * logs each.
 */
enum { WAITS = 100 };

/* Legacy descriptors: for sending byte 11 is the command, byte 12 the status in both. */
struct descriptor {
    __le64 address;
    __le16 length;
    u8 sum_or_offset, sum_or_command;
    u8 status, rest[3];
};

/* What the card works with, in coherent memory. */
struct board {
    struct descriptor receive[DESCRIPTORS], send[DESCRIPTORS];
    u8 packet[ETH_ZLEN];
};

struct card {
    struct pci_dev *pci;
    void __iomem *registers;
    struct board *board;
    dma_addr_t bus;
};

static void make_question(u8 *packet)
{
    static const u8 question[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, ETH_P_ARP >> 8, ETH_P_ARP & 0xff,
        0, ARPHRD_ETHER, ETH_P_IP >> 8, 0, ETH_ALEN, 4, 0, ARPOP_REQUEST,
        0x52, 0x54, 0, 0x12, 0x34, 0x56, 192, 168, 10, 2, 0, 0, 0, 0, 0, 0, 192, 168, 10, 1};
    memcpy(packet, question, sizeof(question));
}

struct card *card_open(struct pci_dev *pci)
{
    struct card *card = devm_kzalloc(&pci->dev, sizeof(*card), GFP_KERNEL);
    int error = card == NULL ? -ENOMEM : pcim_enable_device(pci);
    if (error == 0) {
        error = dma_set_mask_and_coherent(&pci->dev, DMA_BIT_MASK(64));
    }
    if (error == 0) {
        error = pcim_iomap_regions(pci, 1, "attacker");
    }
    if (error != 0) {
        return ERR_PTR(error);
    }
    card->pci = pci;
    card->registers = pcim_iomap_table(pci)[0];
    card->board = dmam_alloc_coherent(&pci->dev, sizeof(*card->board), &card->bus, GFP_KERNEL);
    if (card->board == NULL) {
        return ERR_PTR(-ENOMEM);
    }
    make_question(card->board->packet);
    pci_set_master(pci);
    return card;
}

void card_close(struct card *card)
{
    writel(CTRL_RESET, card->registers + CTRL);
    pci_clear_master(card->pci);
}

static void set_ring(struct card *card, u32 ring, size_t offset)
{
    dma_addr_t at = card->bus + offset;
    writel(lower_32_bits(at), card->registers + ring + RING_LOW);
    writel(upper_32_bits(at), card->registers + ring + RING_HIGH);
    writel(DESCRIPTORS * sizeof(struct descriptor), card->registers + ring + RING_BYTES);
    writel(0, card->registers + ring + RING_HEAD);
    writel(0, card->registers + ring + RING_TAIL);
}

/* Sends the packet at `from` and receives the answer, if there is one, at `to`. */
static void exchange(struct card *card, dma_addr_t from, dma_addr_t to)
{
    struct board *board = card->board;
    memset(board->receive, 0, sizeof(board->receive));
    memset(board->send, 0, sizeof(board->send));
    board->receive[0].address = cpu_to_le64(to);
    board->send[0].address = cpu_to_le64(from);
    board->send[0].length = cpu_to_le16(ETH_ZLEN);
    board->send[0].sum_or_command = END_OF_PACKET | REPORT_STATUS;
    writel(CTRL_RESET, card->registers + CTRL);
    writel(CTRL_LINK_UP, card->registers + CTRL);
    writel(~0u, card->registers + IMC);
    set_ring(card, RECEIVE, offsetof(struct board, receive));
    set_ring(card, SEND, offsetof(struct board, send));
    writel(RCTL_ENABLE | RCTL_ALL, card->registers + RCTL);
    writel(TCTL_ENABLE, card->registers + TCTL);
    writel(1, card->registers + RECEIVE + RING_TAIL);
    writel(1, card->registers + SEND + RING_TAIL);
}

static bool done(const struct descriptor *descriptor)
{
    for (int i = 0; i < WAITS && (READ_ONCE(descriptor->status) & DONE) == 0; i++) {
        msleep(WAIT_MS);
    }
    return (READ_ONCE(descriptor->status) & DONE) != 0;
}

bool card_write(struct card *card, dma_addr_t where)
{
    exchange(card, card->bus + offsetof(struct board, packet), where);
    return done(&card->board->receive[0]);
}

bool card_read(struct card *card, dma_addr_t where)
{
    exchange(card, where, card->bus + offsetof(struct board, packet));
    return done(&card->board->send[0]);
}
