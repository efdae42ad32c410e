/*
 * A guest's linear address to its physical one, as its own paging would do it (SDM volume 3,
 * chapter 5): for fetching the instruction that exited, and the other operand of MOVS. Pure;
 * the guest's memory comes through a function. Each entry is read once. Accessed and dirty bits
 * are not written: the CPU has walked the same way just before. Protection keys and shadow
 * stacks are not looked at: they do not hold for fetches.
 */
#ifndef NESTOR_GUEST_WALK_H
#define NESTOR_GUEST_WALK_H

#include "hv/types.h"

/* The registers that rule the guest's paging. */
struct guest_paging {
    u64 cr0, cr3, cr4, efer, rflags;
    u64 pdpte[4];           /* PAE paging only: those that the CPU loaded with CR3 */
    u32 physical_width;     /* CPUID.80000008h:EAX[7:0] */
    bool user;              /* CPL 3 */
    bool giant_pages;       /* the CPU has pages of 1 GiB */
};

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

enum guest_walk {
    GUEST_WALK_OK,
    GUEST_WALK_FAULT,       /* a page fault with *error */
    GUEST_WALK_NO_MEMORY,   /* a table lies where there is no memory */
};

/* Copies exactly len bytes; false if they are not all memory of the guest. */
typedef bool guest_read_fn(void *ctx, gpa_t gpa, void *to, size_t len);

must_use enum guest_walk guest_walk(const struct guest_paging *paging, u64 linear,
                                    enum guest_access access, guest_read_fn *read, void *ctx,
                                    gpa_t *out, u32 *error);

/*
 * Up to `len` bytes of the code at a linear address, for an instruction that may cross into a
 * second page: how many could be read before a page was missing.
 */
must_use size_t guest_walk_fetch(const struct guest_paging *paging, u64 linear, void *to,
                                 size_t len, guest_read_fn *read, void *ctx);

#endif
