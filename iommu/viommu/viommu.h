/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's own remapping unit: one struct viommu per (unit, partition). The guest finds it where
 * the hardware unit's registers are. It walks the guest's tables when the guest announces a change
 * and binds what it finds to the hardware through domain.h, so that every DMA of the guest still
 * goes through the second stage.
 *
 * The caller (hv/) decodes the access; nothing here sees guest addresses of the register page or
 * CPU registers. Every call is bounded: viommu_run() continues what is left over.
 */
#ifndef NESTOR_IOMMU_VIOMMU_VIOMMU_H
#define NESTOR_IOMMU_VIOMMU_VIOMMU_H

#include "hv/types.h"

struct vtd_unit;
struct domain;
struct irte;
struct shadow_memory;
struct viommu;

/*
 * A partition's memory and interrupts, as the vIOMMU may use them. Guest memory
 * is hostile: it changes at any time, and any address may be asked for.
 */
struct guest_ops {
    /* Copies len bytes of guest memory; false, buf undefined, unless all of it is RAM. */
    bool (*read)(void *ctx, gpa_t gpa, void *buf, size_t len);
    /* True, with the host address, if [gpa, gpa + len) is contiguous writable RAM. */
    bool (*ram)(void *ctx, gpa_t gpa, size_t len, hpa_t *out);
    /* Sends an interrupt message to the guest: FEEh, fixed or lowest priority, checked before. */
    void (*interrupt)(void *ctx, u64 addr, u32 data);
    /*
     * The partition has every CPU whose local APIC id is 16 * cluster + a bit of the mask; with the cluster
     * GUEST_ALL_CPUS: every CPU of the machine.
     */
    bool (*has_cpus)(void *ctx, u32 cluster, u32 mask);
    /* So is every source-id from first to last. */
    bool (*has_sources)(void *ctx, u16 first, u16 last);
    /*
     * Of an owner's unit that shows interrupt remapping: what messages of the partition's functions come to may have
     * changed, so viommu_remap() is to be asked again; for those that name an entry from first to end - 1, or with end
     * GUEST_INTERRUPTS for all. Goes on from *next, at first 0, and takes steps off *budget; true: none is left, and
     * the hardware knows.
     */
    bool (*interrupts_changed)(void *ctx, u32 first, u32 end, u32 *next, u32 *budget);
    /* The index in the guest's table that its message with this one in the host's names; false: it has none there. */
    bool (*interrupt_index)(void *ctx, u32 host, u32 *index);
};
enum { GUEST_INTERRUPTS = 65536 };
enum { GUEST_ALL_CPUS = 0xffffffff };

/* Pages that the units of a partition may take beyond what each has for itself: whoever asks first. */
struct viommu_quota {
    u32 pages;
};

struct viommu_config {
    struct vtd_unit *unit;
    const struct guest_ops *ops;
    void *ctx;                    /* first argument of every guest_ops call */
    u32 partition;                /* names the partition in logs and to did.h */
    struct domain *parent;        /* the partition's second stage: of a nested unit, a nesting parent */
    struct shadow_memory *shadows; /* the unit is shadowed (decision 14), with tables from there; NULL: nested */
    u32 gpa_width;                /* bits of a guest address that the second stage translates */
    const u16 *sids;              /* the devices behind the unit that its guest has, owned ones (vtd_own_add()), */
    u32 sid_count;                /* 0: it is the root's, which has all that nobody owns */
    bool shared_unit;             /* others have devices behind the root's: its fault event stays the host's */
    bool interrupts;              /* interrupt remapping is shown: every unit of the partition has it */
    u32 kept_interrupts;          /* of the host's table, from its end on, are not this guest's: blocks of 32 */
    u32 max_bindings;             /* quota: PASID entries in hardware; 0 takes the default */
    u32 max_table_pages;          /* quota: pages for all of that; 0 takes the default */
    struct viommu_quota *shared;  /* when these are used up; NULL: nothing more */
};

/*
 * Steps of one exit. A step stands for about 300 instructions: a cache line of guest memory read, a command done; what
 * costs more is charged more (scan.c). All of them take under 50 us, that is 100,000 instructions.
 */
enum { VIOMMU_BUDGET = 320 };

/* ERR_UNSUPPORTED: not with that hardware, which for a nested unit has to nest. */
must_use enum result viommu_create(const struct viommu_config *config, struct viommu **out);
/* For a partition that is reset or gone: all devices on the second stage, registers at reset values. */
must_use enum result viommu_reset(struct viommu *v);
void viommu_destroy(struct viommu *v);
/*
 * There are CPUs of other partitions now: from here on a device interrupts through an entry that this unit's guest has
 * and Nestor has vetted, or not at all (design, decision 12). Once, and for good; guest_ops.has_cpus says whose CPUs
 * are whose by now. ERR_UNSUPPORTED: the unit shows no interrupt remapping, or none with ids of 32 bits.
 */
must_use enum result viommu_isolate_interrupts(struct viommu *v);

