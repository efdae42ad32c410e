/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt command register of a local APIC (SDM 12.6.1, in x2APIC mode 12.12.9): what a write to it asks for, and
 * of which CPUs. Pure.
 */
#ifndef NESTOR_HV_GUEST_ICR_H
#define NESTOR_HV_GUEST_ICR_H

#include "hv/machine/x86_bits.h"
#include "hv/types.h"

enum { ICR_FIRST = 32 };     /* vector; those below are exceptions' */

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

/* The CPUs of a partition by their ids, as x2APIC mode groups them: bit n of clusters[c] is id 16 * c + n. */
struct icr_cpus {
    u16 *clusters;
    u32 end;                 /* of those that are in use */
};

/*
 * The command that kernels send nearly always, which can go to the hardware as it is: a fixed interrupt to one of these
 * CPUs, by its id. x2APIC mode.
 */
static inline bool icr_is_plain(u64 command, const struct icr_cpus *cpus)
{
    u32 cluster = (u32)(command >> 36);
    return (command & (0xffffffffu & ~(u32)(ICR_VECTOR | ICR_ASSERT))) == 0 && (command & ICR_VECTOR) >= ICR_FIRST &&
           cluster < cpus->end && (cpus->clusters[cluster] >> (command >> 32 & 0xf) & 1) != 0;
}

/*
 * Where several systems share a machine: INIT, SIPI, NMI, and what an interrupt can be. SMI, ExtINT, reserved modes and
 * vectors of exceptions reach nobody.
 */
bool icr_is_allowed(const struct icr *i);

/*
 * Whom of `cpus` it means in cluster *cluster or behind, as bits; 0: nobody more. Then *cluster is where they are.
 * x2APIC mode. `self`: the sender's id.
 */
u32 icr_members(const struct icr *i, const struct icr_cpus *cpus, u32 self, u32 *cluster);

/* It is an INIT, or a start-up IPI. */
bool icr_is_startup(const struct icr *i);

bool icr_reaches(const struct icr *i, const struct icr_cpu *cpu);

#endif
