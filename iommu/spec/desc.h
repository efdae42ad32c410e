/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of the invalidation queue, VT-d 6.5.2 (rev 5.10): types, fields as printed there, and a
 * constructor for each that Nestor sends. What a list does not name must be 0.
 */
#ifndef NESTOR_IOMMU_SPEC_DESC_H
#define NESTOR_IOMMU_SPEC_DESC_H

#include "iommu/spec/field.h"

/* 256 bits; on a queue of 128-bit descriptors the upper half has no place and must be 0. */
struct vtd_desc { u64 w[4]; };

/* The first four of its bits in 3:0, the others in 11:9; no type so far has one of those. */
enum vtd_desc_type {
    DESC_CONTEXT_CACHE = 1,
    DESC_IOTLB = 2,
    DESC_DEVICE_TLB = 3,
    DESC_INTERRUPT_ENTRY = 4,
    DESC_WAIT = 5,
    DESC_PASID_IOTLB = 6,      /* from here on in descriptors of 256 bits only */
    DESC_PASID_CACHE = 7,
    DESC_PASID_DEVICE_TLB = 8,
    DESC_PAGE_RESPONSE = 9,
    DESC_HPT_CACHE = 10,
};

/* Every descriptor. */
#define DESC_FIELDS(X)                                                                           \
    X(TYPE,      3,   0) X(TYPE_HIGH, 11,   9)

/* Context-cache invalidate, VT-d 6.5.2.1. In scalable mode DID is ignored. */
#define DESC_CONTEXT_CACHE_FIELDS(X)                                                             \
    X(TYPE,      3,   0) X(G,         5,   4) X(DID,      31,  16) X(SID,      47,  32)          \
    X(FM,       49,  48)

/* PASID-cache invalidate, VT-d 6.5.2.2. */
#define DESC_PASID_CACHE_FIELDS(X)                                                               \
    X(TYPE,      3,   0) X(G,         5,   4) X(DID,      31,  16) X(PASID,    51,  32)

/* IOTLB invalidate, VT-d 6.5.2.3. */
#define DESC_IOTLB_FIELDS(X)                                                                     \
    X(TYPE,      3,   0) X(G,         5,   4) X(DW,        6,   6) X(DR,        7,   7)          \
    X(DID,      31,  16) X(AM,       69,  64) X(IH,       70,  70) X(ADDR,    127,  76)

/* PASID-based IOTLB invalidate, VT-d 6.5.2.4. */
#define DESC_PASID_IOTLB_FIELDS(X)                                                               \
    X(TYPE,      3,   0) X(G,         5,   4) X(DID,      31,  16) X(PASID,    51,  32)          \
    X(AM,       69,  64) X(IH,       70,  70) X(ADDR,    127,  76)

/* Interrupt entry cache invalidate, VT-d 6.5.2.7. */
#define DESC_INTERRUPT_ENTRY_FIELDS(X)                                                           \
    X(TYPE,      3,   0) X(G,         4,   4) X(IM,       31,  27) X(IIDX,     47,  32)

/* Invalidation wait, VT-d 6.5.2.9. */
#define DESC_WAIT_FIELDS(X)                                                                      \
    X(TYPE,      3,   0) X(IF,        4,   4) X(SW,        5,   5) X(FN,        6,   6)          \
    X(PD,        7,   7) X(DATA,     63,  32) X(ADDR,    127,  66)

#define DESC_ENUM(name, hi, lo) DESC_##name = FIELD(hi, lo),
enum desc_field { DESC_FIELDS(DESC_ENUM) };
#undef DESC_ENUM

#define DESC_ENUM(name, hi, lo) DESC_CONTEXT_CACHE_##name = FIELD(hi, lo),
enum desc_context_cache_field { DESC_CONTEXT_CACHE_FIELDS(DESC_ENUM) };
#undef DESC_ENUM

