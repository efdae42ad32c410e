/* SPDX-License-Identifier: BSD-2-Clause */
/* See limit.h. */
#include "iommu/base/limit.h"

bool limit_due_at(u64 n)
{
    return n <= 8 || ((n & (n - 1)) == 0 && (n & 0x5555555555555555) != 0);
}

bool limit_due(struct limit *limit)
{
    return limit_due_at(__atomic_add_fetch(&limit->count, 1, __ATOMIC_RELAXED));
}
