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
    switch (i->mode) {
    case ICR_FIXED:
    case ICR_LOWEST:
        return i->vector >= ICR_FIRST;
    case ICR_NMI:
    case ICR_INIT:
    case ICR_STARTUP:
        return true;
    default:
        return false;
    }
}

/* All in one cluster: ids by their upper bits, or a logical id with its bits. */
static u32 in_one_cluster(const struct icr *i, const struct icr_cpus *cpus, u32 *cluster)
{
    u32 at = i->logical ? i->destination >> 16 : i->destination >> 4;
    u32 wanted = i->logical ? i->destination & 0xffff : 1u << (i->destination & 0xf);
    bool is_there = at >= *cluster && at < cpus->end;
    *cluster = at;
    return is_there ? cpus->clusters[at] & wanted : 0;
}

u32 icr_members(const struct icr *i, const struct icr_cpus *cpus, u32 self, u32 *cluster)
{
    if (i->shorthand == ICR_TO_DESTINATION && i->destination != 0xffffffff) {
        return in_one_cluster(i, cpus, cluster);
    }
    for (; *cluster < cpus->end; ++*cluster) {
        u32 own = self >> 4 == *cluster ? 1u << (self & 0xf) : 0;
        u32 found = cpus->clusters[*cluster];
        found &= i->shorthand == ICR_TO_SELF ? own : i->shorthand == ICR_TO_OTHERS ? ~own : ~0u;
        if (found != 0) {
            return found;
        }
    }
    return 0;
}
