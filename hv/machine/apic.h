/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages through this CPU's local APIC, which is the guest's: the interrupt command register is used between two
 * instructions of the guest and left as the guest had it.
 */
#ifndef NESTOR_HV_MACHINE_APIC_H
#define NESTOR_HV_MACHINE_APIC_H

#include "hv/types.h"

/* Offsets of registers in the page, SDM table 12-1. */
enum apic_register {
    APIC_ID = 0x20, APIC_TPR = 0x80, APIC_LOGICAL = 0xd0, APIC_FORMAT = 0xe0, APIC_SPURIOUS = 0xf0,
    APIC_ICR_LOW = 0x300, APIC_ICR_HIGH = 0x310, APIC_LVT_COUNTERS = 0x340, APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
};

/* APIC_FORMAT after reset; APIC_LOGICAL is 0 then. */
#define APIC_FLAT (~0u)

/* Where the registers of all local APICs are in xAPIC mode. */
u64 apic_page(void);
bool apic_is_x2apic(void);

void apic_send_nmi(u32 apic_id);
/* To all CPUs but this one, whatever their ids. */
void apic_send_nmi_to_others(void);

/* From xAPIC mode, or as it is: this CPU's local APIC is in x2APIC mode, if it has that. */
bool apic_enter_x2apic(void);
/*
 * In x2APIC mode: interrupts that are pending or in service end here, unseen, and none comes before the next owner of
 * this CPU turns its APIC on. False: one that cannot be taken (its vector is an exception's) stays.
 */
must_use bool apic_empty(void);
/* A command as it is, in x2APIC mode. */
void apic_send(u64 command);
/* Fixed or lowest priority, by its logical id: to some of a cluster's CPUs. x2APIC mode. */
void apic_send_to_cluster(u32 cluster, u32 members, u32 command);

/* The local vector table's entry for performance counters. */
u32 apic_counter_entry(void);

/*
 * What a guest has turned off is on, for Nestor's NMIs, and like no local APIC to the guest: after
 * apic_restart() all of its registers are as after reset, as they are for a guest that turns it on again (SDM 12.4.3);
 * after apic_pass_pins() its pins are INTR and NMI, and no interrupt of another source is taken.
 * base: IA32_APIC_BASE with the APIC on, in xAPIC mode. False: it is locked in x2APIC mode.
 */
must_use bool apic_restart(u64 base);
void apic_pass_pins(void);

/*
 * As if a device had written data to the address FEExxxxxh (SDM 12.11). The upper half is 31:8 of the destination at
 * their place, as in the registers of a unit's events (VT-d 11.4.7.5).
 */
void apic_send_message(u64 address, u32 data);

#endif