/*
 * One access, size 1..8 bytes at any offset. Unless all is done when it returns, work is left over: the caller then
 * arms its timer and calls viommu_run() until that returns false.
 *
 * A read of the register that tells when a command is done has a third outcome, VIOMMU_BUSY: it has nothing to tell yet
 * because Nestor is at work on it, and the caller has the CPU execute its instruction again. For how long software
 * waits is its own affair: Linux gives a unit no time at all as long as it has not calibrated its clock, and by then
 * has turned interrupt remapping on. The work of a command is bounded, so are these repetitions; and what is waited
 * for is Nestor's work only, never hardware or the guest's other actions.
 */
enum viommu_outcome { VIOMMU_DONE, VIOMMU_LEFT, VIOMMU_BUSY };
enum viommu_outcome viommu_mmio_read(struct viommu *v, u32 offset, u32 size, u64 *value);
bool viommu_mmio_write(struct viommu *v, u32 offset, u32 size, u64 value);
/* Goes on with what is left over; true: a read at that offset would be VIOMMU_BUSY. */
bool viommu_is_busy(struct viommu *v, u32 offset);

/*
 * Goes on with what is left over, at most *budget steps, and takes those off it, so that all units of a partition share
 * the time of one exit. True while something is left.
 */
bool viommu_run(struct viommu *v, u32 *budget);

/*
 * Moves those of the unit's fault records that are the guest's into its own. Called by the poll
 * timer (100 ms) and by the vIOMMU itself when the guest reads its fault registers.
 */
void viommu_poll_faults(struct viommu *v);
/* Of the root's unit, vtd_alert_init(): the message that tells the host of faults while the guest does not want it. */
void viommu_set_alert(struct viommu *v, u64 address, u32 data);

/*
 * A message of a function that an owner's unit is for, as the guest has written it: the host's entry that it comes to,
 * for that function alone. False: the guest's unit does not remap it, and lets it pass. An entry that is not present
 * remembers the fault that the guest then gets; *why: what Nestor has against the guest's, NULL: nothing. Takes no
 * lock, for guest_ops.interrupts_changed is called when the answer may be another.
 */
bool viommu_remap(const struct viommu *v, u16 sid, u64 address, u32 data, struct irte *host, const char **why);

/* What happened, for reports and tests. */
#define VIOMMU_COUNTERS(X)                                                        \
    X(exits, "register accesses")                                                 \
    X(reads, "of them reads")                                                     \
    X(doorbells, "tail writes that found work")                                   \
    X(descriptors, "guest descriptors done")                                      \
    X(waits, "wait descriptors forwarded")                                        \
    X(context_caches, "context-cache invalidations")                              \
    X(pasid_caches, "PASID-cache invalidations")                                  \
    X(interrupt_entries, "interrupt entry invalidations")                         \
    X(iotlbs, "IOTLB invalidations")                                              \
    X(pasid_iotlbs, "PASID-based IOTLB invalidations")                            \
    X(forwarded, "descriptors sent to the unit")                                  \
    X(batches, "batches sent to the unit")                                        \
    X(queue_errors, "guest descriptors refused")                                  \
    X(translations, "times its translation went off")                             \
    X(event_errors, "event messages refused")                                     \
    X(binds, "PASID entries installed")                                           \
    X(rebinds, "PASID entries changed in place")                                  \
    X(unbinds, "PASID entries removed")                                           \
    X(entry_refusals, "guest entries refused by the architecture")                \
    X(remapped, "interrupt entries in use")                                       \
    X(shadow_syncs, "parts of tables read again for their shadows")               \
    X(interrupt_refusals, "interrupt entries refused by Nestor")                  \
    X(foreign_devices, "devices listed that are another partition's")             \
    X(quota_refusals, "guest entries blocked by a quota")                         \
    X(host_errors, "guest entries blocked by an error of ours")                   \
    X(guest_faults, "faults shown to the guest")                                  \
    X(hidden_faults, "faults that were not the guest's")                          \
    X(overflows, "faults lost to a full guest ring")                              \
    X(leftovers, "exits that ended with work left")

struct viommu_stats {
#define VIOMMU_COUNTER_FIELD(name, text) u64 name;
    VIOMMU_COUNTERS(VIOMMU_COUNTER_FIELD)
#undef VIOMMU_COUNTER_FIELD
};
/* The registers of the guest's unit that tell what it has on. */
struct viommu_registers {
    u64 cap, ecap, rtaddr, irta;
    u32 gsts, fsts;
};
void viommu_get_registers(struct viommu *v, struct viommu_registers *out);
/* The guest's first-stage entries on the way of addr, at most 5, read as those of fault records are; how many. */
struct viommu_step {
    gpa_t at;
    u64 entry;
    u32 level;
};
u32 viommu_trace(struct viommu *v, gpa_t root, bool five_levels, u64 addr, struct viommu_step steps[5], bool *readable);
void viommu_get_stats(const struct viommu *v, struct viommu_stats *out);
/*
 * Prints one line for each device that the guest lists, from the host's own tables. Also done when
 * the guest turns its translation off (a guest may do that often: the 1st, 2nd, 4th ... time).
 */
void viommu_report_devices(struct viommu *v);

#endif
