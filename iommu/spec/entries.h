/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation structures as field lists, VT-d chapter 9 (rev 5.10): each field with the bit numbers
 * printed there; enums, masks, dumps and tests derive from the lists. Ignored bits are listed too,
 * since guests set them; what no list names is reserved and must be 0 in a present entry.
 */
#ifndef NESTOR_IOMMU_SPEC_ENTRIES_H
#define NESTOR_IOMMU_SPEC_ENTRIES_H

#include "iommu/spec/field.h"

/* How many of each make a table; a PASID directory is sized by PDTS. */
enum { ROOT_ENTRIES = 256, CONTEXT_ENTRIES = 128, LEGACY_CONTEXT_ENTRIES = 256, PASID_DIR_ENTRIES_PER_PAGE = 512,
       PASIDS_PER_TABLE = 64 };

/*
 * Scalable-mode root entry, VT-d 9.2: two halves of a bus, devices 0-15 and 16-31. In legacy mode,
 * 9.1, the lower half is for the whole bus and the upper one is reserved.
 */
#define ROOT_ENTRY(X)                                                                      \
    X(LP,        0,   0) X(LCTP,     63,  12)                                              \
    X(UP,       64,  64) X(UCTP,    127,  76)

/* Scalable-mode context entry, VT-d 9.4. */
#define CONTEXT_ENTRY(X)                                                                   \
    X(P,         0,   0) X(FPD,       1,   1) X(DTE,       2,   2) X(PASIDE,    3,   3)    \
    X(PRE,       4,   4) X(HPTE,      5,   5) X(EPTR,      6,   6) X(PDTS,     11,   9)    \
    X(PASIDDIRPTR, 63, 12)                                                                 \
    X(RID_PASID, 83, 64) X(RID_PRIV, 84,  84)

/* Legacy-mode context entry, VT-d 9.3. */
#define LEGACY_CONTEXT_ENTRY(X)                                                            \
    X(P,         0,   0) X(FPD,       1,   1) X(TT,        3,   2) X(SSPTPTR,  63,  12)    \
    X(AW,       66,  64) X(IGN,      70,  67) X(DID,      87,  72)

/* Scalable-mode PASID directory entry, VT-d 9.5. */
#define PASID_DIR_ENTRY(X)                                                                 \
    X(P,         0,   0) X(FPD,       1,   1) X(SMPTBLPTR, 63,  12)

/* Scalable-mode PASID table entry, VT-d 9.6. */
#define PASID_ENTRY(X)                                                                     \
    X(P,         0,   0) X(FPD,       1,   1) X(AW,        4,   2) X(PGTT,      8,   6)    \
    X(SSADE,     9,   9) X(SSPTPTR,  63,  12)                                              \
    X(DID,      79,  64) X(PWSNP,    87,  87) X(PGSNP,    88,  88) X(CD,       89,  89)    \
    X(EMTE,     90,  90) X(PAT,     127,  96)                                              \
    X(SRE,     128, 128) X(FSPM,    131, 130) X(WPE,     132, 132) X(IGN,     134, 133)    \
    X(EAFE,    135, 135) X(FSPTPTR, 191, 140)                                              \
    X(HPTSZ,   257, 256) X(HPTPFD,  258, 258) X(HPTPTR,  319, 268) X(HPTDID,  335, 320)

/* First-stage paging entry, VT-d 9.7: what all levels have in common; PS from the second to FS_LARGEST_LEAF. */
#define FS_ENTRY(X)                                                                        \
    X(P,         0,   0) X(PS,        7,   7) X(ADDR,     51,  12)

/* Second-stage paging entry, VT-d 9.8: as FS_ENTRY; TM, once transient mapping, is reserved while SSIRWE is 0. */
#define SS_ENTRY(X)                                                                        \
    X(R,         0,   0) X(W,         1,   1) X(PS,        7,   7) X(SNP,      11,  11)    \
    X(ADDR,     51,  12) X(TM,       62,  62)

/* Interrupt remapping table entry, VT-d 9.9: remapped, IM = 0. */
#define IRTE_ENTRY(X)                                                                      \
    X(P,         0,   0) X(FPD,       1,   1) X(DM,        2,   2) X(RH,        3,   3)    \
    X(TM,        4,   4) X(DLM,       7,   5) X(AVL,      11,   8) X(IM,       15,  15)    \
    X(V,        23,  16) X(DST,      63,  32)                                              \
    X(SID,      79,  64) X(SQ,       81,  80) X(SVT,      83,  82)

