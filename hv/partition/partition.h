/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition: its memory with one second stage for CPU and DMA, its remapping units, what its guest was refused.
 * All that is about a guest hangs here or off struct vcpu; the machine's own state is in hv/machine/. The root
 * partition is the system that was going to boot anyway.
 */
#ifndef NESTOR_HV_PARTITION_PARTITION_H
#define NESTOR_HV_PARTITION_PARTITION_H

#include "hv/guest/clock.h"
#include "hv/guest/icr.h"
#include "hv/guest/mtrr.h"
#include "hv/guest/sleep.h"
#include "hv/guest/uart.h"
#include "hv/handover.h"
#include "hv/partition/span.h"
#include "iommu/base/limit.h"
#include "iommu/base/spinlock.h"
#include "iommu/domain/domain.h"
#include "iommu/shadow/shadow.h"
#include "iommu/viommu/viommu.h"

struct window;

/* Requests to its CPUs; see hv/vcpu/kick.c. */
struct partition_kicks {
    struct spinlock lock;
    u32 generation;
};

/* Its life, for those that are not the root; see hv/vcpu/life.c. */
enum partition_state { PARTITION_WAITS, PARTITION_RUNS, PARTITION_STOPPED };
struct partition_life {
    struct spinlock lock;
    enum partition_state state;
    bool ending;                    /* its CPUs have been told to stop */
    bool again;                     /* and to begin again */
    u32 arrived;                    /* how many have stopped, and how many are empty */
    u32 left;                       /* the index of one that is not, plus 1 */
    u32 starts, ends;
    u32 controlled;                 /* how many of the ends were the root's doing */
    u64 controlled_at;              /* when the last control was done */
    u64 fed_at;                     /* its watchdog, by the TSC of one of its CPUs; 0: nobody runs */
    const char *why;                /* the last end; NULL: none yet */
};

enum { PARTITION_RING = 8 << 10 };
/* What its guest prints, until a CPU of the root passes it on; see console.c. */
struct partition_output {
    struct spinlock lock;
    struct uart uart;
    char *ring;
    u64 put, taken;
    u32 input;                      /* characters that the UART has received */
    u32 prefix;                     /* how much of it the present line has */
    struct limit dropped;
};

/* The two large parts come last: the code is smaller where an offset is below 128. */
struct partition {
    u32 id;
    u32 physical_width;             /* bits of an address, as CPUID shows them */
    u32 gpa_width;                  /* of these, what the second stage translates */
    const struct handover_partition *config;    /* NULL: the root */
    const struct partition_span *spans;         /* its memory; NULL: the root's, which is where the machine has it */
    u32 span_count;
    bool shares;                    /* there are other partitions */
    bool has_viommus;
    enum guest_iommu guest_iommu;   /* what they are to be */
    bool has_interrupts;            /* they show interrupt remapping */
    bool interrupts_apart;          /* of the root: see struct handover */
    bool boot_services;             /* the firmware's: it still runs as the guest */
    bool sees_all;                  /* of other partitions, in its status window */
    struct domain *domain;
    struct ept *ept;                /* what ept.c knows of it */
    u32 units_taken;                /* how many of the machine's units, from the first on, translate for it */
    u32 cpuid_features;             /* enum cpuid_nestor_feature */
    u32 status_port;                /* 0: there is no status window */
    struct partition_output console;
    struct icr_cpus cpus;           /* whom its IPIs may reach, and */
    struct icr_cpus targets;        /* its devices' interrupts: these are not going to be another's */
    u32 cpu_total;                  /* of a partition that is not the root */
    u64 hand_over_at;               /* of the root: when at the latest the others get their CPUs, 0: not now */
    struct partition_life life;
    struct clock clock;             /* of one that is not the root; only its own CPUs look */
    struct partition_kicks kicks;
    struct domain *dma;             /* beside the root: the second stage of its functions, NULL: it has none */
    u64 eptp;
    hpa_t msr_bitmap;
    hpa_t io_bitmap;                /* two pages */
    u16 given_uart_port;            /* of the root: a UART that is a partition's, 0: none */
    bool starts_cpus;               /* see partition_starts_cpus() */
    u64 apic_page;                  /* where xAPIC mode is trapped for that; else 0 */
    struct shadow_memory shadows;   /* what the shadows of its guest's tables share */
    u32 cpu_pages;                  /* of the pool, for the CPUs that enter after the units were taken over */
    struct viommu_quota quota;      /* pages of the pool that its guest's entries share */
    u32 next_unit;                  /* whose turn it is, see partition_dma_run() */
    u32 work_left;                  /* by a CPU that stopped; see vcpu/work.c */
    bool has_configuration;         /* of PCI functions, kept by hv/device; the root: some are others' */
    u32 configuration_address;      /* what it has written to port CF8h */
    enum hypervisor_bit hypervisor_bit;
    struct limit protected_writes;  /* by a CPU to the config's protected regions, dropped */
    struct limit own_memory_hits;   /* accesses to Nestor's memory or to a unit that is not shown */
    struct limit unmapped_accesses; /* to what is mapped on demand and could not be, or is broken */
    struct limit refused_accesses;  /* to these and to units' registers: those that got a fault */
    struct limit denied_msrs[2], foreign_msrs[2]; /* reads, writes */
    struct window *status;          /* NULL: none */
    struct limit refused_status;    /* accesses to its ports that are none */
    struct limit refused_controls;  /* of others, that it asked for by these */
    struct limit shared_msrs;       /* writes, of those that other CPUs share */
    struct limit foreign_ipis;      /* that reached nobody, as they are of a kind that the machine has for one system */
    struct limit foreign_inits;     /* that came from elsewhere than the partition's CPUs */
    struct limit kept_configuration; /* writes to registers that are not the guest's to change */
    struct limit dropped_ports;     /* writes to ports that are not there */
    struct limit unknown_msrs, refused_strings, refused_sleeps, sleeps, refused_tasks;
    struct sleep_registers sleep;
    struct viommu *viommus[VTD_DMAR_UNITS];  /* one per unit of the machine, or NULL */
};

