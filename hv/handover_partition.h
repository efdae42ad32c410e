/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition beside the root, as boot/ made it of the config: data only. boot/ has parsed every format, built the
 * partition's tables and checked everything that can be; hv/ checks again only what its own safety rests on.
 */
#ifndef NESTOR_HV_HANDOVER_PARTITION_H
#define NESTOR_HV_HANDOVER_PARTITION_H

#include "hv/types.h"

enum {
    HANDOVER_PARTITIONS = 7,            /* beside the root */
    HANDOVER_PARTITION_NAME = 16,       /* with its end */
    HANDOVER_PARTITION_SPANS = 8,
    HANDOVER_PARTITION_LOADS = 20,
    HANDOVER_PARTITION_CPU_WORDS = 16,  /* of CPU_MAX bits */
    HANDOVER_PARTITION_ALWAYS = 0xffffffff,
    /* Of the pool, for each unit of such a guest: what it is made of, and what the guest's entries may take. */
    HANDOVER_UNIT_PAGES = 384, HANDOVER_UNIT_TABLES = 256, HANDOVER_UNIT_ENTRIES = 1024,
};

/* Memory of the partition: ordinary, writable, whole pages; sorted by gpa; neither side overlaps another's. */
struct partition_span {
    u64 gpa, hpa, size;
};

/* At each start all spans are zero and then have these, from pristine copies within the store. */
struct partition_load {
    u64 gpa, from, size;
};

enum partition_console { PARTITION_CONSOLE_VIRTUAL, PARTITION_CONSOLE_COM2, PARTITION_CONSOLE_NONE };

struct handover_partition {
    char name[HANDOVER_PARTITION_NAME];
    u64 memory_base, memory_size;               /* host: all spans are in here */
    u64 store_base, store_size;                 /* host: what is loaded from */
    u32 span_count;
    u32 load_count;
    u32 eip, eax, ebx, esi;                     /* flat 32-bit protected mode, paging off; all else as after INIT */
    u32 restarts;                               /* after an end of its own; HANDOVER_PARTITION_ALWAYS: no limit */
    u32 cache_class;                            /* of its CPUs; 0: as the root */
    u32 cache_ways, cache_rest;                 /* ways of the L3 that this class fills, and class 0 */
    u32 watchdog_s;                             /* it ends after so long without a byte to watchdog_port; 0: never */
    bool later;                                 /* it does not start by itself */
    bool root_controls;                         /* control-by = root */
    bool nested_units;                          /* its guest has a unit for each that its functions are behind */
    enum partition_console console;
    u16 uart_port;                              /* of the 8250 that Nestor emulates for it; 0: none */
    u16 own_uart_port;                          /* of the machine's UART that is its own, nobody else's; 0: none */
    u16 reset_port;                             /* a byte with bits 1 and 2 set ends it: FADT names it */
    u16 sleep_control_port;                     /* hardware-reduced ACPI: SLP_EN with `sleep_off` ends it for good */
    u16 sleep_status_port;
    u16 watchdog_port;
    u8 sleep_off;                               /* SLP_TYP of its S5 object */
    u64 cpus[HANDOVER_PARTITION_CPU_WORDS];     /* by index of struct cpu; the lowest is its boot CPU */
    struct partition_span spans[HANDOVER_PARTITION_SPANS];
    struct partition_load loads[HANDOVER_PARTITION_LOADS];
};

#endif
