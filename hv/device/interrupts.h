/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of a given-away function in every unit's interrupt table: what its messages come to. */
#ifndef NESTOR_HV_DEVICE_INTERRUPTS_H
#define NESTOR_HV_DEVICE_INTERRUPTS_H

#include "hv/device/message.h"
#include "hv/device/msi_registers.h"
#include "hv/device/msix_table.h"
#include "iommu/base/limit.h"
#include "iommu/base/spinlock.h"

struct device;

struct interrupts {
    struct spinlock lock;
    bool on;                        /* else no message comes to anything, whatever the guest writes */
    u32 first;                      /* index of the first entry, see partition_sources_entries() */
    struct limit refused, not_told;
    struct msi_registers msi;       /* the guest's */
    struct msix_entry *msix;
};

/*
 * The entries of message `number` and of m->count - 1 behind it are what the guest's message comes to, or, if it is
 * refused, not present. The units know when it returns. Under the lock.
 */
void interrupts_point(struct device *d, u32 number, const struct message *m);
/*
 * struct guest_ops, for the partition ctx: its guest's unit takes messages in another way, or by another entry, from
 * now on.
 */
bool interrupts_changed(void *ctx, u32 first, u32 end, u32 *next, u32 *budget);
bool interrupts_index(void *ctx, u32 host, u32 *index);
/* From now on that is so, and until the end: none is present any more, and no message is on its way by one. */
void interrupts_begin(struct device *d);
void interrupts_end(struct device *d);
/* What the function sends message `number` by. */
u64 interrupts_address(const struct device *d, u32 number);

#endif
