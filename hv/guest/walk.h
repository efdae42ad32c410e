/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's linear address to its physical one, as its own paging would translate it (SDM volume 3, chapter 5): for
 * fetching the instruction that exited, and for the other operand of MOVS. Pure; the guest's memory comes through a
 * function. Each entry is read once. Accessed and dirty bits are not written: the CPU has walked the same way just
 * before. Protection keys and shadow stacks are not checked: they do not apply to fetches.
 */
#ifndef NESTOR_HV_GUEST_WALK_H
#define NESTOR_HV_GUEST_WALK_H

#include "hv/machine/checked.h"
#include "hv/types.h"

/* The registers that rule the guest's paging. */
struct guest_paging {
    u64 cr0, cr3, cr4, efer, rflags;
    u64 pdpte[4];           /* PAE paging only: those that the CPU loaded with CR3 */
    u32 physical_width;     /* CPUID.80000008h:EAX[7:0] */
    bool user;              /* CPL 3 */
    bool giant_pages;       /* the CPU has pages of 1 GiB */
};

/*
 * The guest's memory: where [gpa, gpa + len), all in one page, can be read byte by byte; NULL if it is
 * not memory of the guest. The answer for an address never changes.
 */
struct guest_memory {
    const volatile void *(*find)(void *ctx, gpa_t gpa, size_t len);
    void *ctx;
};

enum guest_access { GUEST_READ, GUEST_WRITE, GUEST_FETCH };

enum guest_walk {
    GUEST_WALK_OK,
    GUEST_WALK_FAULT,       /* a page fault with *error */
    GUEST_WALK_NO_MEMORY,   /* a table lies where there is no memory */
};

/*
 * What a walk and a fetch in long mode read, word by word: as long as all of it is unchanged, they
 * would end as they did. No words: nothing is known, walk again.
 */
enum { GUEST_WALK_TRAIL = 7 };  /* five levels of tables and two words of code */
struct guest_walk_word { u64 v; } __attribute__((packed));
struct guest_walk_trail {
    u32 count;
    struct checked_word word[GUEST_WALK_TRAIL];
};

must_use bool guest_walk_trail_holds(const struct guest_walk_trail *trail);

/* `trail`: the entries are added to it; NULL for none. */
must_use enum guest_walk guest_walk(const struct guest_paging *paging, u64 linear, enum guest_access access,
                                    const struct guest_memory *memory, struct guest_walk_trail *trail, gpa_t *out,
                                    u32 *error);

/*
 * Up to `len` bytes, 9 to 16, of the code at a linear address, for an instruction that may cross into a second
 * page. Returns how many could be read before a page was missing. The trail is kept only if all are in one page.
 */
must_use size_t guest_walk_fetch(const struct guest_paging *paging, u64 linear, u8 *to, size_t len,
                                 const struct guest_memory *memory, struct guest_walk_trail *trail);

/* Copies [gpa, gpa + len) of one page, each byte read once; false if it is not memory. */
must_use bool guest_walk_read(const struct guest_memory *memory, gpa_t gpa, void *to, size_t len);

#endif
