/*
 * Translation structures of scalable mode as field lists, VT-d chapter 9 (rev
 * 5.10). One line a field with the bit numbers printed there; enums, masks, dumps
 * and tests derive from the lists. Ignored bits are listed too (guests set them);
 * what no list names is reserved and must be 0 in a present entry.
 */
#ifndef NESTOR_IOMMU_SPEC_ENTRIES_H
#define NESTOR_IOMMU_SPEC_ENTRIES_H

#include "hv/types.h"

/* A field is its two bit numbers in one int; words are 64 bits, no field spans two. */
#define FIELD(hi, lo) ((hi) << 10 | (lo))

static inline u32 field_lo(int field)
{
    return (u32)field & 0x3ff;
}

static inline u32 field_hi(int field)
{
    return (u32)field >> 10;
}

static inline u32 field_word(int field)
{
    return field_lo(field) / 64;
}

/* The field's bits in its word. */
static inline u64 field_mask(int field)
{
    u32 width = field_hi(field) - field_lo(field) + 1;
    return (~0ull >> (64 - width)) << (field_lo(field) % 64);
}

static inline u64 field_get(const u64 *words, int field)
{
    return (words[field_word(field)] & field_mask(field)) >> (field_lo(field) % 64);
}

static inline void field_set(u64 *words, int field, u64 value)
{
    u64 mask = field_mask(field);
    u64 *word = &words[field_word(field)];
    *word = (*word & ~mask) | ((value << (field_lo(field) % 64)) & mask);
}

/* Scalable-mode root entry, VT-d 9.2: two halves of a bus, devices 0-15 and 16-31. */
#define ROOT_ENTRY(X)                                                                      \
    X(LP,        0,   0) X(LCTP,     63,  12)                                              \
    X(UP,       64,  64) X(UCTP,    127,  76)

/* Scalable-mode context entry, VT-d 9.4. */
#define CONTEXT_ENTRY(X)                                                                   \
    X(P,         0,   0) X(FPD,       1,   1) X(DTE,       2,   2) X(PASIDE,    3,   3)    \
    X(PRE,       4,   4) X(HPTE,      5,   5) X(EPTR,      6,   6) X(PDTS,     11,   9)    \
    X(PASIDDIRPTR, 63, 12)                                                                 \
    X(RID_PASID, 83, 64) X(RID_PRIV, 84,  84)

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

#define ROOT_ENTRY_ENUM(name, hi, lo) ROOT_##name = FIELD(hi, lo),
enum root_field { ROOT_ENTRY(ROOT_ENTRY_ENUM) };
#undef ROOT_ENTRY_ENUM

#define CONTEXT_ENTRY_ENUM(name, hi, lo) CONTEXT_##name = FIELD(hi, lo),
enum context_field { CONTEXT_ENTRY(CONTEXT_ENTRY_ENUM) };
#undef CONTEXT_ENTRY_ENUM

#define PASID_DIR_ENTRY_ENUM(name, hi, lo) PASID_DIR_##name = FIELD(hi, lo),
enum pasid_dir_field { PASID_DIR_ENTRY(PASID_DIR_ENTRY_ENUM) };
#undef PASID_DIR_ENTRY_ENUM

#define PASID_ENTRY_ENUM(name, hi, lo) PASID_##name = FIELD(hi, lo),
enum pasid_field { PASID_ENTRY(PASID_ENTRY_ENUM) };
#undef PASID_ENTRY_ENUM

struct root_entry { u64 w[2]; };
struct context_entry { u64 w[4]; };
struct pasid_dir_entry { u64 w[1]; };
struct pasid_entry { u64 w[8]; };
_Static_assert(sizeof(struct root_entry) == 16, "VT-d 9.2");
_Static_assert(sizeof(struct context_entry) == 32, "VT-d 9.4");
_Static_assert(sizeof(struct pasid_dir_entry) == 8, "VT-d 9.5");
_Static_assert(sizeof(struct pasid_entry) == 64, "VT-d 9.6");

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

