/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function that belongs to a partition beside the root, as boot/ found it: sized with decoding off, before any
 * guest could write to it, and put back. boot/ has checked that it is the partition's to have; where its registers are
 * stays as it is for good.
 */
#ifndef NESTOR_HV_HANDOVER_FUNCTION_H
#define NESTOR_HV_HANDOVER_FUNCTION_H

#include "hv/types.h"

enum {
    HANDOVER_FUNCTIONS = 32,            /* of all partitions together */
    HANDOVER_BARS = 6,
};

/* A base address register: `size` 0, there is none here. The upper half of a 64-bit one has none of its own. */
struct handover_bar {
    u64 base, size;                     /* host; a power of two; of memory: base and size may be below a page */
    bool port, wide, prefetchable;
};

/* How it forgets its last life, best first. NONE: its partition is never restarted. */
enum handover_reset { HANDOVER_RESET_NONE, HANDOVER_RESET_FLR, HANDOVER_RESET_AF, HANDOVER_RESET_D3HOT };

struct handover_function {
    u16 segment;                        /* 0: others are refused */
    u16 source_id;                      /* bus, device, function; also what its requests carry */
    u8 partition;                       /* index in handover.partitions */
    u8 unit;                            /* that it is behind: index in handover.dmar.units */
    bool behind_port;                   /* that lets through the ids of these buses, and no others */
    u8 first_bus, last_bus;
    bool interrupts;                    /* it has MSI or MSI-X; false: the config says `interrupts = none` */
    enum handover_reset reset;
    u8 power, msi, msix, pcie, af;      /* offsets of its capabilities in configuration space, or 0 */
    u8 msi_vectors;                     /* Multiple Message Capable, 1 to 32 */
    bool msi_wide, msi_masks;           /* 64-bit address; per-vector masking */
    u16 msix_vectors;                   /* 1 to 2048 */
    u8 msix_table_bar, msix_pending_bar;
    u32 msix_table, msix_pending;       /* offsets in these BARs */
    struct handover_bar bars[HANDOVER_BARS];
};

#endif
