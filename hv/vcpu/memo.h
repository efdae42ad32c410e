/*
 * Drivers poll, and ring doorbells from the same place: for accesses by a plain MOV of 64-bit code a CPU keeps
 * what the instruction is and all that said so. The next one from there compares instead of walking,
 * fetching and decoding.
 */
#ifndef NESTOR_HV_VCPU_MEMO_H
#define NESTOR_HV_VCPU_MEMO_H

#include "hv/guest/insn_mmio.h"

struct viommu;
struct vcpu;

struct mmio_memo {
    struct guest_trail trail;
    u64 cr0, cr3, cr4, efer, cs_rights, ss_rights;
    struct insn insn;
};

enum { MMIO_MEMOS = 8 };
struct mmio_memos {
    u64 rip[MMIO_MEMOS];            /* 0: none */
    u32 next;                       /* to be overwritten */
    struct mmio_memo memo[MMIO_MEMOS];
};

/* Does the access that exited to a unit's register, if it is one that was seen; false if not. */
must_use bool mmio_memo_run(struct vcpu *v, u64 gpa, struct viommu *unit, u32 offset);

/* Keeps an access that was done, if it is of the kind that can be kept. `rip`: where it was. */
void mmio_memo_keep(struct vcpu *v, u64 rip, const struct insn_mmio *m);

#endif
