/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a unit, VT-d 11.4 (rev 5.10): offsets by width, then what is in them. A flag is a mask;
 * a value of several bits is a FIELD. CAP and ECAP are in caps.h, fault records in faults.h.
 * RO: read-only, WO: write-only, W1C: a 1 clears; the rest is read and written.
 */
#ifndef NESTOR_IOMMU_SPEC_REGS_H
#define NESTOR_IOMMU_SPEC_REGS_H

#include "iommu/spec/field.h"

enum vtd_reg32 {
    VTD_VER = 0x00,      /* RO */
    VTD_GCMD = 0x18,     /* WO */
    VTD_GSTS = 0x1c,     /* RO */
    VTD_FSTS = 0x34,     /* FSTS_W1C; the rest RO */
    VTD_FECTL = 0x38,
    VTD_FEDATA = 0x3c,
    VTD_FEADDR = 0x40,
    VTD_FEUADDR = 0x44,
    VTD_PMEN = 0x64,     /* RO without CAP.PLMR and PHMR, like the regions */
    VTD_PLMBASE = 0x68,
    VTD_PLMLIMIT = 0x6c,
    VTD_ICS = 0x9c,      /* W1C */
    VTD_IECTL = 0xa0,
    VTD_IEDATA = 0xa4,
    VTD_IEADDR = 0xa8,
    VTD_IEUADDR = 0xac,
    VTD_PRS = 0xdc,      /* W1C */
    VTD_PECTL = 0xe0,
    VTD_PEDATA = 0xe4,
    VTD_PEADDR = 0xe8,
    VTD_PEUADDR = 0xec,
};

enum vtd_reg64 {
    VTD_CAP = 0x08,      /* RO */
    VTD_ECAP = 0x10,     /* RO */
    VTD_RTADDR = 0x20,   /* latched by GCMD.SRTP */
    VTD_CCMD = 0x28,
    VTD_PHMBASE = 0x70,
    VTD_PHMLIMIT = 0x78,
    VTD_IQH = 0x80,      /* RO */
    VTD_IQT = 0x88,
    VTD_IQA = 0x90,
    VTD_IQERCD = 0xb0,   /* RO */
    VTD_IRTA = 0xb8,     /* latched by GCMD.SIRTP */
    VTD_PQH = 0xc0,
    VTD_PQT = 0xc8,
    VTD_PQA = 0xd0,
};

/* From ECAP.IRO on. */
enum vtd_iotlb_reg64 {
    VTD_IVA = 0,         /* WO */
    VTD_IOTLB = 8,
    VTD_IOTLB_BYTES = 16,
};

/* VER, VT-d 11.4.1. */
enum vtd_ver { VER_MIN = FIELD(3, 0), VER_MAX = FIELD(7, 4) };

/* GCMD, VT-d 11.4.4.1. A one-shot bit is a command each time that it is written as 1. */
enum vtd_gcmd {
    GCMD_CFI = 1u << 23,
    GCMD_SIRTP = 1u << 24, /* one-shot */
    GCMD_IRE = 1u << 25,
    GCMD_QIE = 1u << 26,
    GCMD_WBF = 1u << 27,   /* one-shot */
    GCMD_SRTP = 1u << 30,  /* one-shot */
    GCMD_TE = 1u << 31,
};

/* GSTS, VT-d 11.4.4.2: each bit at the place of its command. */
enum vtd_gsts {
    GSTS_CFIS = GCMD_CFI,
    GSTS_IRTPS = GCMD_SIRTP, /* the table is taken */
    GSTS_IRES = GCMD_IRE,
    GSTS_QIES = GCMD_QIE,
    GSTS_WBFS = GCMD_WBF,    /* still flushing */
    GSTS_RTPS = GCMD_SRTP,   /* the table is taken */
    GSTS_TES = GCMD_TE,
    /* What may be written back to GCMD: all but the one-shot bits and those that are none any more. */
    GSTS_STICKY = 0x96ffffffu,
};

