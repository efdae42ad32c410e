/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's own unit as an attacker drives it (VT-d 6.5.2, 11.4), without a driver's manners. */
#ifndef NESTOR_TESTS_EFI_HOSTILE_UNIT_H
#define NESTOR_TESTS_EFI_HOSTILE_UNIT_H

#include "tests/efi/hostile.h"

enum {
    GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, FSTS = 0x34, FECTL = 0x38, FEDATA = 0x3c, FEADDR = 0x40,
    FEUADDR = 0x44, IQH = 0x80, IQT = 0x88, IQA = 0x90, IECTL = 0xa0, IEDATA = 0xa4, IEADDR = 0xa8,
    IQERCD = 0xb0,
    IQE = 1 << 4, EVENT_MASKED = 1u << 31,
    DESC_IOTLB = 2, DESC_NOTHING = 4, DESC_WAIT = 5, WAIT_STATUS = 1 << 5,
    SLOTS = 256, STATUS = 0xbeef, TTM_SCALABLE = 1 << 10,
};
#define GCMD_TE (1u << 31)
#define GCMD_SRTP (1u << 30)
#define GCMD_QIE (1u << 26)

static inline u64 random_next(u64 *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 16;
}

u32 unit_get(u32 reg);
void unit_set(u32 reg, u32 value);
bool unit_wait_for(u32 reg, u32 mask, u32 value);

void queue_put(u32 slot, u64 low, u64 high);
/*
 * Sets up an empty queue of 256 descriptors of 128 bits in machine.page, with translation off; false if the
 * unit does not do it.
 */
bool queue_restart(void);
/* Submits one descriptor; returns FSTS.IQE and repairs the queue. */
bool queue_refuses(u64 low, u64 high);

#endif
