/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory types of an existing second stage, when the MTRRs that they follow change: only ranges whose type differs
 * are touched, for a bounded time at once. Pure.
 */
#ifndef NESTOR_HV_PARTITION_EPT_TYPES_H
#define NESTOR_HV_PARTITION_EPT_TYPES_H

#include "hv/guest/mtrr.h"
#include "hv/partition/span.h"
#include "iommu/base/limit.h"
#include "iommu/domain/domain.h"

struct ept_types {
    u64 at;
    u64 limit;              /* the first address that is too large for CPU or tables */
    const struct partition_span *spans; /* sorted: only what is in these has types of the registers; NULL: all */
    u32 span_count;
    bool busy;
    bool mixed;             /* a change was overtaken by another: `now` says nothing */
    u32 pieces;             /* that the change has touched so far */
    struct limit refused;   /* and that could not be, ever */
    struct mtrr now;        /* what the types from `at` on follow */
    struct mtrr next;       /* and those below, while a change is under way */
};

/* The registers that the type of a page at gpa follows. */
const struct mtrr *ept_types_at(const struct ept_types *t, u64 gpa);

/*
 * Goes on towards `wanted` for about budget_us; true when it is reached. Not visible to hardware before
 * domain_flush(). Where the pool has no page for a table that this needs, the type stays, with a line.
 */
must_use bool ept_types_follow(struct ept_types *t, struct domain *d, const struct mtrr *wanted,
                               u64 budget_us);

#endif