/* The same, VT-d 9.10: posted, IM = 1. */
#define POSTED_IRTE_ENTRY(X)                                                               \
    X(P,         0,   0) X(FPD,       1,   1) X(AVL,      11,   8) X(URG,      14,  14)    \
    X(IM,       15,  15) X(VV,       23,  16) X(PDAL,     63,  38)                         \
    X(SID,      79,  64) X(SQ,       81,  80) X(SVT,      83,  82) X(PDAH,    127,  96)

#define ROOT_ENTRY_ENUM(name, hi, lo) ROOT_##name = FIELD(hi, lo),
enum root_field { ROOT_ENTRY(ROOT_ENTRY_ENUM) };
#undef ROOT_ENTRY_ENUM

#define CONTEXT_ENTRY_ENUM(name, hi, lo) CONTEXT_##name = FIELD(hi, lo),
enum context_field { CONTEXT_ENTRY(CONTEXT_ENTRY_ENUM) };
#undef CONTEXT_ENTRY_ENUM

#define LEGACY_CONTEXT_ENTRY_ENUM(name, hi, lo) LEGACY_CONTEXT_##name = FIELD(hi, lo),
enum legacy_context_field { LEGACY_CONTEXT_ENTRY(LEGACY_CONTEXT_ENTRY_ENUM) };
#undef LEGACY_CONTEXT_ENTRY_ENUM

#define PASID_DIR_ENTRY_ENUM(name, hi, lo) PASID_DIR_##name = FIELD(hi, lo),
enum pasid_dir_field { PASID_DIR_ENTRY(PASID_DIR_ENTRY_ENUM) };
#undef PASID_DIR_ENTRY_ENUM

#define PASID_ENTRY_ENUM(name, hi, lo) PASID_##name = FIELD(hi, lo),
enum pasid_field { PASID_ENTRY(PASID_ENTRY_ENUM) };
#undef PASID_ENTRY_ENUM

#define FS_ENTRY_ENUM(name, hi, lo) FS_##name = FIELD(hi, lo),
enum fs_field { FS_ENTRY(FS_ENTRY_ENUM) };
#undef FS_ENTRY_ENUM

#define SS_ENTRY_ENUM(name, hi, lo) SS_##name = FIELD(hi, lo),
enum ss_field { SS_ENTRY(SS_ENTRY_ENUM) };
#undef SS_ENTRY_ENUM

#define IRTE_ENTRY_ENUM(name, hi, lo) IRTE_##name = FIELD(hi, lo),
enum irte_field { IRTE_ENTRY(IRTE_ENTRY_ENUM) };
#undef IRTE_ENTRY_ENUM

#define POSTED_IRTE_ENTRY_ENUM(name, hi, lo) POSTED_IRTE_##name = FIELD(hi, lo),
enum posted_irte_field { POSTED_IRTE_ENTRY(POSTED_IRTE_ENTRY_ENUM) };
#undef POSTED_IRTE_ENTRY_ENUM

struct root_entry { u64 w[2]; };
struct context_entry { u64 w[4]; };
struct legacy_context_entry { u64 w[2]; };
struct pasid_dir_entry { u64 w[1]; };
struct pasid_entry { u64 w[8]; };
struct irte { u64 w[2]; };
_Static_assert(sizeof(struct root_entry) == 16, "VT-d 9.2");
_Static_assert(sizeof(struct context_entry) == 32, "VT-d 9.4");
_Static_assert(sizeof(struct legacy_context_entry) == 16, "VT-d 9.3");
_Static_assert(sizeof(struct pasid_dir_entry) == 8, "VT-d 9.5");
_Static_assert(sizeof(struct pasid_entry) == 64, "VT-d 9.6");
_Static_assert(sizeof(struct irte) == 16, "VT-d 9.9");

/* Accessors by type, so that a PASID field used on a context entry does not compile. */
static inline u64 root_get(const struct root_entry *e, enum root_field f)
{
    return field_get(e->w, (int)f);
}

static inline void root_set(struct root_entry *e, enum root_field f, u64 value)
{
    field_set(e->w, (int)f, value);
}

static inline u64 context_get(const struct context_entry *e, enum context_field f)
{
    return field_get(e->w, (int)f);
}