#define DESC_ENUM(name, hi, lo) DESC_PASID_CACHE_##name = FIELD(hi, lo),
enum desc_pasid_cache_field { DESC_PASID_CACHE_FIELDS(DESC_ENUM) };
#undef DESC_ENUM

#define DESC_ENUM(name, hi, lo) DESC_IOTLB_##name = FIELD(hi, lo),
enum desc_iotlb_field { DESC_IOTLB_FIELDS(DESC_ENUM) };
#undef DESC_ENUM

#define DESC_ENUM(name, hi, lo) DESC_PASID_IOTLB_##name = FIELD(hi, lo),
enum desc_pasid_iotlb_field { DESC_PASID_IOTLB_FIELDS(DESC_ENUM) };
#undef DESC_ENUM

#define DESC_ENUM(name, hi, lo) DESC_INTERRUPT_ENTRY_##name = FIELD(hi, lo),
enum desc_interrupt_entry_field { DESC_INTERRUPT_ENTRY_FIELDS(DESC_ENUM) };
#undef DESC_ENUM

#define DESC_ENUM(name, hi, lo) DESC_WAIT_##name = FIELD(hi, lo),
enum desc_wait_field { DESC_WAIT_FIELDS(DESC_ENUM) };
#undef DESC_ENUM

/* DESC_CONTEXT_CACHE_FM, table 21: the bits of the function number that do not count. */
static inline u16 desc_fm_mask(u32 fm)
{
    static const u16 masks[] = {0, 4, 6, 7};
    return masks[fm & 3];
}

/* G, of each type its own. */
enum context_cache_granularity { CONTEXT_CACHE_GLOBAL = 1, CONTEXT_CACHE_DOMAIN = 2, CONTEXT_CACHE_DEVICE = 3 };
enum pasid_cache_granularity { PASID_CACHE_DOMAIN = 0, PASID_CACHE_PASID = 1, PASID_CACHE_GLOBAL = 3 };
enum iotlb_granularity { IOTLB_GLOBAL = 1, IOTLB_DOMAIN = 2, IOTLB_PAGE = 3 };
enum pasid_iotlb_granularity { PASID_IOTLB_PASID = 2, PASID_IOTLB_PAGE = 3 };
enum interrupt_entry_granularity { INTERRUPT_ENTRY_GLOBAL = 0, INTERRUPT_ENTRY_INDEX = 1 };

/* IQERCD.IQEI, VT-d 11.4.9.9: what the unit says is wrong with a descriptor or with its queue. */
enum iqei {
    IQEI_NONE = 0,       /* a unit that does not say */
    IQEI_TAIL = 1,
    IQEI_FETCH = 2,
    IQEI_TYPE = 3,
    IQEI_RESERVED = 4,
    IQEI_WIDTH = 5,
    IQEI_TAIL_ALIGN = 6,
    IQEI_TTM = 7,
};

static inline struct vtd_desc vtd_desc_context_global(void)
{
    return (struct vtd_desc){{DESC_CONTEXT_CACHE | field_put(DESC_CONTEXT_CACHE_G, CONTEXT_CACHE_GLOBAL)}};
}

static inline struct vtd_desc vtd_desc_context_device(u16 did, u16 sid)
{
    return (struct vtd_desc){{DESC_CONTEXT_CACHE | field_put(DESC_CONTEXT_CACHE_G, CONTEXT_CACHE_DEVICE) |
                              field_put(DESC_CONTEXT_CACHE_DID, did) | field_put(DESC_CONTEXT_CACHE_SID, sid)}};
}

static inline struct vtd_desc vtd_desc_pasid_cache_global(void)
{
    return (struct vtd_desc){{DESC_PASID_CACHE | field_put(DESC_PASID_CACHE_G, PASID_CACHE_GLOBAL)}};
}

static inline struct vtd_desc vtd_desc_pasid_cache_domain(u16 did)
{
    return (struct vtd_desc){{DESC_PASID_CACHE | field_put(DESC_PASID_CACHE_G, PASID_CACHE_DOMAIN) |
                              field_put(DESC_PASID_CACHE_DID, did)}};
}

