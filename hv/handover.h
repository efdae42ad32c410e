/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that hv/ learns from boot/, in memory that Nestor keeps. Addresses are host
 * physical unless said otherwise. boot/ fills it once; after hv_enter() of the first
 * CPU boot/ reads only the fields marked "out".
 */
#ifndef NESTOR_HV_HANDOVER_H
#define NESTOR_HV_HANDOVER_H

#include "drivers/crc32.h"
#include "drivers/serial.h"
#include "hv/handover_function.h"
#include "hv/handover_partition.h"
#include "hv/types.h"
#include "iommu/spec/dmar.h"

enum {
    HANDOVER_MAGIC = 0x4e455354,
    HANDOVER_CPU_BYTES = 128 << 10,     /* of the pool, for each CPU that enters */
    HANDOVER_RANGES = 1024,
    HANDOVER_PROTECT = 16,
    HANDOVER_SLEEP = 10,
    HANDOVER_LIMITS = 32,
    HANDOVER_LOG_BYTES = 64 << 10,      /* a power of two */
    HANDOVER_LEFT_TEXT = 16 << 10,
};

/* The machine's physical memory map. What is not listed is MMIO or a hole. */
enum range_kind { RANGE_RAM, RANGE_RESERVED, RANGE_FIRMWARE, RANGE_MMIO };
struct memory_range {
    u64 base, size;         /* 4 KiB granular, sorted, not overlapping */
    enum range_kind kind;
};

/* protect = BASE-END [dma=none|read] */
struct protect_range {
    u64 base, size;
    bool dma_read;
};

/*
 * A register by which the machine is put to sleep, or which says that it woke: PM1 control and status (ACPI 4.8.3),
 * or the sleep registers of reduced hardware (4.8.3.7). FADT may name one twice, by different addresses.
 */
enum sleep_kind { SLEEP_CONTROL, SLEEP_STATUS, SLEEP_REDUCED_CONTROL, SLEEP_REDUCED_STATUS };
struct sleep_register {
    u64 address;
    bool memory;            /* else an I/O port */
    u8 port;                /* 0: PM1a, 1: PM1b */
    u8 passes;              /* of control: bit n for each SLP_TYP n that may be entered; all others are refused */
    enum sleep_kind kind;
};

/* Of what entries of a device may say: enum vtd_scope_flags of its SIDP scope. */
struct device_limit {
    u16 segment, sid;
    u8 flags;
};

enum fatal_policy { FATAL_HALT, FATAL_RESET };

/* CPUID.1:ECX[31] as a guest sees it: as the CPU, or a hypervisor below, has it; set; clear. */
enum hypervisor_bit { HYPERVISOR_BIT_AUTO, HYPERVISOR_BIT_ON, HYPERVISOR_BIT_OFF };

/*
 * The guest's own remapping units, all of one kind. AUTO is for the config alone: nested where every unit can nest,
 * else none.
 */
enum guest_iommu { GUEST_IOMMU_AUTO, GUEST_IOMMU_NESTED, GUEST_IOMMU_SHADOW, GUEST_IOMMU_NONE };

/* EAX of the VMCALL by which nestor.efi says, as guest code, that boot services end. Anybody may say it. */
enum { HANDOVER_CALL_BOOT_SERVICES_END = 0x4e455345 };

/*
 * The end of the log of a start that failed for good, for the next one to find: a warm reset leaves memory as it is,
 * and nestor.efi places the image where it was. Written out of the caches. Whoever finds it believes nothing that the
 * CRC does not cover.
 */
enum { HANDOVER_LEFT_MAGIC = 0x4e4c4654 };
struct handover_left {
    u32 magic;
    u32 crc;                /* CRC-32 of `bytes` and so many of the text */
    u32 told;               /* a start has found it */
    u32 bytes;
    char text[HANDOVER_LEFT_TEXT];
};

/* left->bytes was checked. */
static inline u32 handover_left_crc(const struct handover_left *left)
{
    return crc32_add(crc32_add(0, &left->bytes, sizeof(left->bytes)), left->text, left->bytes);
}

struct handover {
    u32 magic;
    u32 cpu_count;                    /* CPUs that will enter */