static inline void context_set(struct context_entry *e, enum context_field f, u64 value)
{
    field_set(e->w, (int)f, value);
}

static inline u64 legacy_context_get(const struct legacy_context_entry *e, enum legacy_context_field f)
{
    return field_get(e->w, (int)f);
}

static inline void legacy_context_set(struct legacy_context_entry *e, enum legacy_context_field f,
                                      u64 value)
{
    field_set(e->w, (int)f, value);
}

static inline u64 pasid_dir_get(const struct pasid_dir_entry *e, enum pasid_dir_field f)
{
    return field_get(e->w, (int)f);
}

static inline void pasid_dir_set(struct pasid_dir_entry *e, enum pasid_dir_field f, u64 value)
{
    field_set(e->w, (int)f, value);
}

static inline u64 pasid_get(const struct pasid_entry *e, enum pasid_field f)
{
    return field_get(e->w, (int)f);
}

static inline void pasid_set(struct pasid_entry *e, enum pasid_field f, u64 value)
{
    field_set(e->w, (int)f, value);
}

static inline u64 irte_get(const struct irte *e, enum irte_field f)
{
    return field_get(e->w, (int)f);
}

static inline void irte_set(struct irte *e, enum irte_field f, u64 value)
{
    field_set(e->w, (int)f, value);
}

/* CONTEXT_PDTS: PASIDs that the directory covers. */
static inline u32 pdts_pasids(u32 pdts)
{
    return 1u << (pdts + 13);
}

/* PASID_FSPM. */
enum fspm { FSPM_FOUR_LEVELS = 0, FSPM_FIVE_LEVELS = 1 };

/* A first-stage table covers 9 bits of the address; FS_LARGEST_LEAF: 1 GiB. A second-stage table is alike. */
enum { FS_ENTRIES = 512, FS_LARGEST_LEAF = 3, FS_LEVELS_MAX = 5, SS_ENTRIES = 512, SS_LARGEST_LEAF = 3 };

/* The lowest bit of an address that picks the entry of this level, 1 for pages of 4 KiB. */
static inline u32 fs_level_shift(u32 level)
{
    return 3 + 9 * level;
}

/* Of an entry that is present: it names a page, and no table. */
static inline bool fs_is_leaf(u64 entry, u32 level)
{
    return level == 1 || (level <= FS_LARGEST_LEAF && field_get(&entry, FS_PS) != 0);
}

static inline u32 ss_level_shift(u32 level)
{
    return fs_level_shift(level);
}

/* PASID_AW and LEGACY_CONTEXT_AW: levels of the second stage. */
static inline u32 aw_levels(u32 aw)
{
    return aw + 2;
}

static inline u32 levels_aw(u32 levels)
{
    return levels - 2;
}

/* LEGACY_CONTEXT_TT. */
enum legacy_tt {
    LEGACY_TT_SECOND_STAGE = 0,
    LEGACY_TT_DEVICE_TLB = 1,
    LEGACY_TT_PASS_THROUGH = 2,
};

/* PASID_PGTT. */
enum pgtt {
    PGTT_FIRST_STAGE = 1,
    PGTT_SECOND_STAGE = 2,
    PGTT_NESTED = 3,
    PGTT_PASS_THROUGH = 4,
};

/* IRTE_SVT: which source-ids may use the entry. With SQ, also one that differs in the bits of irte_sq_mask(). */
enum irte_svt { SVT_NONE = 0, SVT_SID = 1, SVT_BUSES = 2, SVT_RESERVED = 3 };

static inline u16 irte_sq_mask(u32 sq)
{
    static const u16 masks[] = {0, 4, 6, 7};
    return masks[sq & 3];
}

/* SVT_BUSES: the first and the last bus, both included. */
static inline u8 irte_first_bus(const struct irte *e)
{
    return (u8)(irte_get(e, IRTE_SID) >> 8);
}

static inline u8 irte_last_bus(const struct irte *e)
{
    return (u8)irte_get(e, IRTE_SID);
}

/* IRTE_DST while IRTA.EIME = 0: 8 bits of it, the others are reserved. */
enum irte_xapic_field { IRTE_XAPIC_DST = FIELD(47, 40) };

/* IRTA_S: entries that it says, VT-d 11.4.10. */
enum { IRTE_TABLE_MAX = 65536 };
static inline u32 irta_entries(u32 s)
{
    return 2u << s;
}

#endif
