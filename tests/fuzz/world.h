/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine to fuzz in: one partition of 64 pages whose guest addresses are not its host addresses and that has
 * some of the CPUs and buses, one unit, one vIOMMU; and another partition with a device behind that unit (other.h),
 * which may have a vIOMMU, too. Built once; each input begins with zeroed guest memory and vIOMMUs in their reset
 * state, and ends with everything given back.
 */
#ifndef NESTOR_FUZZ_WORLD_H
#define NESTOR_FUZZ_WORLD_H

#include "iommu/viommu/viommu.h"
#include "tests/support/guest_kit_host.h"

enum {
    WORLD_PAGES = 64,
    WORLD_GPA = 0x100000,       /* of the partition's first page */
    WORLD_HPA = 0x800000,
    WORLD_HAW = 46,
    WORLD_SIDS = 6,
    WORLD_PASIDS = 7,
};

enum page_state {
    PAGE_OWNED,     /* mapped, the guest's */
    PAGE_READ_ONLY, /* the CPU may read it, no DMA may reach it */
    PAGE_GONE,      /* given back: somebody else has it by now */
    PAGE_LINGERING, /* taken out, but the unit did not flush: nobody else has it yet */
};

struct world {
    struct model_unit *unit;
    struct viommu *v;
    enum page_state state[WORLD_PAGES];
    bool used[WORLD_SIDS][WORLD_PASIDS + 1]; /* source-ids and PASIDs this input names */
    u64 flip_gpa, flip_xor;     /* the guest writes this after a read of it */
    u32 flips;                  /* how often */
    u32 pages_idle;             /* of the pool, without a vIOMMU */
    bool work_left;
    bool shadowed;              /* the kind of the guest's unit */
    bool pair;                  /* the other's guest has a unit, too: they take turns, and interrupts are kept apart */
    u32 turn;                   /* whose v, work_left and memory are: 1: the other's */
    u32 writer;                 /* whose memory the unit may write */
    struct viommu *units[2];
    bool left[2];               /* of whoever is not on turn */
    bool may_hang;              /* a process of its own: hardware errors that leave traces */
    bool hung;                  /* it happened */
    u32 messages;               /* that left the unit and have been looked at */
};
extern struct world world;
extern const u16 world_sids[WORLD_SIDS];
extern const u32 world_pasids[WORLD_PASIDS];

void world_begin(void);
/* Aborts when a page or a domain id leaked. */
void world_end(void);

/* In a pair: from now on steps are that guest's. */
void world_take_turn(u32 guest);

/* The page of the guest on turn as the CPU sees it; NULL outside. */
u64 *world_at(u64 gpa);
/* Which CPUs and source-ids are the partition's. */
bool world_has_cpu(u32 apic_id);
bool world_has_source(u16 sid);
/* Whoever has that source-id may reach all of it by DMA. */
bool world_device_may_reach(u16 sid, u64 hpa, u64 len);
/* True if DMA may reach all of it. */
bool world_may_reach(u64 hpa, u64 len);
/* Second-stage changes, with their invalidations. */
void world_give_back(u32 page);
void world_protect(u32 page);
void world_take(u32 page);
/* The invalidation queue stops, or goes on. */
void world_hang(bool hang);

/* What became of a device's interrupt request; aborts when it must not have passed. */
void world_check_interrupt(u16 sid, const struct model_interrupt *out);
/* What must hold after every step; aborts with a line when it does not. */
void world_check(void);

#endif