    /* Nestor's memory: one reserved range that holds image, tables, pool and this struct. */
    u64 memory_base, memory_size;
    u64 image_base;                   /* the image's first byte; contiguous, page-aligned segments */
    u64 image_size;
    u64 page_table;                   /* CR3: image at its link address, direct map of all memory (NX) */
    u64 direct_map;                   /* virtual address of physical 0 in page_table */
    u64 pool_base, pool_size;         /* free pages for the page pool and the CPUs' stacks */

    struct memory_range ranges[HANDOVER_RANGES];
    u32 range_count;
    u32 physical_width;               /* bits of a physical address, without memory-encryption key ids */
    u64 physical_end;                 /* first address past the CPU's physical address width that is in use */

    struct vtd_dmar dmar;             /* parsed and accepted */
    bool dmar_present;
    struct device_limit limits[HANDOVER_LIMITS];
    u32 limit_count;
    u64 ecam_base;                    /* MCFG segment 0, 0 when absent */
    u8 ecam_first_bus, ecam_last_bus;
    struct sleep_register sleep[HANDOVER_SLEEP];
    u32 sleep_count;

    enum serial_kind serial_kind;
    u64 serial_base;
    u8 serial_stride;                 /* bytes between registers */
    u8 log_level;                     /* enum log_level */
    enum fatal_policy fatal;
    enum hypervisor_bit hypervisor_bit;
    enum guest_iommu guest_iommu;
    u64 shadow_bytes;                 /* of the pool, for shadows of the guest's tables */
    bool narrow_host;                 /* config: root mode has as many levels of page tables as the firmware */
    bool allow_no_isolation;          /* config: run as a hypervisor without DMA isolation */
    bool rule_lifted;                 /* by the config, as this CPU has no Intel 772415 */
    struct protect_range protect[HANDOVER_PROTECT];
    u32 protect_count;
    struct handover_partition partitions[HANDOVER_PARTITIONS];
    u32 partition_count;
    struct handover_function functions[HANDOVER_FUNCTIONS];
    u32 function_count;
    bool interrupts_apart;            /* partitions begin only where the root's devices cannot interrupt their CPUs */

    u64 log_base;                     /* HANDOVER_LOG_BYTES for the log, then struct handover_left */
    u16 status_port;                  /* of the status window, 0: there is none */
    bool status_all;                  /* the root's shows all of partitions */

    u64 boot_tsc;                     /* TSC at efi_main */
    u64 tsc_khz;                      /* measured by boot/ */

    /* out: by prepare, as a guest can no longer read here; result and reason also by a failing enter */
    u32 cpus_entered;                 /* CPUs now in non-root mode */
    u32 offer_viommu;                 /* 0: boot/ must hide the DMAR table from the guest */
    u32 keep_memory;                  /* by a failing prepare, or by abandon: a unit or a CPU still uses it */
    u32 offer_interrupts;             /* 0: boot/ must take INTR_REMAP out of it */
    u32 result;                       /* enum result of the first failure */
    char reason[160];                 /* in words, for the firmware console */
};

/*
 * The firmware's context as the bridge (boot/bridge.asm) left it: where a CPU goes on in VMX
 * non-root mode. All other registers, segments, descriptor tables and MSRs are still the
 * firmware's while the image runs; its descriptor tables are reached through the direct map.
 */
struct handover_resume {
    u64 rip, rsp, cr3;
};

/*
 * The image's first bytes (at image_start of linker.ld): three link addresses. The bridge calls
 * each with interrupts off, CR3 = page_table, EFER.NXE set, on a stack of 16 KiB that all
 * calls share one after the other, so a CPU that entered must have a stack of its own. Pointers
 * are addresses in the direct map.
 *
 *   u64 prepare(struct handover *)   once, on the boot CPU, first: builds the EPT, takes the units over
 *   u64 enter(struct handover *, u64 cpu_index, const struct handover_resume *)
 *                                    on every CPU, one at a time, the boot CPU (index 0) last; success:
 *                                    the CPU goes on in non-root mode at `resume`
 *   u64 abandon(struct handover *)   on the boot CPU in root mode, when one of the others failed:
 *                                    undoes prepare and takes CPUs that entered out again
 *
 * They return an enum result, with `result` and `reason` filled when it is not OK and the CPU
 * exactly as before.
 *
 * page_table maps, besides the image and the direct map (writable but for the image's text and
 * rodata, never executable), the bridge's page at its physical address; the hypervisor may
 * drop the whole lower half when all CPUs have entered.
 */
struct image_entry {
    u64 prepare;
    u64 enter;
    u64 abandon;
};

#endif
