/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the firmware's address space into the image's and back. The bridge's code lies in one
 * page, mapped at the same address in both.
 */
#ifndef NESTOR_BOOT_BRIDGE_H
#define NESTOR_BOOT_BRIDGE_H

#include "hv/handover.h"

/* bridge.asm knows these offsets. */
struct bridge {
    u64 entry;                     /* link address */
    u64 handover;                  /* in the direct map */
    u64 cpu_index;
    u64 resume_pointer;            /* `resume` in the direct map */
    u64 page_table;
    u64 stack;                     /* in the direct map, its upper end */
    struct handover_resume resume; /* out */
};
_Static_assert(offsetof(struct bridge, resume) == 48 && sizeof(struct handover_resume) == 24,
               "boot/bridge.asm");

/* OK: the CPU is in VMX non-root mode or, for prepare and abandon, the work is done. Else an enum result. */
u64 bridge_call(struct bridge *bridge);

extern const u8 bridge_begin[];
extern const u8 bridge_end[];

#endif