/* PASID_PGTT. */
enum pgtt {
    PGTT_FIRST_STAGE = 1,
    PGTT_SECOND_STAGE = 2,
    PGTT_NESTED = 3,
    PGTT_PASS_THROUGH = 4,
};

/* Reasons of VT-d table 30 that table walks end in, each with the row's name there. */
#define VTD_FAULT_REASONS(X)                                                               \
    X(NONE, 0x00, "-")                                                                     \
    X(LEGACY_ROOT_NOT_PRESENT, 0x01, "LRT.2")                                              \
    X(LEGACY_CONTEXT_NOT_PRESENT, 0x02, "LCT.2")                                           \
    X(LEGACY_CONTEXT_INVALID, 0x03, "LCT.4")                                               \
    X(LEGACY_ROOT_ACCESS, 0x08, "LRT.1")                                                   \
    X(LEGACY_CONTEXT_ACCESS, 0x09, "LCT.1")                                                \
    X(LEGACY_ROOT_RESERVED, 0x0a, "LRT.3")                                                 \
    X(LEGACY_CONTEXT_RESERVED, 0x0b, "LCT.3")                                              \
    X(TTM_INVALID, 0x30, "RTA.1")                                                          \
    X(LEGACY_WITH_PASID, 0x31, "RTA.2")                                                    \
    X(ABORT_DMA, 0x33, "RTA.4")                                                            \
    X(ROOT_ACCESS, 0x38, "SRT.1")                                                          \
    X(ROOT_NOT_PRESENT, 0x39, "SRT.2")                                                     \
    X(ROOT_RESERVED, 0x3a, "SRT.3")                                                        \
    X(CONTEXT_ACCESS, 0x40, "SCT.1")                                                       \
    X(CONTEXT_NOT_PRESENT, 0x41, "SCT.2")                                                  \
    X(CONTEXT_RESERVED, 0x42, "SCT.3")                                                     \
    X(CONTEXT_INVALID, 0x43, "SCT.4")                                                      \
    X(PASID_NOT_ENABLED, 0x45, "SCT.6")                                                    \
    X(PASID_OVER_PDTS, 0x46, "SCT.7")                                                      \
    X(PASID_IS_RID_PASID, 0x48, "SCT.9")                                                   \
    X(PASID_DIR_ACCESS, 0x50, "SPD.1")                                                     \
    X(PASID_DIR_NOT_PRESENT, 0x51, "SPD.2")                                                \
    X(PASID_DIR_RESERVED, 0x52, "SPD.3")                                                   \
    X(PASID_ENTRY_ACCESS, 0x58, "SPT.1")                                                   \
    X(PASID_ENTRY_NOT_PRESENT, 0x59, "SPT.2")                                              \
    X(PASID_ENTRY_RESERVED, 0x5a, "SPT.3")                                                 \
    X(PASID_ENTRY_INVALID, 0x5b, "SPT.4")                                                  \
    X(FS_ENTRY_ACCESS, 0x70, "SFS.1")                                                      \
    X(FS_ENTRY_NOT_PRESENT, 0x71, "SFS.2")                                                 \
    X(FS_ENTRY_RESERVED, 0x72, "SFS.3")                                                    \
    X(FS_ROOT_ACCESS, 0x73, "SFS.4")                                                       \
    X(HOST_ADDRESS_WIDTH, 0x83, "SGN.4")                                                   \
    X(INTERRUPT_RANGE, 0x87, "SGN.8")                                                      \
    X(PASID_OVER_PSS, 0x89, "SGN.10")                                                      \
    X(FS_AD_UPDATE_FAILED, 0x91, "SFS.10")

#define VTD_FAULT_ENUM(name, code, row) VTD_FAULT_##name = (code),
enum vtd_fault_reason { VTD_FAULT_REASONS(VTD_FAULT_ENUM) };
#undef VTD_FAULT_ENUM

#endif
