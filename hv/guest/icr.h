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

/* Of a destination that is one id, or a logical id: the cluster, and bits in it. */
static inline u32 icr_cluster(u64 command)
{
    return (u32)(command >> ((command & ICR_LOGICAL) != 0 ? 48 : 36));
}

static inline u32 icr_wanted(u64 command)
{
    u32 destination = (u32)(command >> 32);
    return (command & ICR_LOGICAL) != 0 ? destination & 0xffff : 1u << (destination & 0xf);
}

/*
 * The commands that kernels send nearly always, which can go to the hardware as they are: a fixed interrupt to one of
 * these CPUs by its id, or to some of a cluster by their logical id. x2APIC mode.
 */
static inline bool icr_is_plain(u64 command, const struct icr_cpus *cpus)
{
    u32 cluster = icr_cluster(command);
    return (command & (0xffffffffu & ~(u32)(ICR_VECTOR | ICR_ASSERT | ICR_LOGICAL))) == 0 &&
           (command & ICR_VECTOR) >= ICR_FIRST && cluster < cpus->end &&
           (icr_wanted(command) & ~(u32)cpus->clusters[cluster]) == 0;
}

/*
 * Where several systems share a machine, what an interrupt can be reaches its CPUs, and of all else INIT, SIPI and NMI:
 * SMI, ExtINT, reserved modes and vectors of exceptions reach nobody.
 */
static inline bool icr_is_interrupt(u64 command)
{
    return (command >> ICR_MODE_SHIFT & 7) <= ICR_LOWEST && (command & ICR_VECTOR) >= ICR_FIRST;
}

bool icr_is_allowed(const struct icr *i);

/* Whom of `cpus` an interrupt is for in a cluster, as bits. x2APIC mode. `self`: the sender's id. */
u32 icr_members(u64 command, const struct icr_cpus *cpus, u32 self, u32 cluster);

/* It is an INIT, or a start-up IPI. */
bool icr_is_startup(const struct icr *i);

bool icr_reaches(const struct icr *i, const struct icr_cpu *cpu);

#endif
