/*
 * Registers of a unit, VT-d 11.4 (rev 5.10): offsets by width, fields as masks. GCMD
 * and GSTS are different registers; only iommu/vtd/unit.c writes GCMD.
 */
#ifndef NESTOR_IOMMU_SPEC_REGS_H
#define NESTOR_IOMMU_SPEC_REGS_H

#include "hv/types.h"

enum vtd_reg32 {
    VTD_VER = 0x00,      /* RO */
    VTD_GCMD = 0x18,     /* WO */
    VTD_GSTS = 0x1c,     /* RO */
    VTD_FSTS = 0x34,     /* W1C */
    VTD_FECTL = 0x38,
    VTD_FEDATA = 0x3c,
    VTD_FEADDR = 0x40,
    VTD_FEUADDR = 0x44,
    VTD_PMEN = 0x64,
    VTD_PLMBASE = 0x68,
    VTD_PLMLIMIT = 0x6c,
    VTD_ICS = 0x9c,      /* W1C */
    VTD_IECTL = 0xa0,
    VTD_IEDATA = 0xa4,
    VTD_IEADDR = 0xa8,
    VTD_IEUADDR = 0xac,
    VTD_PECTL = 0xe0,
    VTD_PEDATA = 0xe4,
    VTD_PEADDR = 0xe8,
    VTD_PEUADDR = 0xec,
};

enum vtd_reg64 {
    VTD_CAP = 0x08,      /* RO */
    VTD_ECAP = 0x10,     /* RO */
    VTD_RTADDR = 0x20,
    VTD_PHMBASE = 0x70,
    VTD_PHMLIMIT = 0x78,
    VTD_IQH = 0x80,      /* RO */
    VTD_IQT = 0x88,
    VTD_IQA = 0x90,
    VTD_IQERCD = 0xb0,   /* RO */
};

/* GCMD bits; the sticky ones stand at the same place in GSTS. */
enum vtd_gcmd {
    GCMD_IRE = 1 << 25,
    GCMD_QIE = 1 << 26,
    GCMD_WBF = 1 << 27,  /* one-shot */
    GCMD_SRTP = 1 << 30, /* one-shot */
    GCMD_TE = (int)(1u << 31),
};
/* One-shot bits must not be written back (VT-d 11.4.4.1). */
#define GSTS_STICKY 0x96ffffffu

/* RTADDR.TTM, bits 11:10. */
#define RTADDR_TTM_SCALABLE (1ull << 10)
#define RTADDR_TTM_ABORT (3ull << 10)
#define RTADDR_TTM_MASK (3ull << 10)

#define FSTS_PFO (1u << 0)
#define FSTS_PPF (1u << 1)
#define FSTS_IQE (1u << 4)
#define FSTS_ICE (1u << 5)
#define FSTS_ITE (1u << 6)
#define FSTS_W1C (FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE)

#define FECTL_IM (1u << 31)
#define PMEN_EPM (1u << 31)
#define PMEN_PRS (1u << 0)

#define IQA_DW (1ull << 11)

/* Fault record, second half (VT-d 11.4.14.2). */
#define FRCD_F (1ull << 63)

#endif
