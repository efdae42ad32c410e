/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status window: what Nestor tells a guest about itself, by two I/O ports of 32 bits. This header is all that the
 * image and tools/nestorctl share. CPUID 40000001h names the ports (ECX, 0: there are none) and the protocol (EDX).
 *
 *   SELECT   write: session << 30 | report << 24 | offset in double words; each CPU has one of its own; read: the same
 *   DATA     write, with STATUS_ARGUMENT selected: the session's argument number `offset`
 *            write, with any other report: take a snapshot of that report into the session
 *            read: the double word at `offset` of the session's snapshot; ones if there is none of that report
 *
 * A snapshot is taken in steps: while the first double word reads STATUS_BUSY there is work left, and each read of it
 * does a part. Then it reads the header, and records follow. Who shares a session with another program, or moved to
 * another CPU between SELECT and DATA, sees that by generation and CRC, and tries again. Nothing here is trusted, and
 * no guest memory is written; only a dump reads any.
 *
 * Records are raw words, registers and entries as hardware has them. New ones may come, and longer ones: a reader skips
 * types that it does not know and takes what is missing at the end of a short one as 0.
 */
#ifndef NESTOR_HV_GUEST_STATUS_H
#define NESTOR_HV_GUEST_STATUS_H

#include "hv/types.h"

enum {
    /* "NestorNestor" in EBX, ECX, EDX; EAX: the last of these leaves. */
    CPUID_NESTOR = 0x40000000,
    CPUID_NESTOR_EBX = 0x7473654e, /* "Nest" */
    CPUID_NESTOR_ECX = 0x654e726f, /* "orNe" */
    CPUID_NESTOR_EDX = 0x726f7473, /* "stor" */
    /* EAX: version, major << 16 | minor; EBX: enum cpuid_nestor_feature; ECX: the first port of the window, EDX: its
       protocol, both 0 where there is none. */
    CPUID_NESTOR_FEATURES = 0x40000001,
};

enum cpuid_nestor_feature {
    CPUID_NESTOR_DMA_ISOLATION = 1 << 0,  /* every device goes through the second stage */
    CPUID_NESTOR_VIOMMU = 1 << 1,         /* the guest's remapping units are nested on it */
};

enum {
    STATUS_PROTOCOL = 1,
    STATUS_SELECT = 0,          /* offset of the port from the first one */
    STATUS_DATA = 4,
    STATUS_PORT_BYTES = 8,
    STATUS_SESSIONS = 4,        /* of a partition */
    STATUS_ARGUMENTS = 4,
    STATUS_SNAPSHOT = 16 << 10, /* bytes, the header included */
    STATUS_BUSY = 0,
};

/*
 * What does not change after the start, where a kernel in lockdown keeps programs from ports: an ACPI table, whose
 * header of 36 bytes is followed, at STATUS_TABLE_SNAPSHOT, by a snapshot of STATUS_REPORT_MACHINE. (ACPI 5.2.6 leaves
 * signatures that begin with OEM to whoever makes a table.)
 */
#define STATUS_TABLE_SIGNATURE "OEMN"
#define STATUS_TABLE_OEM "NESTOR"
enum { STATUS_TABLE_SNAPSHOT = 40 };

enum status_report {
    STATUS_ARGUMENT = 0,        /* what write takes, see above */
    STATUS_REPORT_MACHINE,      /* version, machine, units, memory */
    STATUS_REPORT_PARTITION,    /* the caller's partition and its CPUs; for the root, all */
    STATUS_REPORT_DEVICES,      /* what is not as the default; position: unit << 32 | source-id */
    STATUS_REPORT_EXITS,        /* position: CPU */
    STATUS_REPORT_UNITS,        /* counters of the guest's units; position: unit */
    STATUS_REPORT_LOG,          /* position: offset in bytes since the start */
    STATUS_REPORT_PREVIOUS,     /* what a start before this one left when it failed; position: offset */
    STATUS_REPORT_DUMP,         /* arguments: enum status_dump_argument */
    STATUS_REPORT_CONSOLE,      /* what a partition prints; position: status_console() */
    STATUS_REPORT_CONTROL,      /* does something to one; arguments: enum status_control_argument */
    STATUS_REPORTS,
};

/* Of all reports but the dump: where to begin, as `next` of a header says; 0: at the beginning. */
enum { STATUS_ARGUMENT_LOW = 0, STATUS_ARGUMENT_HIGH = 1 };
/* Of the dump. PASID 0xffffffff: a request without PASID. */
enum status_dump_argument { STATUS_DUMP_SOURCE, STATUS_DUMP_PASID, STATUS_DUMP_LOW, STATUS_DUMP_HIGH };

