/* SPDX-License-Identifier: BSD-2-Clause */
/* The network card as a way to read and write memory at any bus address. */
#ifndef NESTOR_GUEST_CARD_H
#define NESTOR_GUEST_CARD_H

#include <linux/pci.h>

struct card;

/* Takes the card; an error pointer if it cannot. */
struct card *card_open(struct pci_dev *pci);
void card_close(struct card *card);

/* Has the card write a packet there, 60 bytes that are not all zero; true if it could. */
bool card_write(struct card *card, dma_addr_t where);
/* Has the card read a packet from there; true if it could. */
bool card_read(struct card *card, dma_addr_t where);

#endif
