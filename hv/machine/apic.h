/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages through this CPU's local APIC, which is the guest's: the interrupt command register is used between two
 * instructions of the guest and left as the guest had it.
 */
#ifndef NESTOR_HV_MACHINE_APIC_H
#define NESTOR_HV_MACHINE_APIC_H

#include "hv/types.h"

void apic_send_nmi(u32 apic_id);
/* To all CPUs but this one, whatever their ids. */
void apic_send_nmi_to_others(void);

/* The local vector table's entry for performance counters. */
u32 apic_counter_entry(void);

/*
 * As if a device had written data to the address FEExxxxxh (SDM 12.11). The upper half is 31:8 of the destination at
 * their place, as in the registers of a unit's events (VT-d 11.4.7.5).
 */
void apic_send_message(u64 address, u32 data);

#endif
