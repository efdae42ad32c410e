/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU's memory type range registers as its guest wrote them, and the memory type that they give an address (SDM
 * 12.11). With EPT, hardware does not use its own for the guest's accesses, so the guest's writes stay in this copy
 * and the hardware's go on protecting Nestor's memory.
 */
#ifndef NESTOR_HV_GUEST_MTRR_H
#define NESTOR_HV_GUEST_MTRR_H

#include "hv/types.h"
#include "iommu/ptab/second_stage.h"

enum { MTRR_VARIABLE = 10, MTRR_FIXED = 11 };

struct mtrr {
    u64 default_type;           /* IA32_MTRR_DEF_TYPE */
    u32 variable_count;         /* IA32_MTRRCAP.VCNT, at most MTRR_VARIABLE */
    u32 physical_width;
    u64 base[MTRR_VARIABLE], mask[MTRR_VARIABLE];
    u64 fixed[MTRR_FIXED];      /* in the order of their numbers */
};

/* False: no such register, or for a write a value that hardware refuses; #GP either way. */
must_use bool mtrr_read(const struct mtrr *m, u32 msr, u64 *value);
must_use bool mtrr_write(struct mtrr *m, u32 msr, u64 value);

/* The n-th register, to fill the copy from hardware; false after the last. */
must_use bool mtrr_register(const struct mtrr *m, u32 n, u32 *msr);

/* A CPU without these registers: all is write-back, as far as the PAT says so. */
void mtrr_absent(struct mtrr *m);
/* As a partition that no firmware prepares finds them: all is write-back. */
void mtrr_write_back(struct mtrr *m, u32 variable_count, u32 physical_width);

/*
 * MTRRs are on. An OS turns them off to rewrite them, and the previous types are kept meanwhile: a change counts
 * once it is complete.
 */
must_use bool mtrr_is_settled(const struct mtrr *m);
must_use bool mtrr_is_same(const struct mtrr *a, const struct mtrr *b);

/* The type at addr; *end is where the bytes of that type end, `limit` at most. addr < limit. */
enum mem_type mtrr_type(const struct mtrr *m, u64 addr, u64 limit, u64 *end);

#endif
