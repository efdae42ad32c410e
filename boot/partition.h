/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions beside the root: their memory reserved and their files read, so that the image gets data only. */
#ifndef NESTOR_BOOT_PARTITION_H
#define NESTOR_BOOT_PARTITION_H

#include "boot/areas.h"
#include "boot/function_check.h"
#include "boot/machine.h"
#include "boot/uefi.h"

struct partitions {
    u32 count;
    const char *interrupts_missing;     /* to keep the root's devices from interrupting their CPUs; NULL: nothing */
    struct handover_partition list[HANDOVER_PARTITIONS];
    struct functions functions;
    u64 ecam_base;                      /* of segment 0 */
};

/*
 * Those of the configuration, whose files are on `volume`. With any mistake, which is named, there are none, and the
 * root runs alone.
 */
void partition_prepare(struct machine *m, const struct config *config, const struct verdict *verdict,
                       EFI_HANDLE volume, const struct areas *avoid, struct partitions *out);
/* The end of the highest memory BAR of their functions, 0: there is none. */
u64 partition_bars_end(const struct partitions *partitions);
/* Bytes of the page pool for them, with so many remapping units. */
u64 partition_pool(const struct machine *m, const struct partitions *partitions, u32 units, u64 page_sizes);
/* For the root's tables: its CPUs and functions are what is left. */
void partition_hide(struct machine *m, const struct partitions *partitions);
/* Gives all memory and functions back. */
void partition_release(struct machine *m, const struct partitions *partitions);

#endif
