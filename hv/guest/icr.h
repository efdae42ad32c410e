/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt command register of a local APIC (SDM 12.6.1, in x2APIC mode 12.12.9): what a write to it asks for, and
 * of which CPUs. Pure.
 */
#ifndef NESTOR_HV_GUEST_ICR_H
#define NESTOR_HV_GUEST_ICR_H

#include "hv/machine/x86_bits.h"
#include "hv/types.h"

struct icr {
    enum icr_mode mode;
    enum icr_shorthand shorthand;
    u32 vector;
    u32 destination;
    bool logical;
    bool deasserts;          /* an INIT that only ends one: without effect on all CPUs that have VMX */
    bool x2apic;
};

/* What of a CPU says whether it is meant. */
struct icr_cpu {
    u32 id;
    u32 logical, format;     /* its LDR and DFR, for senders in xAPIC mode */
    bool sends;
};

/* `x2apic`: the mode of the sender. Its upper half is the destination, in xAPIC mode in bits 63:56. */
struct icr icr_decode(u64 command, bool x2apic);

/* It is an INIT, or a start-up IPI. */
bool icr_is_startup(const struct icr *i);

bool icr_reaches(const struct icr *i, const struct icr_cpu *cpu);

#endif
