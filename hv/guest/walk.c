/* SPDX-License-Identifier: BSD-2-Clause */
/* See walk.h. */
#include "hv/guest/walk.h"

#include "hv/machine/x86_bits.h"

enum {
    ENTRY_PRESENT = 1 << 0,
    ENTRY_WRITE = 1 << 1,
    ENTRY_USER = 1 << 2,
    ENTRY_LARGE = 1 << 7,
};
#define ENTRY_NX (1ull << 63)

enum {
    ERROR_PRESENT = 1 << 0,
    ERROR_WRITE = 1 << 1,
    ERROR_USER = 1 << 2,
    ERROR_RESERVED = 1 << 3,
    ERROR_FETCH = 1 << 4,
};

/* One walk under way. In `rights`, write and user are set while every entry so far gave them, NX once one had it. */
struct walk {
    const struct guest_paging *paging;
    u64 linear;
    enum guest_access access;
    const struct guest_memory *memory;
    struct guest_walk_trail *trail;
    u64 rights;
    u64 reserved;   /* bits that are 0 in every present entry */
    bool narrow;    /* 32-bit paging: entries of four bytes */
};

static u64 bits_between(u32 high, u32 low)
{
    return high < low ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

/* SDM 5.7. I/D is reported only where NX or SMEP could have caused the fault. */
static u32 error_code(const struct walk *w, u32 cause)
{
    const struct guest_paging *p = w->paging;
    bool nx = (p->efer & EFER_NXE) != 0 && !w->narrow;
    u32 error = cause | (p->user ? ERROR_USER : 0);
    error |= w->access == GUEST_WRITE ? ERROR_WRITE : 0;
    error |= w->access == GUEST_FETCH && (nx || (p->cr4 & CR4_SMEP) != 0) ? ERROR_FETCH : 0;
    return error;
}

/* SDM 5.6.1, for explicit accesses. */
static bool is_allowed(const struct walk *w)
{
    const struct guest_paging *p = w->paging;
    bool user_page = (w->rights & ENTRY_USER) != 0;
    if (w->access == GUEST_FETCH) {
        bool kept_out = p->user ? !user_page : user_page && (p->cr4 & CR4_SMEP) != 0;
        return !kept_out && (w->rights & ENTRY_NX) == 0;
    }
    if (p->user && !user_page) {
        return false;
    }
    if (!p->user && user_page && (p->cr4 & CR4_SMAP) != 0 && (p->rflags & RFLAGS_AC) == 0) {
        return false;
    }
    return w->access == GUEST_READ || (w->rights & ENTRY_WRITE) != 0 ||
           (!p->user && (p->cr0 & CR0_WP) == 0);
}

/* Bits that must be 0 in a present entry of any level, SDM 5.3 to 5.5. */
static u64 always_reserved(const struct walk *w)
{
    const struct guest_paging *p = w->paging;
    u64 reserved = w->narrow ? 0 : bits_between(51, p->physical_width);
    reserved |= !w->narrow && (p->efer & EFER_NXE) == 0 ? ENTRY_NX : 0;
    return reserved | (!w->narrow && (p->efer & EFER_LMA) == 0 ? bits_between(62, 52) : 0);
}

/* The same with those that depend on the level, 1 to 5. */
static u64 reserved_bits(const struct walk *w, u32 level, bool leaf)
{
    const struct guest_paging *p = w->paging;
    if (w->narrow) {
        /* PSE-36: bits 20:13 are address bits 39:32 as far as the width goes. */
        u32 width = p->physical_width < 40 ? p->physical_width : 40;
        return level == 2 && leaf ? bits_between(21, width - 19) : 0;
    }
    if (leaf) {
        return w->reserved | (level > 1 ? ((1ull << (9 * level + 3)) - 1) & ~0x1fffull : 0);
    }
    return w->reserved | (level > 3 || (level == 3 && !p->giant_pages) ? ENTRY_LARGE : 0);
}

static bool is_leaf(const struct walk *w, u32 level, u64 entry)
{
    if (level == 1) {
        return true;
    }
    if ((entry & ENTRY_LARGE) == 0) {
        return false;
    }
    if (w->narrow) {
        return (w->paging->cr4 & CR4_PSE) != 0;
    }
    return level == 2 || (level == 3 && w->paging->giant_pages);
}

static void leave_trail(struct guest_walk_trail *trail, const volatile void *at, u64 value)
{
    if (trail != NULL && trail->count < GUEST_WALK_TRAIL) {
        trail->word[trail->count++] = (struct checked_word){at, value};
    }
}

bool guest_walk_trail_holds(const struct guest_walk_trail *trail)
{
    return trail->count != 0 && checked_equal(trail->word, trail->count);
}

static bool read_entry(const struct walk *w, u64 table, u32 level, u64 *entry)
{
    u32 index_bits = w->narrow ? 10 : 9;
    u32 size = w->narrow ? 4 : 8;
    u64 index = w->linear >> (12 + index_bits * (level - 1)) & ((1u << index_bits) - 1);
    const volatile void *at = w->memory->find(w->memory->ctx, (gpa_t){table + index * size}, size);
    *entry = 0;
    if (at == NULL || !checked_copy(entry, at, size)) {
        return false;
    }
    leave_trail(w->trail, at, *entry);
    return true;
}

/* Where the page of a leaf begins, and where in it the address lies. */
static u64 leaf_address(const struct walk *w, u32 level, u64 entry)
{
    u32 shift = 12 + (w->narrow ? 10 : 9) * (level - 1);
    u64 base = entry & bits_between(w->narrow ? 31 : 51, shift);
    if (w->narrow && level == 2) {
        base |= (entry >> 13 & 0xff) << 32;
    }
    return base | (w->linear & bits_between(shift - 1, 0));
}

static enum guest_walk descend(struct walk *w, u64 table, u32 level, gpa_t *out, u32 *error)
{
    w->reserved = always_reserved(w);
    for (;; level--) {
        u64 entry;
        if (!read_entry(w, table, level, &entry)) {
            return GUEST_WALK_NO_MEMORY;
        }
        bool leaf = is_leaf(w, level, entry);
        if ((entry & ENTRY_PRESENT) == 0) {
            *error = error_code(w, 0);
            return GUEST_WALK_FAULT;
        }
        if ((entry & reserved_bits(w, level, leaf)) != 0) {
            *error = error_code(w, ERROR_PRESENT | ERROR_RESERVED);
            return GUEST_WALK_FAULT;
        }
        w->rights = (w->rights & entry & (ENTRY_WRITE | ENTRY_USER)) | ((w->rights | entry) & ENTRY_NX);
        if (leaf) {
            out->v = leaf_address(w, level, entry);
            *error = error_code(w, ERROR_PRESENT);
            return is_allowed(w) ? GUEST_WALK_OK : GUEST_WALK_FAULT;
        }
        table = entry & bits_between(w->narrow ? 31 : 51, 12);
    }
}

enum guest_walk guest_walk(const struct guest_paging *paging, u64 linear, enum guest_access access,
                           const struct guest_memory *memory, struct guest_walk_trail *trail, gpa_t *out, u32 *error)
{
    struct walk w = {.paging = paging, .linear = linear, .access = access, .memory = memory, .trail = trail,
                     .rights = ENTRY_WRITE | ENTRY_USER};
    u64 root = paging->cr3 & bits_between(51, 12);
    *error = 0;
    if ((paging->cr0 & CR0_PG) == 0) {
        out->v = linear & 0xffffffff;
        return GUEST_WALK_OK;
    }
    if ((paging->efer & EFER_LMA) != 0) {
        return descend(&w, root, (paging->cr4 & CR4_LA57) != 0 ? 5 : 4, out, error);
    }
    w.linear = linear & 0xffffffff;
    if ((paging->cr4 & CR4_PAE) == 0) {
        w.narrow = true;
        return descend(&w, root & 0xffffffff, 2, out, error);
    }
    root = paging->pdpte[w.linear >> 30];
    if ((root & ENTRY_PRESENT) == 0) {
        *error = error_code(&w, 0);
        return GUEST_WALK_FAULT;
    }
    return descend(&w, root & bits_between(51, 12), 2, out, error);
}

bool guest_walk_read(const struct guest_memory *memory, gpa_t gpa, void *to, size_t len)
{
    const volatile u8 *from = memory->find(memory->ctx, gpa, len);
    return from != NULL && checked_copy(to, from, len);
}

size_t guest_walk_fetch(const struct guest_paging *paging, u64 linear, u8 *to, size_t len,
                        const struct guest_memory *memory, struct guest_walk_trail *trail)
{
    size_t done = 0;
    trail->count = 0;
    while (done < len) {
        size_t part = (size_t)(PAGE_SIZE - ((linear + done) & PAGE_MASK));
        part = part < len - done ? part : len - done;
        gpa_t gpa;
        u32 error;
        if (guest_walk(paging, linear + done, GUEST_FETCH, memory, trail, &gpa, &error) != GUEST_WALK_OK) {
            break;
        }
        const volatile u8 *at = memory->find(memory->ctx, gpa, part);
        if (at == NULL || !checked_copy(to + done, at, part)) {
            break;
        }
        done += part;
        if (part == len) { /* noted as two words that overlap */
            leave_trail(trail, at, ((const struct guest_walk_word *)(const void *)to)->v);
            leave_trail(trail, at + len - 8, ((const struct guest_walk_word *)(const void *)(to + len - 8))->v);
            return done;
        }
    }
    trail->count = 0;
    return done;
}
