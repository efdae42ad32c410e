/*
 * The one lock of iommu/: held for bounded work only, never across a wait for the
 * guest. Order: vIOMMU, then domain, then unit.
 */
#ifndef NESTOR_IOMMU_BASE_SPINLOCK_H
#define NESTOR_IOMMU_BASE_SPINLOCK_H

#include "hv/types.h"

struct spinlock { u32 held; };

/* PAUSE in place: with a call in here, every caller would keep its arguments out of harm's way. */
static inline void spin_lock(struct spinlock *lock)
{
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0) {
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0) {
            __asm__ volatile("pause");
        }
    }
}

static inline void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

#endif
