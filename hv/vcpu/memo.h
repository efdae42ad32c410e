/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers poll registers and ring doorbells from the same place again and again. For an access by a plain MOV in
 * 64-bit code, a CPU keeps the decoded instruction and everything that it was derived from; the next access from
 * there compares instead of walking, fetching and decoding.
 */
#ifndef NESTOR_HV_VCPU_MEMO_H
#define NESTOR_HV_VCPU_MEMO_H

#include "hv/guest/insn_mmio.h"

struct memo {
    struct guest_walk_trail trail;
    u64 cr0, cr3, cr4, efer, cs_rights, ss_rights;
    struct insn insn;
};

enum { MEMO_COUNT = 8 };
struct memos {
    u64 rip[MEMO_COUNT];            /* 0: none */
    u32 next;                       /* to be overwritten */
    u32 last;                       /* the one that was found last */
    struct memo memo[MEMO_COUNT];
};

/*
 * What was kept of the instruction at RIP, if nothing has changed since that says what it is; else NULL. It is a MOV
 * between a register of 4 or 8 bytes and memory, addressed by a base register and perhaps an index: neither is RSP.
 */
const struct memo *memo_find(struct memos *all, u64 rip);

/* Keeps an access that was done, if it is of that kind. `rip`: where it was. */
void memo_keep(struct memos *all, u64 rip, const struct insn_mmio *m);

#endif
