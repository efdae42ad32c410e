/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two partitions beside a root, with functions of their own, behind two units of the reference model that remap
 * interrupts for good: for tests of hv/device and hv/partition/sources.c.
 */
#ifndef NESTOR_DEVICE_KIT_H
#define NESTOR_DEVICE_KIT_H

#include "hv/device/device.h"
#include "hv/partition/partition.h"
#include "tests/support/hosted.h"

enum {
    DEVICE_KIT_UNITS = 2,
    /* What the root's devices reach, and the partitions', at their address 0. */
    DEVICE_KIT_ROOT = 0x100000, DEVICE_KIT_A = 0x400000, DEVICE_KIT_B = 0x600000, DEVICE_KIT_BYTES = 0x200000,
    /* CPUs 2 and 3 are the partition a's, 4 and 5 that of b. */
    DEVICE_KIT_CPU_A = 2, DEVICE_KIT_CPU_B = 4,
    /* In the order of the handover: of a, with 4 messages of MSI-X; of b, with 40; of a, with 8 of MSI. */
    DEVICE_KIT_SID_A = 0x18, DEVICE_KIT_SID_B = 0x19, DEVICE_KIT_SID_MSI = 0x100, DEVICE_KIT_SID_ROOT = 0x1a,
    DEVICE_KIT_TABLE_A = 0x900000, DEVICE_KIT_TABLE_B = 0xa00800,
};

/* The units are taken over, with the root's memory; nothing of sources.c was called. */
struct handover *device_kit_start(void);
/* All that sources.c needs, done. */
void device_kit_attach(void);
/* From the next start on: the segment of the last unit, which is 0 at first. */
void device_kit_set_segment(u16 segment);
/* And the partitions have units of their own in place of the first, behind which their functions are. */
void device_kit_attach_units(void);
struct partition *device_kit_partition(u32 i);
struct vtd_unit *device_kit_unit(u32 i);
struct device *device_kit_device(u32 i);
/* Configuration space of the function with MSI: what was written, all of it writable. */
u32 *device_kit_config(u32 offset);
/* Eight bytes read by requests of that source-id, on each unit, in each root: the value that all give, 0: none. */
u64 device_kit_dma(u16 sid, u64 addr);
/* The same, on one unit, as it is. */
u64 device_kit_dma_behind(u32 unit, u16 sid, u64 addr);
/* What becomes of a message of that source-id on each unit: 0, or vector and destination << 8. */
u32 device_kit_message(u16 sid, u64 address, u32 data);
/* The same, on the first unit alone, and all of it. */
void device_kit_interrupt(u16 sid, u64 address, u32 data, struct model_interrupt *out);

#endif
