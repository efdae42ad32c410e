/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One access of a guest to a trapped page, from the bytes of the instruction to its completed
 * registers. Pure: the guest's CPU and the device are handed in.
 */
#ifndef NESTOR_HV_GUEST_INSN_MMIO_H
#define NESTOR_HV_GUEST_INSN_MMIO_H

#include "hv/guest/walk.h"
#include "hv/guest/insn.h"

/* The device behind the page; ctx is passed to both. */
struct insn_mmio_ops {
    u64 (*load)(void *ctx, u64 gpa, u32 size);
    void (*store)(void *ctx, u64 gpa, u32 size, u64 value);
};

struct insn_mmio {
    const struct insn_mmio_ops *ops;
    void *ctx;
    const struct guest_memory *memory;
    const struct guest_paging *paging;
    struct insn_state *state;
    enum insn_mode mode;
    u64 gpa;                        /* the address that exited */

    /* out */
    u64 fault_address;              /* for CR2 */
    u32 fault_error;
    u32 byte_count;
    u8 bytes[INSN_MAX_LENGTH];      /* for the console */
    struct insn insn;               /* as decoded, if INSN_MMIO_DONE */
    struct guest_walk_trail trail;  /* of the fetch, if that was in long mode */
};

enum insn_mmio_result {
    INSN_MMIO_DONE,       /* `state` is that after the instruction, or after one element of it */
    INSN_MMIO_FAULT,      /* a page fault: fetching, or reading the source of MOVS */
    INSN_MMIO_REFUSED,    /* not emulated; nothing has changed */
};

/*
 * Another CPU may have changed the bytes since the access to gpa exited: what they say now must be an access to the
 * same place. `address`: that of the operand which should be on the device's page.
 */
must_use bool insn_mmio_is_at(u64 gpa, u64 address, u32 width);

must_use enum insn_mmio_result insn_mmio_run(struct insn_mmio *m);

#endif
