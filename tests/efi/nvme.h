/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least of an NVMe driver that moves data: one I/O queue pair, polled, blocks of 4 KiB. NVM
 * Express base specification 1.4. The addresses given here are those that the device puts on the
 * bus.
 */
#ifndef NESTOR_TESTS_EFI_NVME_H
#define NESTOR_TESTS_EFI_NVME_H

#include "hv/types.h"

enum { NVME_RING_PAGES = 4, NVME_DEPTH = 32, NVME_BLOCK = 4096 };

struct nvme_queue {
    u32 id, tail, head;
    bool phase;             /* of the next completion */
    u64 commands, answers;  /* ring addresses, the same for CPU and device */
};

struct nvme {
    u16 sid;
    u64 base, doorbells;
    u32 stride;
    struct nvme_queue admin, io;
};

/* rings: NVME_RING_PAGES pages that stay mapped to themselves. */
bool nvme_open(struct nvme *nvme, hpa_t rings);
void nvme_close(struct nvme *nvme);
/* Moves block number `block` to or from one page; `tag` comes back with the answer. */
void nvme_submit(struct nvme *nvme, bool write, u64 block, u64 page, u16 tag);
/* False: there is no answer yet. */
bool nvme_poll(struct nvme *nvme, u16 *tag, u16 *status);
/* Submits one and waits; false if no answer came. */
bool nvme_move(struct nvme *nvme, bool write, u64 block, u64 page, u16 *status);

#endif