/*
 * Of a control: what it is to do comes with STATUS_CONTROL, so that no other report's arguments are taken for it, and
 * with what its sender last saw of the partition's struct status_life, so that none is done twice.
 */
enum status_control_argument {
    STATUS_CONTROL_WHAT,
    STATUS_CONTROL_PARTITION,
    STATUS_CONTROL_SEEN,
    STATUS_CONTROL_TEXT,
};
enum status_control {
    STATUS_CONTROL = 0x4e430000,
    STATUS_CONTROL_START = STATUS_CONTROL | 1,      /* SEEN: starts plus ends */
    STATUS_CONTROL_STOP = STATUS_CONTROL | 2,
    STATUS_CONTROL_RESTART = STATUS_CONTROL | 3,
    STATUS_CONTROL_INPUT = STATUS_CONTROL | 4,      /* SEEN: `input`; TEXT: a character for its UART */
};

static inline u64 status_console(u32 partition, u64 offset)
{
    return (u64)partition << 56 | (offset & ((1ull << 56) - 1));
}

static inline u32 status_select(u32 session, u32 report, u32 offset)
{
    return session << 30 | (report & 0x3f) << 24 | (offset & 0xffffff);
}

static inline u32 status_session(u32 select)
{
    return select >> 30;
}

static inline u32 status_report(u32 select)
{
    return select >> 24 & 0x3f;
}

static inline u32 status_offset(u32 select)
{
    return select & 0xffffff;
}

/* STATUS_DUMP_SOURCE. */
static inline u32 status_source(u32 unit, u16 sid)
{
    return unit << 16 | sid;
}

struct status_header {
    u32 generation;     /* of the session's snapshots, never STATUS_BUSY */
    u32 crc;            /* CRC-32 of all that follows */
    u32 bytes;          /* of all, this included */
    u32 report;         /* enum status_report */
    u64 next;           /* the argument that goes on where this ends; 0: it is complete */
    u64 tsc;            /* when it was begun */
    u32 asked[STATUS_ARGUMENTS];
};

struct status_record {
    u32 type;           /* enum status_type */
    u32 bytes;          /* behind this; a multiple of 8 */
};

enum status_type {
    STATUS_VERSION = 1,
    STATUS_MACHINE,
    STATUS_MEMORY,
    STATUS_UNIT,
    STATUS_PARTITION,
    STATUS_CPU,
    STATUS_DEFAULT,
    STATUS_DEVICE,
    STATUS_EXITS,
    STATUS_COUNTERS,
    STATUS_LOG,
    STATUS_PREVIOUS,
    STATUS_REQUEST,
    STATUS_STEP,
    STATUS_END,
    STATUS_LIFE,
    STATUS_FUNCTION,
    STATUS_CONSOLE,             /* a struct status_log */
    STATUS_RESULT,
};

struct status_version {
    u32 protocol, version;      /* version: as CPUID 40000001h, EAX */
    u32 features;               /* as CPUID 40000001h, EBX */
    u32 reports;                /* reports below that number are answered */
    u64 tsc_khz, boot_tsc;      /* boot_tsc: when nestor.efi began */
};

enum status_machine_flag {
    STATUS_ALL_NEST = 1 << 0,
    STATUS_ALL_COHERENT = 1 << 1,
    STATUS_REMAPS_INTERRUPTS = 1 << 2,
    STATUS_RULE_LIFTED = 1 << 3,    /* no CPU here has Intel 772415 */
};
struct status_machine {
    u32 cpus, units, flags, partitions;
    u32 physical_width, log_level;
    u64 page_sizes;             /* that EPT and all units have */
};

struct status_memory {
    u64 base, size;             /* what Nestor keeps */
    u64 image, pool_pages, free_pages;
    u64 table_pages;            /* of the second stage */
    u64 log_bytes;              /* ever written */
};

enum status_unit_flag { STATUS_SCALABLE = 1 << 0, STATUS_NESTING = 1 << 1, STATUS_COHERENT = 1 << 2,
                        STATUS_SHOWN = 1 << 3, /* the guest has a unit in its place: */
                        STATUS_GUEST_ROOT = 1 << 4 /* whose entries are in force */ };
struct status_unit {
    u32 index, segment;
    u64 base;
    u32 window, flags;
    u32 version, gsts, fsts, ss_levels;
    u64 cap, ecap, rtaddr, irta;
    u64 faults, faults_lost, silenced, blocked;
    u64 guest_cap, guest_ecap, guest_rtaddr, guest_irta;
    u32 guest_gsts, guest_fsts;
    u64 second_stage;           /* of the caller's partition, as this unit has it; another one is a shadow */
};