/*
 * The root partition: everything that the machine has except Nestor's memory and the units' registers.
 * cpu_flush: domain_config.cpu_flush. An error leaves pages taken, as it ends the start.
 */
must_use enum result partition_create_root(const struct handover *h, void (*cpu_flush)(void *ctx),
                                           struct partition **out);
void partition_destroy(struct partition *p);
/* One of those that the config names, stopped. After the root, in the order of the config. */
must_use enum result partition_create(const struct handover *h, const struct handover_partition *config,
                                      void (*cpu_flush)(void *ctx));
/* All, the root first. NULL behind the last. */
struct partition *partition_get(u32 i);
/* The one that the machine's CPU of that index is going to be moved to; NULL: it stays the root's. */
struct partition *partition_of_cpu(u32 index);
/* Its place among the CPUs of that partition. */
u32 partition_number_of(const struct partition *p, u32 index);

/* promised: another partition's later, and no interrupt's until then. */
void partition_add_cpu(struct partition *p, u32 apic_id, bool promised);
void partition_remove_cpu(struct partition *p, u32 apic_id);
/* An interrupt may be sent to each CPU whose local APIC id is 16 * cluster + a bit of the mask. */
bool partition_has_targets(const struct partition *p, u32 cluster, u32 mask);

/* A partition that is not the root: its memory as at its first start. */
void partition_load(struct partition *p);

/* On a CPU of the root: as much as the console takes without waiting. True: something is left. */
must_use bool partition_console_drain(void);
/*
 * What its guest has sent, from a count of bytes on, which moves on where those are gone: at most `count`, the number
 * is returned. Takes no lock; what was overwritten meanwhile is not returned.
 */
u32 partition_console_read(const struct partition *p, u64 *offset, char *to, u32 count);
/* Registers of its UART, by its CPUs. */
u8 partition_uart_read(struct partition *p, u32 reg);
void partition_uart_write(struct partition *p, u32 reg, u8 value);
/* A character for it, if `seen` is how many it had until now; false: it is not, or there is no room. */
must_use bool partition_console_type(struct partition *p, u32 seen, char c);
/* From now on these exit; before the partition's CPUs enter. */
void partition_open_ports(struct partition *p, u16 first, u32 count);

/* Where the partition's memory is, which has something at gpa. In the root, guest physical is host physical. */
static inline hpa_t partition_hpa(const struct partition *p, gpa_t gpa)
{
    return p->spans != NULL ? span_hpa(p->spans, p->span_count, gpa) : (hpa_t){gpa.v};
}

/* [gpa, gpa + len), at most a page, lies in memory of the partition that a device may write to: at *at then. */
bool partition_memory_is_ram(const struct partition *p, gpa_t gpa, u64 len, hpa_t *at);

/* Where a piece within a page can be read; NULL unless all of it is memory, the firmware's included. */
const volatile void *partition_memory_at(const struct partition *p, gpa_t gpa, size_t len);

/* Copies out of the partition's memory, the firmware's included; false unless all is memory. */
bool partition_memory_read(const struct partition *p, gpa_t gpa, void *to, size_t len);

/* A part of the address space that no list named: device memory. Maps what is around gpa. ERR_INVALID in a hole. */
must_use enum result partition_ept_map_device(struct partition *p, u64 gpa);

/* PROT_* of the CPU at gpa. 0: Nestor's memory or a unit's registers, in no mapping. */
u32 partition_ept_rights(const struct partition *p, u64 gpa);

/* A page with a sleep register in it: a hole of the second stage; all accesses are emulated. */
bool partition_is_sleep_page(const struct partition *p, u64 gpa);

