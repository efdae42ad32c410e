/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt messages of given-away functions: what a guest whose unit remaps none writes, in compatibility format, and
 * what the machine has in its place. Pure.
 */
#ifndef NESTOR_HV_DEVICE_MESSAGE_H
#define NESTOR_HV_DEVICE_MESSAGE_H

#include "hv/types.h"
#include "iommu/spec/entries.h"

enum { MESSAGES_MAX = 32 };    /* of one address and data: Multiple Message Enable */

/* As the guest wrote it: `count`, a power of two, are sent with the low bits of the vector replaced by their number. */
struct message {
    u64 address;
    u32 data;
    u32 count;
};

/*
 * NULL, or what is wrong with it: only fixed and lowest priority delivery, edge triggered, to one CPU by its 8-bit
 * physical id, with vectors that are no exceptions'. *apic_id: that CPU, whose partition is for the caller to know.
 */
const char *message_judge(const struct message *m, u32 *apic_id);

/* The data that message `n` is sent with. */
u32 message_data(const struct message *m, u32 n);

/* The host's entry for message `n` of what message_judge() found nothing against; only that source-id may use it. */
struct irte message_entry(const struct message *m, u16 source_id, u32 n);

/* What the device is given: the host's index, to which the number of a message is added. Its data are 0. */
u64 message_address(u32 index);

#endif
