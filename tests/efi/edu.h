/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's two devices for tests. edu (docs/specs/edu.rst): DMA both ways between memory and its own
 * buffer of 4 KiB, 100 ms of emulated time each. iommu-testdev: writes a word of 0x12345678
 * immediately when it is told to.
 */
#ifndef NESTOR_TESTS_EFI_EDU_H
#define NESTOR_TESTS_EFI_EDU_H

#include "hv/types.h"

enum { EDU_BUFFER = 4096 };

struct edu { u16 sid; u64 base; };
struct testdev { u16 sid; u64 base; };

bool edu_open(struct edu *edu);
/* memory -> buffer + offset, or back; waits for the end. False: it did not end. */
bool edu_read(const struct edu *edu, u64 addr, u32 offset, u32 bytes);
bool edu_write(const struct edu *edu, u64 addr, u32 offset, u32 bytes);

bool testdev_open(struct testdev *dev, u32 nth);
void testdev_write(const struct testdev *dev, u64 addr, u32 bytes);

#endif
