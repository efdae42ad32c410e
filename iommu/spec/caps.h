/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capability registers of a unit as field lists, VT-d 11.4.2 and 11.4.3 (rev
 * 5.10): one line a field with the bit numbers printed there. Values that the
 * register encodes with a bias or a scale are decoded by the accessors below, so
 * that nobody else knows the encoding.
 */
#ifndef NESTOR_IOMMU_SPEC_CAPS_H
#define NESTOR_IOMMU_SPEC_CAPS_H

#include "iommu/spec/field.h"

/* What is not listed is reserved or without a meaning by now. */
#define VTD_CAP_FIELDS(X)                                                        \
    X(ND,       2,  0) X(RWBF,     4,  4) X(PLMR,     5,  5) X(PHMR,     6,  6)  \
    X(CM,       7,  7) X(SAGAW,   12,  8) X(MGAW,    21, 16) X(ZLR,     22, 22)  \
    X(FRO,     33, 24) X(SSLPS,   37, 34) X(PSI,     39, 39) X(NFR,     47, 40)  \
    X(MAMV,    53, 48) X(DWD,     54, 54) X(DRD,     55, 55) X(FS1GP,   56, 56)  \
    X(PI,      59, 59) X(FS5LP,   60, 60) X(ECMDS,   61, 61) X(ESIRTPS, 62, 62)  \
    X(ESRTPS,  63, 63)

#define VTD_ECAP_FIELDS(X)                                                       \
    X(C,        0,  0) X(QI,       1,  1) X(DT,       2,  2) X(IR,       3,  3)  \
    X(EIM,      4,  4) X(PT,       6,  6) X(SC,       7,  7) X(IRO,     17,  8)  \
    X(MHMV,    23, 20) X(MTS,     25, 25) X(NEST,    26, 26) X(PRS,     29, 29)  \
    X(SRS,     31, 31) X(NWFS,    33, 33) X(EAFS,    34, 34) X(PSS,     39, 35)  \
    X(PASID,   40, 40) X(DIT,     41, 41) X(PDS,     42, 42) X(SMTS,    43, 43)  \
    X(VCS,     44, 44) X(SSADS,   45, 45) X(SSTS,    46, 46) X(FSTS,    47, 47)  \
    X(SMPWCS,  48, 48) X(RPS,     49, 49) X(TDXCS,   50, 50) X(PMS,     51, 51)  \
    X(ADMS,    52, 52) X(RPRIVS,  53, 53) X(HPTS,    55, 55) X(PTRS,    56, 56)  \
    X(SSIRWS,  57, 57) X(SMS,     58, 58) X(HPT1GPS, 59, 59) X(RDTS,    60, 60)  \
    X(EIMER,   61, 61) X(IRREQ,   62, 62)

#define VTD_CAP_ENUM(name, hi, lo) VTD_CAP_##name = FIELD(hi, lo),
enum vtd_cap_field { VTD_CAP_FIELDS(VTD_CAP_ENUM) };
#undef VTD_CAP_ENUM

#define VTD_ECAP_ENUM(name, hi, lo) VTD_ECAP_##name = FIELD(hi, lo),
enum vtd_ecap_field { VTD_ECAP_FIELDS(VTD_ECAP_ENUM) };
#undef VTD_ECAP_ENUM

/* The register's own bits, encoding included. */
static inline u64 vtd_cap_get(u64 cap, enum vtd_cap_field field)
{
    return field_get(&cap, (int)field);
}

static inline u64 vtd_ecap_get(u64 ecap, enum vtd_ecap_field field)
{
    return field_get(&ecap, (int)field);
}

/* Number of domain ids: 16 to 65536; 0 for the reserved encoding. */
static inline u32 vtd_cap_domain_ids(u64 cap)
{
    u32 nd = (u32)vtd_cap_get(cap, VTD_CAP_ND);
    return nd == 7 ? 0 : 1u << (4 + 2 * nd);
}

/* The bits of a domain id that the unit looks at. */
static inline u32 vtd_cap_did_mask(u64 cap)
{
    return (1u << (4 + 2 * (u32)vtd_cap_get(cap, VTD_CAP_ND))) - 1;
}

