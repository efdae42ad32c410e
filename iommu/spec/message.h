/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt messages: what a write to the interrupt range means while interrupts are not remapped,
 * VT-d 5.1.2.1 and SDM 3A, 12.11 (Message Signalled Interrupts).
 */
#ifndef NESTOR_IOMMU_SPEC_MESSAGE_H
#define NESTOR_IOMMU_SPEC_MESSAGE_H

#include "iommu/spec/field.h"

/*
 * Address: FEEh, destination; the format of bit 4 is that of remapped interrupts. In the registers of a unit's own
 * events the upper half is 31:8 of the destination at their place while IRTA.EIME = 1 (VT-d 11.4.7.5).
 */
enum message_address { MESSAGE_RANGE = FIELD(63, 20), MESSAGE_DESTINATION = FIELD(19, 12), MESSAGE_FORMAT = FIELD(4, 4),
                       MESSAGE_LOGICAL = FIELD(2, 2), MESSAGE_UPPER = FIELD(63, 32) };
enum { MESSAGE_RANGE_VALUE = 0xfee };

/* In remappable format (VT-d 5.1.2.2): an index, to which SHV adds the low 16 bits of the data. */
enum message_remappable { MESSAGE_HANDLE = FIELD(19, 5), MESSAGE_SHV = FIELD(3, 3), MESSAGE_HANDLE_HIGH = FIELD(2, 2) };

enum message_data { MESSAGE_VECTOR = FIELD(7, 0), MESSAGE_DELIVERY = FIELD(10, 8), MESSAGE_LEVEL = FIELD(15, 15) };
enum message_delivery { DELIVERY_FIXED = 0, DELIVERY_LOWEST_PRIORITY = 1, DELIVERY_NMI = 4 };
/* In remappable format with SHV the other bits of the data are reserved (VT-d 5.1.2.2). */
enum message_subhandle { MESSAGE_SUBHANDLE = FIELD(15, 0), MESSAGE_SUBHANDLE_RESERVED = FIELD(31, 16) };
/* Vectors below are exceptions: the local APIC takes them for an error. */
enum { MESSAGE_VECTOR_MIN = 16 };

/* To one CPU, by an event of a unit. */
static inline u64 message_event_address(u32 apic_id)
{
    return field_put(MESSAGE_RANGE, MESSAGE_RANGE_VALUE) | field_put(MESSAGE_DESTINATION, apic_id & 0xff) |
           field_put(MESSAGE_UPPER, apic_id & ~0xffu);
}

/* The id is one that the lower half can name: FFh there means all CPUs. */
static inline bool message_has_narrow_id(u64 address)
{
    return field_get(&address, MESSAGE_UPPER) == 0 && field_get(&address, MESSAGE_DESTINATION) != 0xff;
}

/* The index that a message in remappable format names; it may lie beyond every table (VT-d 5.1.3). */
static inline u32 message_index(u64 address, u64 data)
{
    u64 handle = field_get(&address, MESSAGE_HANDLE) | field_get(&address, MESSAGE_HANDLE_HIGH) << 15;
    return (u32)(handle + (field_get(&address, MESSAGE_SHV) != 0 ? field_get(&data, MESSAGE_SUBHANDLE) : 0));
}

static inline bool message_in_range(u64 addr)
{
    return field_get(&addr, MESSAGE_RANGE) == MESSAGE_RANGE_VALUE;
}

#endif
