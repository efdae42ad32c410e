/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one lock of iommu/: held for bounded work only, never across a wait for the
 * guest. Order: vIOMMU, then domain, then unit.
 */
#ifndef NESTOR_IOMMU_BASE_SPINLOCK_H
#define NESTOR_IOMMU_BASE_SPINLOCK_H

#include "hv/types.h"

/* Tickets: in the order of asking, so that CPUs of a guest that ask over and over keep nobody out. */
struct spinlock { u16 next, serving; };

/* PAUSE in place: a call here would make every caller spill its registers. */
static inline void spin_lock(struct spinlock *lock)
{
    u16 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket) {
        __asm__ volatile("pause");
    }
}

/*
 * Only who holds the lock writes `serving`, so it takes no locked instruction; on x86 a store comes after the loads and
 * stores in front of it. One instruction in place is smaller than a call.
 */
static inline __attribute__((always_inline)) void spin_unlock(struct spinlock *lock)
{
    __asm__ volatile("incw %0" : "+m"(lock->serving) : : "cc", "memory");
}

#endif
