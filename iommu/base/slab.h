/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small objects of one size out of pages of the pool: constant time, and a page goes
 * back to the pool with its last object. Objects come zeroed.
 */
#ifndef NESTOR_IOMMU_BASE_SLAB_H
#define NESTOR_IOMMU_BASE_SLAB_H

#include "iommu/port.h"
#include "iommu/base/spinlock.h"

struct slab_page;

struct slab {
    u32 size;                  /* of an object in bytes, at most SLAB_MAX */
    struct spinlock lock;
    struct slab_page *partial; /* pages with room */
};

enum { SLAB_MAX = 1024 };

/* NULL when the pool is exhausted. */
void *slab_alloc(struct slab *slab);
void slab_free(struct slab *slab, void *object);

#endif
