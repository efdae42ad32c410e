/* SPDX-License-Identifier: BSD-2-Clause */
/* See mtrr.h. */
#include "hv/guest/mtrr.h"

enum {
    MSR_VARIABLE = 0x200,
    MSR_DEFAULT_TYPE = 0x2ff,
    DEFAULT_FIXED = 1 << 10,
    DEFAULT_ENABLE = 1 << 11,
    MASK_VALID = 1 << 11,
    FIXED_END = 1 << 20,
};

static const u32 fixed_msr[MTRR_FIXED] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                          0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

static bool is_type(u64 value)
{
    return value == MEM_UC || value == MEM_WC || value == MEM_WT || value == MEM_WP ||
           value == MEM_WB;
}

/* Which word of the copy, NULL if that register does not exist. */
static u64 *locate(struct mtrr *m, u32 msr)
{
    u32 variable = msr - MSR_VARIABLE;
    if (variable < 2 * m->variable_count) {
        return (variable & 1) != 0 ? &m->mask[variable / 2] : &m->base[variable / 2];
    }
    for (u32 i = 0; i < MTRR_FIXED; i++) {
        if (fixed_msr[i] == msr) {
            return &m->fixed[i];
        }
    }
    return msr == MSR_DEFAULT_TYPE ? &m->default_type : NULL;
}

bool mtrr_register(const struct mtrr *m, u32 n, u32 *msr)
{
    if (n < 2 * m->variable_count) {
        *msr = MSR_VARIABLE + n;
        return true;
    }
    n -= 2 * m->variable_count;
    *msr = n < MTRR_FIXED ? fixed_msr[n] : MSR_DEFAULT_TYPE;
    return n <= MTRR_FIXED;
}

bool mtrr_read(const struct mtrr *m, u32 msr, u64 *value)
{
    const u64 *word = locate((struct mtrr *)m, msr);
    if (word == NULL) {
        return false;
    }
    *value = *word;
    return true;
}

static bool is_fixed_value(u64 value)
{
    for (u32 i = 0; i < 8; i++) {
        if (!is_type(value >> 8 * i & 0xff)) {
            return false;
        }
    }
    return true;
}

/* Reserved bits and encodings, SDM 12.11.2. */
static bool is_valid(const struct mtrr *m, u32 msr, u64 value)
{
    u64 address = (1ull << m->physical_width) - PAGE_SIZE;
    if (msr == MSR_DEFAULT_TYPE) {
        return (value & ~0xcffull) == 0 && is_type(value & 0xff);
    }
    if (msr - MSR_VARIABLE >= 2 * m->variable_count) {
        return is_fixed_value(value);
    }
    if ((msr & 1) != 0) {
        return (value & ~(address | MASK_VALID)) == 0;
    }
    return (value & ~(address | 0xff)) == 0 && is_type(value & 0xff);
}

bool mtrr_write(struct mtrr *m, u32 msr, u64 value)
{
    u64 *word = locate(m, msr);
    if (word == NULL || !is_valid(m, msr, value)) {
        return false;
    }
    *word = value;
    return true;
}

void mtrr_write_back(struct mtrr *m, u32 variable_count, u32 physical_width)
{
    *m = (struct mtrr){.variable_count = least(variable_count, MTRR_VARIABLE), .physical_width = physical_width,
                       .default_type = DEFAULT_ENABLE | MEM_WB};
}

void mtrr_absent(struct mtrr *m)
{
    *m = (struct mtrr){.default_type = DEFAULT_ENABLE | MEM_WB};
}

bool mtrr_is_settled(const struct mtrr *m)
{
    return (m->default_type & DEFAULT_ENABLE) != 0;
}

bool mtrr_is_same(const struct mtrr *a, const struct mtrr *b)
{
    _Static_assert(sizeof(*a) % sizeof(u64) == 0 &&
                       sizeof(*a) == (2 * MTRR_VARIABLE + MTRR_FIXED + 2) * sizeof(u64),
                   "words without padding between them");
    const u64 *left = (const u64 *)(const void *)a;
    const u64 *right = (const u64 *)(const void *)b;
    u32 i = 0;
    while (i < sizeof(*a) / sizeof(u64) && left[i] == right[i]) {
        i++;
    }
    return i == sizeof(*a) / sizeof(u64);
}

/*
 *   0        80000        C0000        100000
 *   [ 8 x 64 KiB ][ 16 x 16 KiB ][ 64 x 4 KiB ]     a byte each, eight to a register
 */
static enum mem_type fixed_type(const struct mtrr *m, u64 addr, u64 *end)
{
    u32 shift = addr < 0x80000 ? 16 : addr < 0xc0000 ? 14 : 12;
    u64 first = addr < 0x80000 ? 0 : addr < 0xc0000 ? 0x80000 : 0xc0000;
    u64 n = (addr - first) >> shift;
    n += addr < 0x80000 ? 0 : addr < 0xc0000 ? 8 : 24;
    *end = ((addr >> shift) + 1) << shift;
    return (enum mem_type)(m->fixed[n / 8] >> 8 * (n % 8) & 0xff);
}

/*
 * Range n. A mask with holes describes several ranges; only the first is used, so that their number stays bounded.
 */
static bool variable_range(const struct mtrr *m, u32 n, u64 *start, u64 *end)
{
    u64 mask = m->mask[n] & ((1ull << m->physical_width) - PAGE_SIZE);
    u64 size = mask & (0 - mask);
    if ((m->mask[n] & MASK_VALID) == 0) {
        return false;
    }
    /* A mask of 0 matches everything. */
    size = mask == 0 ? 1ull << m->physical_width : size;
    *start = m->base[n] & mask;
    *end = *start + size;
    return true;
}

/* SDM 12.11.4.1. What it leaves undefined is uncacheable here. `types`: a bit for each type that overlaps here. */
static enum mem_type combine(u32 types, enum mem_type otherwise)
{
    switch (types) {
    case 0: return otherwise;
    case 1u << MEM_WC: return MEM_WC;
    case 1u << MEM_WP: return MEM_WP;
    case 1u << MEM_WB: return MEM_WB;
    case 1u << MEM_WT:
    case 1u << MEM_WT | 1u << MEM_WB: return MEM_WT;
    default: return MEM_UC;
    }
}

/* The type at addr, and an end before which it does not change; what follows may be of the same type. */
static enum mem_type type_at(const struct mtrr *m, u64 addr, u64 limit, u64 *end)
{
    u32 types = 0;
    *end = limit;
    if (!mtrr_is_settled(m)) {
        return MEM_UC;
    }
    if (addr < FIXED_END && (m->default_type & DEFAULT_FIXED) != 0) {
        return fixed_type(m, addr, end);
    }
    for (u32 i = 0; i < m->variable_count; i++) {
        u64 start;
        u64 stop;
        if (!variable_range(m, i, &start, &stop)) {
            continue;
        }
        u64 edge = addr < start ? start : addr < stop ? stop : limit;
        *end = edge < *end ? edge : *end;
        types |= addr >= start && addr < stop ? 1u << (m->base[i] & 7) : 0;
    }
    return combine(types, (enum mem_type)(m->default_type & 7));
}

enum mem_type mtrr_type(const struct mtrr *m, u64 addr, u64 limit, u64 *end)
{
    u64 next;
    enum mem_type type = type_at(m, addr, limit, &next);
    while (next < limit) {
        u64 after;
        if (type_at(m, next, limit, &after) != type) {
            break;
        }
        next = after;
    }
    *end = next < limit ? next : limit;
    return type;
}
