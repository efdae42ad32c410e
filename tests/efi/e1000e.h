/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that makes Intel's 82574L move data: legacy descriptors, polled, with the MAC in
 * loopback, so that each frame that is sent from memory is received into memory.
 */
#ifndef NESTOR_TESTS_EFI_E1000E_H
#define NESTOR_TESTS_EFI_E1000E_H

#include "hv/types.h"

enum { E1000E_RING_PAGES = 2, E1000E_DEPTH = 32 };

struct e1000e {
    u16 sid;
    u64 base, rx_ring, tx_ring;
    u32 tail;               /* both rings move together */
};

/* rings: E1000E_RING_PAGES pages that stay mapped to themselves. */
bool e1000e_open(struct e1000e *nic, hpa_t rings);
void e1000e_close(const struct e1000e *nic);
/* One frame of 60 to 1514 bytes. False: none was received. */
bool e1000e_move(struct e1000e *nic, u64 from, u64 to, u16 bytes);

#endif
