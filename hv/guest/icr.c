/* SPDX-License-Identifier: BSD-2-Clause */
/* See icr.h. */
#include "hv/guest/icr.h"

enum { FLAT = 0xf, EVERY_CLUSTER = 0xf };

struct icr icr_decode(u64 command, bool x2apic)
{
    u32 low = (u32)command;
    return (struct icr){
        .mode = (enum icr_mode)(low >> ICR_MODE_SHIFT & 7),
        .shorthand = (enum icr_shorthand)(low >> ICR_SHORTHAND_SHIFT & 3),
        .vector = low & ICR_VECTOR,
        .destination = (u32)(command >> (x2apic ? 32 : 56)),
        .logical = (low & ICR_LOGICAL) != 0,
        .deasserts = (low & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL,
        .x2apic = x2apic,
    };
}

bool icr_is_startup(const struct icr *i)
{
    return i->mode == ICR_STARTUP || (i->mode == ICR_INIT && !i->deasserts);
}

/* SDM 12.6.2.2, flat and cluster model. */
static bool is_in_xapic_set(u32 wanted, const struct icr_cpu *cpu)
{
    u32 logical = cpu->logical >> 24;
    if (cpu->format >> 28 == FLAT) {
        return (wanted & logical) != 0;
    }
    u32 cluster = wanted >> 4;
    return (cluster == EVERY_CLUSTER || cluster == logical >> 4) && (wanted & logical & 0xf) != 0;
}

/* SDM 12.12.10.2: the logical id follows from the id. */
static bool is_in_x2apic_set(u32 wanted, const struct icr_cpu *cpu)
{
    return wanted >> 16 == cpu->id >> 4 && (wanted >> (cpu->id & 0xf) & 1) != 0;
}

static bool is_destination(const struct icr *i, const struct icr_cpu *cpu)
{
    if (i->destination == (i->x2apic ? 0xffffffff : 0xff)) {
        return true;
    }
    if (!i->logical) {
        return i->destination == cpu->id;
    }
    return i->x2apic ? is_in_x2apic_set(i->destination, cpu) : is_in_xapic_set(i->destination, cpu);
}

bool icr_reaches(const struct icr *i, const struct icr_cpu *cpu)
{
    switch (i->shorthand) {
    case ICR_TO_SELF: return cpu->sends;
    case ICR_TO_ALL: return true;
    case ICR_TO_OTHERS: return !cpu->sends;
    default: return is_destination(i, cpu);
    }
}

bool icr_is_allowed(const struct icr *i)
{
    return i->mode == ICR_NMI || i->mode == ICR_INIT || i->mode == ICR_STARTUP;
}

u32 icr_members(u64 command, const struct icr_cpus *cpus, u32 self, u32 cluster)
{
    u32 destination = (u32)(command >> 32);
    u32 members = cpus->clusters[cluster];
    bool is_own = self >> 4 == cluster;
    switch ((enum icr_shorthand)(command >> ICR_SHORTHAND_SHIFT & 3)) {
    case ICR_TO_SELF: return is_own ? members & 1u << (self & 0xf) : 0;
    case ICR_TO_ALL: return members;
    case ICR_TO_OTHERS: return is_own ? members & ~(1u << (self & 0xf)) : members;
    default:
        return destination == 0xffffffff ? members
                                         : icr_cluster(command) == cluster ? members & icr_wanted(command) : 0;
    }
}