/*
 * INIT and start-up IPIs go from CPU to CPU by software (vcpu/start.h): a hypervisor is below, or there are several
 * partitions. The page of the local APIC is a hole of the second stage then; with several, where all CPUs are in x2APIC
 * mode, so is all to which a store might be an interrupt.
 */
static inline bool partition_starts_cpus(const struct partition *p)
{
    return p->starts_cpus;
}

static inline bool partition_is_apic_page(const struct partition *p, u64 gpa)
{
    return p->apic_page != 0 && (gpa & ~PAGE_MASK) == p->apic_page;
}

/*
 * Memory types as these registers say, on every CPU and unit. False: the time that an exit may take is
 * over; call it again with the same registers.
 */
must_use bool partition_ept_retype(struct partition *p, const struct mtrr *wanted);

/*
 * The memory type range registers of the CPU that runs this, as a guest with that many address bits finds them: without
 * key ids. ERR_UNSUPPORTED, with a line: more registers than a copy holds, or a value that hardware should refuse.
 */
must_use enum result partition_mtrr_load(u32 physical_width, struct mtrr *m);
/* Those that a CPU of the partition begins with. */
must_use enum result partition_mtrr_begin(const struct partition *p, struct mtrr *m);

/*
 * All DMA of all source-ids goes through the partition's second stage from now on, and none reaches Nestor's memory
 * meanwhile. After an error some units are taken over and others are not: partition_dma_release() undoes either.
 */
must_use enum result partition_dma_take_over(struct partition *p, u64 own_base, u64 own_size);
/*
 * Takes the guest's units away and switches the hardware's off. False: one of them did not go off, so that it may still
 * read the partition's tables and its own.
 */
must_use bool partition_dma_release(struct partition *p);

/*
 * Gives the partition a remapping unit of its own in place of each of the machine's: the guest then sees registers
 * where the hardware's are, nested or shadowed. An error is followed by partition_dma_release().
 */
must_use enum result partition_dma_show_units(struct partition *p);

/*
 * To partitions beside the root that are to have units of their own, once all functions are attached; of `messages`
 * the two about the functions' interrupts. And as they were then, for the next life of one: it is stopped, and its
 * functions are blocked. An error: it must not begin.
 */
must_use enum result partition_dma_show_to_owners(const struct guest_ops *messages);
must_use enum result partition_dma_reset(struct partition *p);

/*
 * For the root, before the first CPU leaves it: no device interrupts a CPU any more but through an entry of the root's
 * own that is for its CPUs. For good; a second call changes nothing. After an error no CPU must leave.
 */
must_use enum result partition_dma_isolate_interrupts(struct partition *p);

/* The partition's unit whose registers are at gpa, and the offset in them; NULL for anything else. */
struct viommu *partition_dma_viommu_at(const struct partition *p, u64 gpa, u32 *offset);

/*
 * Functions that partitions beside the root have (sources.c). Init, before the root's units are shown; ERR_INVALID,
 * ERR_UNSUPPORTED with a line. Attach, once the units are taken over and all partitions made: their DMA is kept to
 * their partitions' memory from then on, and blocked until vtd_own_block() of all units says otherwise. An error
 * ends the start.
 */
must_use enum result partition_sources_init(const struct handover *h);
must_use enum result partition_sources_attach(void);
u32 partition_sources_count(void);
/* Those of the partition behind the unit, if its guest is to have a unit for it; how many. */
u32 partition_sources_behind(const struct partition *p, u32 unit, u16 sids[]);
/* All source-ids from first to last are the partition's. */
bool partition_sources_has(const struct partition *p, u16 first, u16 last);
/* What has that source-id behind that unit: units of other segments have the root's devices alone. */
bool partition_sources_has_behind(const struct partition *p, u32 unit, u16 sid);
/*
 * Of every unit's interrupt table so many entries, from its end on, are those of such functions; and the first of that
 * function's, which has one for each of its messages.
 */
u32 partition_sources_kept(void);
u32 partition_sources_entries(u32 function);
/* So many: MSI and MSI-X are never on together, and share them. */
u32 partition_sources_messages(const struct handover_function *f);
/* Faults of its functions, and whether there are some that its unit has not been told yet. */
u64 partition_sources_faults(const struct partition *p);
bool partition_sources_has_faults(const struct partition *p);

/* A share of the work that the guest's units left over, under 50 us for all of them; true while something is left. */
bool partition_dma_run(struct partition *p);
/* Whether somebody has to call partition_dma_poll_faults() now and then. */
bool partition_dma_needs_polling(const struct partition *p);
void partition_dma_poll_faults(struct partition *p);
/* What is being done for the partition's units at this moment is done, and what it sends is sent. */
void partition_dma_wait(const struct partition *p);
/* Faults that no guest wants to hear of at once are told to that CPU, by an NMI. */
void partition_dma_alert(struct partition *p, u32 apic_id);
/* Such an NMI has come, and it is time to poll; false: it is another's. From any context. */
bool partition_dma_is_alert(const struct partition *p);

#endif
