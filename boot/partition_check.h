/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can the machine have the partitions of the configuration? All of it is looked at before anything runs, but what is in
 * the files (boot/program.h); PCI functions are function_check.h's. Pure.
 */
#ifndef NESTOR_BOOT_PARTITION_CHECK_H
#define NESTOR_BOOT_PARTITION_CHECK_H

#include "boot/areas.h"
#include "boot/machine.h"

/* Of the machine, as far as it is known: a host tool may know less. */
struct partition_machine {
    const u32 *apic_ids;        /* of the CPUs, by Nestor's numbers; NULL: unknown, and cores with them */
    u32 cpus;
    u32 core_shift;             /* what is left of an APIC id shifted by this names a core */
    const struct memory_range *memory;      /* that is free, sorted; NULL: unknown */
    u32 memory_count;
    bool cache_known;           /* how its L3 can be shared out: */
    u32 cache_ways, cache_open, cache_classes;  /* as in struct cpu_facts */
    const char *uart_missing;   /* what `console` could be instead of com2; NULL: that it can be, or unknown */
    const char *interrupts_missing;         /* why interrupts cannot be kept apart; NULL: they can, or unknown */
};

/* The first mistake in *error, and false. */
bool partition_check(const struct config *config, const struct partition_machine *machine, struct config_error *error);

/* Memory that partitions have at addresses that the configuration gives: nothing else may be placed there. */
void partition_add_placed(const struct config *config, struct areas *areas);

/*
 * What it takes to keep a device of the root from interrupting, hence stopping, any CPU; NULL: it is all there.
 * `units`: the kind of the root's own, never AUTO.
 */
const char *partition_interrupts_missing(const struct machine *m, enum guest_iommu units);

static inline bool partition_has_cpu(const u64 cpus[HANDOVER_PARTITION_CPU_WORDS], u32 cpu)
{
    return (cpus[cpu / 64] >> cpu % 64 & 1) != 0;
}

#endif
