/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bound on lines that a guest can provoke: the first eight are told, then those at powers of four. A line takes
 * milliseconds at 115200 baud, with locks held, and a guest can be refused a thousand times in an exit.
 */
#ifndef NESTOR_IOMMU_BASE_LIMIT_H
#define NESTOR_IOMMU_BASE_LIMIT_H

#include "hv/types.h"

struct limit { u64 count; };

/* Whether the one of that number, from 1 on, is to be told. */
bool limit_due_at(u64 n);

/* Counts one more; true when it is to be told. */
bool limit_due(struct limit *limit);

#endif