static inline struct vtd_desc vtd_desc_pasid_cache(u16 did, u32 pasid)
{
    return (struct vtd_desc){{DESC_PASID_CACHE | field_put(DESC_PASID_CACHE_G, PASID_CACHE_PASID) |
                              field_put(DESC_PASID_CACHE_DID, did) | field_put(DESC_PASID_CACHE_PASID, pasid)}};
}

/* All IOTLB invalidations drain: reads and writes under way leave first (VT-d 6.5.4). */
static inline struct vtd_desc vtd_desc_iotlb(enum iotlb_granularity g, u16 did)
{
    return (struct vtd_desc){{DESC_IOTLB | field_put(DESC_IOTLB_G, g) | field_put(DESC_IOTLB_DW, 1) |
                              field_put(DESC_IOTLB_DR, 1) | field_put(DESC_IOTLB_DID, did)}};
}

static inline struct vtd_desc vtd_desc_iotlb_global(void)
{
    return vtd_desc_iotlb(IOTLB_GLOBAL, 0);
}

static inline struct vtd_desc vtd_desc_iotlb_domain(u16 did)
{
    return vtd_desc_iotlb(IOTLB_DOMAIN, did);
}

/*
 * 2^order pages of 4 KiB at addr, which is aligned to that. IH stays 0: table pages may have gone,
 * so structure caches must go too.
 */
static inline struct vtd_desc vtd_desc_iotlb_pages(u16 did, u64 addr, u32 order)
{
    struct vtd_desc d = vtd_desc_iotlb(IOTLB_PAGE, did);
    d.w[1] = (addr & ~PAGE_MASK) | order;
    return d;
}

static inline struct vtd_desc vtd_desc_pasid_iotlb(u16 did, u32 pasid)
{
    return (struct vtd_desc){{DESC_PASID_IOTLB | field_put(DESC_PASID_IOTLB_G, PASID_IOTLB_PASID) |
                              field_put(DESC_PASID_IOTLB_DID, did) | field_put(DESC_PASID_IOTLB_PASID, pasid)}};
}

/* reach: the second word, with AM, IH and ADDR. */
static inline struct vtd_desc vtd_desc_pasid_iotlb_pages(u16 did, u32 pasid, u64 reach)
{
    return (struct vtd_desc){{DESC_PASID_IOTLB | field_put(DESC_PASID_IOTLB_G, PASID_IOTLB_PAGE) |
                              field_put(DESC_PASID_IOTLB_DID, did) | field_put(DESC_PASID_IOTLB_PASID, pasid),
                              reach}};
}

static inline struct vtd_desc vtd_desc_interrupt_entry_global(void)
{
    return (struct vtd_desc){{DESC_INTERRUPT_ENTRY | field_put(DESC_INTERRUPT_ENTRY_G, INTERRUPT_ENTRY_GLOBAL)}};
}

/* 2^mask entries from index on, which is aligned to that; mask is at most ECAP.MHMV. */
static inline struct vtd_desc vtd_desc_interrupt_entries(u16 index, u32 mask)
{
    return (struct vtd_desc){{DESC_INTERRUPT_ENTRY | field_put(DESC_INTERRUPT_ENTRY_G, INTERRUPT_ENTRY_INDEX) |
                              field_put(DESC_INTERRUPT_ENTRY_IM, mask) | field_put(DESC_INTERRUPT_ENTRY_IIDX, index)}};
}

/* flags: DESC_WAIT_IF, SW and FN, each by field_put(). addr is aligned to 4 bytes. */
static inline struct vtd_desc vtd_desc_wait(u64 flags, u32 data, u64 addr)
{
    return (struct vtd_desc){{DESC_WAIT | flags | field_put(DESC_WAIT_DATA, data), addr}};
}

#endif