enum status_in_force { STATUS_BOOT_SERVICES = 1 << 0, STATUS_GUEST_UNITS = 1 << 1, STATUS_GUEST_INTERRUPTS = 1 << 2,
                       STATUS_DMA_ISOLATED = 1 << 3 };
enum status_partition_state { STATUS_RUNS = 1, STATUS_WAITS, STATUS_STOPPED };
struct status_partition {
    u32 id, state, cpus, in_force;
    u32 physical_width, gpa_width, levels, units_taken;
    u64 eptp;
    u64 memory;                 /* bytes of RAM that it can reach; beside the root: that it was given */
    u64 protected_bytes;        /* of these, read-only for its CPUs */
    u64 quota_pages;            /* that its units still may take together */
    /* Refused, ever: */
    u64 protected_writes, own_memory, unmapped, unit_accesses, msr_reads, msr_writes, unknown_msrs, strings, sleeps,
        tasks, status_accesses;
};

enum status_cpu_state { STATUS_CPU_OUTSIDE, STATUS_CPU_RUNS, STATUS_CPU_WAITS };
struct status_cpu {
    u32 index, apic_id, state, partition;
};

/* A partition beside the root. */
enum status_life_flag {
    STATUS_LIFE_CONSOLE = 1 << 0,   /* its console can be read by the caller, */
    STATUS_LIFE_CONTROLLED = 1 << 1, /* and it can be controlled */
    STATUS_LIFE_LATER = 1 << 2,     /* it does not start by itself */
};
enum { STATUS_NAME = 16, STATUS_REASON = 48 };
struct status_life {
    u32 id, state, cpus, flags;
    char name[STATUS_NAME];
    u64 memory;                     /* bytes that it was given, those of its holes, too */
    u32 starts, ends, restarts;     /* restarts: that it may have, all ones: no limit */
    u32 input;                      /* characters that it was sent */
    char reason[STATUS_REASON];     /* of its last end */
};

/* A PCI function that is a partition's. */
struct status_function {
    u32 partition, segment, sid, reserved;
};

enum status_control_outcome {
    STATUS_CONTROL_DONE,
    STATUS_CONTROL_REFUSED,         /* the config does not let the caller, or there is no such partition */
    STATUS_CONTROL_STALE,           /* it is not as the sender saw it */
    STATUS_CONTROL_NOT_NOW,         /* it is what it is to be, or on its way somewhere */
    STATUS_CONTROL_TOO_SOON,        /* after the last one */
    STATUS_CONTROL_UNKNOWN,         /* no such control */
};
struct status_result {
    u32 outcome, reserved;
};

/* A context entry (two words in legacy mode) and the PASID entry of requests without PASID. */
struct status_device {
    u32 unit, sid;
    u32 pasid, punishment;      /* 0: none, 1: faults not recorded, 2: blocked */
    u64 faults;
    u64 context[4];
    u64 entry[8];
};

struct status_exits {
    u32 cpu, count;
    u64 exits[];                /* by basic exit reason */
};

struct status_counters {
    u32 unit, count;
    u64 counters[];             /* VIOMMU_COUNTERS of iommu/viommu/viommu.h */
};

struct status_log {
    u64 offset;                 /* of the first byte; behind the one that was asked for: what was between is lost */
    u64 bytes;
    char text[];
};

enum status_step {
    STATUS_STEP_ROOT,           /* two words; `level` tells the half: 0 or 1 */
    STATUS_STEP_CONTEXT,        /* four words, two in legacy mode */
    STATUS_STEP_DIRECTORY,
    STATUS_STEP_PASID,          /* eight words */
    STATUS_STEP_FIRST_STAGE,    /* `at` is a guest address; the level counts from 1 */
    STATUS_STEP_SECOND_STAGE,
};
struct status_step_record {
    u32 kind, level;
    u64 at;                     /* where the entry stands */
    u64 input;                  /* what this stage translates */
    u64 w[8];
};

struct status_request {
    u32 unit, sid, pasid, legacy;
    u64 address;
};

enum status_outcome {
    STATUS_OUTCOME_ADDRESS,     /* `address` is the host's */
    STATUS_OUTCOME_BLOCKED,     /* an entry is not present, the last one shown, or the address too large */
    STATUS_OUTCOME_NOT_YOURS,   /* another's source-id, or no unit of that number */
    STATUS_OUTCOME_UNREADABLE,  /* a first-stage entry is not in the partition's memory */
    STATUS_OUTCOME_INTERRUPT,   /* no DMA: an address of interrupt messages */
    STATUS_OUTCOME_UNTRANSLATED, /* by a pass-through entry */
    STATUS_OUTCOME_SHADOW,      /* it goes on in a shadow of the guest's table, which is not followed */
};
struct status_end {
    u32 outcome, reserved;
    u64 address;
};

#endif