/* RTADDR, VT-d 11.4.5. */
enum vtd_rtaddr { RTADDR_SSIRWE = FIELD(7, 7), RTADDR_TTM = FIELD(11, 10), RTADDR_RTA = FIELD(63, 12) };
enum vtd_ttm { TTM_LEGACY = 0, TTM_SCALABLE = 1, TTM_RESERVED = 2, TTM_ABORT = 3 };

static inline enum vtd_ttm vtd_rtaddr_ttm(u64 rtaddr)
{
    return (enum vtd_ttm)field_get(&rtaddr, RTADDR_TTM);
}

/* CCMD, VT-d 11.4.6.1, IOTLB, 11.4.6.3, and IVA, 11.4.6.4. The granularities are those of descriptors. */
enum vtd_ccmd { CCMD_DID = FIELD(15, 0), CCMD_SID = FIELD(31, 16), CCMD_FM = FIELD(33, 32),
                CCMD_CAIG = FIELD(60, 59), CCMD_CIRG = FIELD(62, 61), CCMD_ICC = FIELD(63, 63) };
enum vtd_iotlb { IOTLB_DID = FIELD(47, 32), IOTLB_DW = FIELD(48, 48), IOTLB_DR = FIELD(49, 49),
                 IOTLB_IAIG = FIELD(58, 57), IOTLB_IIRG = FIELD(61, 60), IOTLB_IVT = FIELD(63, 63) };
enum vtd_iva { IVA_AM = FIELD(5, 0), IVA_IH = FIELD(6, 6), IVA_ADDR = FIELD(63, 12) };

/* FSTS, VT-d 11.4.7.1. */
enum vtd_fsts {
    FSTS_PFO = 1u << 0,
    FSTS_PPF = 1u << 1,
    FSTS_IQE = 1u << 4,
    FSTS_ICE = 1u << 5,
    FSTS_ITE = 1u << 6,
    FSTS_W1C = FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE,
};
enum vtd_fsts_field { FSTS_FRI = FIELD(15, 8) };

/* FECTL, IECTL and PECTL, VT-d 11.4.7.2, and what follows each: three groups of one shape. */
enum vtd_event { EVENT_IP = 1u << 30, /* RO */ EVENT_IM = 1u << 31 /* 1 out of reset */ };
enum vtd_event_group { EVENT_CTL = 0, EVENT_DATA = 4, EVENT_ADDR = 8, EVENT_UADDR = 12 };
/* EVENT_DATA, EVENT_ADDR and EVENT_UADDR; the data has 16 bits more in the extended interrupt mode. */
enum vtd_event_field { EVENT_IMD = FIELD(15, 0), EVENT_MA = FIELD(31, 2), EVENT_MUA = FIELD(31, 0) };

/* PMEN, VT-d 11.4.8.1. */
enum vtd_pmen { PMEN_PRS = 1u << 0, /* RO */ PMEN_EPM = 1u << 31 };

/* IQH, IQT, IQA, ICS and IQERCD, VT-d 11.4.9. Head and tail are offsets in bytes. */
enum vtd_iq { IQH_QH = FIELD(18, 4), IQT_QT = FIELD(18, 4), IQA_QS = FIELD(2, 0), IQA_IQA = FIELD(63, 12) };
enum vtd_iqa { IQA_DW = 1u << 11 };
enum vtd_ics { ICS_IWC = 1u << 0 };
enum vtd_iqercd { IQERCD_IQEI = FIELD(3, 0), IQERCD_ITESID = FIELD(47, 32), IQERCD_ICESID = FIELD(63, 48) };

/* IRTA, VT-d 11.4.10: 2^(S + 1) entries. */
enum vtd_irta { IRTA_S = FIELD(3, 0), IRTA_EIME = FIELD(11, 11), IRTA_IRTA = FIELD(63, 12) };

#endif
