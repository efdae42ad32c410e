/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register file of the guest's unit as a contract: which of the specification's registers exist,
 * how wide they are, which bits software may write. The engine in regs.c serves accesses of any size
 * from this table; side effects are in the handlers that it names.
 */
#ifndef NESTOR_IOMMU_VIOMMU_REGISTERS_H
#define NESTOR_IOMMU_VIOMMU_REGISTERS_H

#include "iommu/spec/regs.h"

/*
 * VT-d 11.4. name, bytes, writable bits, write-1-to-clear bits, side effect.
 * PMEN and the protected regions are read-only without PLMR/PHMR and so not listed
 * (they read 0), like all of page requests, MTRRs, ECMD, VCMD.
 */
#define VIOMMU_FIXED_REGS(X)                                                                     \
    X(VER,     4, 0,                                     0,        NONE)                         \
    X(CAP,     8, 0,                                     0,        NONE)                         \
    X(ECAP,    8, 0,                                     0,        NONE)                         \
    X(GCMD,    4, ~0u,                                   0,        GCMD)        /* reads 0 */    \
    X(GSTS,    4, 0,                                     0,        NONE)                         \
    X(RTADDR,  8, FIELD_MASK(RTADDR_RTA) | FIELD_MASK(RTADDR_TTM), 0, NONE)     /* see SRTP */   \
    X(CCMD,    8, FIELD_MASK(CCMD_ICC) | FIELD_MASK(CCMD_CIRG) | FIELD_MASK(CCMD_FM) |           \
                  FIELD_MASK(CCMD_SID) | FIELD_MASK(CCMD_DID), 0,  CCMD)                         \
    X(FSTS,    4, 0,                                     FSTS_W1C, FSTS)                         \
    X(FECTL,   4, EVENT_IM,                              0,        FAULT_EVENT)                  \
    X(FEDATA,  4, FIELD_MASK(EVENT_IMD),                 0,        FAULT_EVENT)                  \
    X(FEADDR,  4, FIELD_MASK(EVENT_MA),                  0,        FAULT_EVENT)                  \
    X(FEUADDR, 4, FIELD_MASK(EVENT_MUA),                 0,        FAULT_EVENT)                  \
    X(IQH,     8, 0,                                     0,        NONE)                         \
    X(IQT,     8, FIELD_MASK(IQT_QT),                    0,        IQT)                          \
    X(IQA,     8, FIELD_MASK(IQA_IQA) | IQA_DW | FIELD_MASK(IQA_QS), 0, IQA)                     \
    X(ICS,     4, 0,                                     ICS_IWC,  ICS)                          \
    X(IECTL,   4, EVENT_IM,                              0,        DONE_EVENT)                   \
    X(IEDATA,  4, FIELD_MASK(EVENT_IMD),                 0,        DONE_EVENT)                   \
    X(IEADDR,  4, FIELD_MASK(EVENT_MA),                  0,        DONE_EVENT)                   \
    X(IEUADDR, 4, FIELD_MASK(EVENT_MUA),                 0,        DONE_EVENT)                   \
    X(IQERCD,  8, 0,                                     0,        NONE)                         \
    X(IRTA,    8, FIELD_MASK(IRTA_IRTA) | FIELD_MASK(IRTA_EIME) | FIELD_MASK(IRTA_S), 0, IRTA)   /* see SIRTP */
/* ECAP.IRO says where these two stand. */
#define VIOMMU_MOVED_REGS(X)                                                                     \
    X(IVA,     8, FIELD_MASK(IVA_ADDR) | FIELD_MASK(IVA_IH) | FIELD_MASK(IVA_AM), 0, IVA) /* reads 0 */ \
    X(IOTLB,   8, FIELD_MASK(IOTLB_IVT) | FIELD_MASK(IOTLB_IIRG) | FIELD_MASK(IOTLB_DR) |        \
                  FIELD_MASK(IOTLB_DW) | FIELD_MASK(IOTLB_DID), 0, IOTLB)
#define VIOMMU_REGS(X) VIOMMU_FIXED_REGS(X) VIOMMU_MOVED_REGS(X)

enum viommu_reg {
#define VIOMMU_REG_ENUM(name, bytes, writable, w1c, effect) VREG_##name,
    VIOMMU_REGS(VIOMMU_REG_ENUM)
#undef VIOMMU_REG_ENUM
    VREG_COUNT
};

#endif