/* Bit n: n-level second stage (3: 39, 4: 48, 5: 57 bits). */
static inline u32 vtd_cap_ss_levels(u64 cap)
{
    return ((u32)vtd_cap_get(cap, VTD_CAP_SAGAW) & 0xe) << 2;
}

/* Largest second-stage input address, in bits. */
static inline u32 vtd_cap_mgaw(u64 cap)
{
    return (u32)vtd_cap_get(cap, VTD_CAP_MGAW) + 1;
}

/* Bits of the input addresses that a walk of so many levels translates. */
static inline u32 vtd_cap_ss_width(u64 cap, u32 levels)
{
    return least(vtd_cap_mgaw(cap), PAGE_SHIFT + 9 * levels);
}

/* Second-stage page sizes in bytes, or-ed. */
static inline u64 vtd_cap_ss_page_sizes(u64 cap)
{
    u64 large = vtd_cap_get(cap, VTD_CAP_SSLPS);
    return PAGE_SIZE | (large & 1) << 21 | (large >> 1 & 1) << 30;
}

/* Byte offset and number of the fault records (16 bytes each). */
static inline u32 vtd_cap_fault_offset(u64 cap)
{
    return (u32)vtd_cap_get(cap, VTD_CAP_FRO) * 16;
}

static inline u32 vtd_cap_fault_records(u64 cap)
{
    return (u32)vtd_cap_get(cap, VTD_CAP_NFR) + 1;
}

/* Byte offset of IVA; IOTLB follows it. */
static inline u32 vtd_ecap_iotlb_offset(u64 ecap)
{
    return (u32)vtd_ecap_get(ecap, VTD_ECAP_IRO) * 16;
}

/* Bits of a PASID; 0 when requests carry none. */
static inline u32 vtd_ecap_pasid_width(u64 ecap)
{
    return vtd_ecap_get(ecap, VTD_ECAP_PASID) == 0 ? 0
                                                   : (u32)vtd_ecap_get(ecap, VTD_ECAP_PSS) + 1;
}

/* Bit n: n-level first stage. */
static inline u32 vtd_caps_fs_levels(u64 cap, u64 ecap)
{
    if (vtd_ecap_get(ecap, VTD_ECAP_FSTS) == 0) {
        return 0;
    }
    return 1u << 4 | (u32)vtd_cap_get(cap, VTD_CAP_FS5LP) << 5;
}

/* Bytes that the registers take at least; the window of the DMAR table may be smaller by mistake. */
static inline u32 vtd_caps_register_bytes(u64 cap, u64 ecap)
{
    u32 faults = vtd_cap_fault_offset(cap) + 16 * vtd_cap_fault_records(cap);
    u32 iotlb = vtd_ecap_iotlb_offset(ecap) + 16;
    u32 last = faults > iotlb ? faults : iotlb;
    return last <= PAGE_SIZE ? (u32)PAGE_SIZE : (u32)((last + PAGE_MASK) & ~PAGE_MASK);
}

/* What Nestor can do with a unit, VT-d 11.4.3: NEST needs SMTS, FSTS and SSTS. */
enum vtd_ability {
    VTD_ABILITY_NONE,         /* no usable translation: `why` says what is missing */
    VTD_ABILITY_LEGACY,       /* no scalable mode: second stage by legacy context entries */
    VTD_ABILITY_SECOND_STAGE, /* scalable mode without nesting */
    VTD_ABILITY_NESTED,
};

/* *why: one clause for a person, never NULL. */
enum vtd_ability vtd_caps_ability(u64 cap, u64 ecap, const char **why);
const char *vtd_ability_text(enum vtd_ability ability);

/*
 * The register's fields that are not zero, in the order of their bits, as
 * "ND=65536 SAGAW=39,48 PSI ...": flags by name, values decoded. Always terminated and
 * never cut: VTD_CAPS_TEXT is enough for a register of all ones.
 */
enum { VTD_CAPS_TEXT = 320 };
void vtd_cap_text(u64 cap, char text[VTD_CAPS_TEXT]);
void vtd_ecap_text(u64 ecap, char text[VTD_CAPS_TEXT]);

#endif
