/*
 * The register file of the guest's unit as a contract: what exists, how wide it is, which bits
 * software may write. The engine in regs.c serves accesses of any size from this table; side
 * effects are in the handlers that it names.
 */
#ifndef NESTOR_IOMMU_VIOMMU_REGISTERS_H
#define NESTOR_IOMMU_VIOMMU_REGISTERS_H

#include "hv/types.h"

/*
 * VT-d 11.4. name, offset, bytes, writable bits, write-1-to-clear bits, side effect.
 * PMEN and the protected regions are read-only without PLMR/PHMR and so not listed
 * (they read 0), like all of interrupt remapping, page requests, MTRRs, ECMD, VCMD.
 */
#define VIOMMU_FIXED_REGS(X)                                                               \
    X(VER,    0x000, 4, 0,                     0,          NONE)                           \
    X(CAP,    0x008, 8, 0,                     0,          NONE)                           \
    X(ECAP,   0x010, 8, 0,                     0,          NONE)                           \
    X(GCMD,   0x018, 4, 0xffffffffull,         0,          GCMD)    /* WO, reads 0 */      \
    X(GSTS,   0x01c, 4, 0,                     0,          NONE)                           \
    X(RTADDR, 0x020, 8, 0xfffffffffffffc00ull, 0,          NONE)    /* latched by SRTP */  \
    X(CCMD,   0x028, 8, 0xe0000003ffffffffull, 0,          CCMD)                           \
    X(FSTS,   0x034, 4, 0,                     0x71,       FSTS)                           \
    X(FECTL,  0x038, 4, 0x80000000ull,         0,          FAULT_EVENT)                    \
    X(FEDATA, 0x03c, 4, 0x0000ffffull,         0,          FAULT_EVENT)                    \
    X(FEADDR, 0x040, 4, 0xfffffffcull,         0,          FAULT_EVENT)                    \
    X(FEUADDR, 0x044, 4, 0xffffffffull,        0,          FAULT_EVENT)                    \
    X(IQH,    0x080, 8, 0,                     0,          NONE)                           \
    X(IQT,    0x088, 8, 0x7fff0ull,            0,          IQT)                            \
    X(IQA,    0x090, 8, 0xfffffffffffff807ull, 0,          IQA)                           \
    X(ICS,    0x09c, 4, 0,                     0x1,        ICS)                            \
    X(IECTL,  0x0a0, 4, 0x80000000ull,         0,          DONE_EVENT)                     \
    X(IEDATA, 0x0a4, 4, 0x0000ffffull,         0,          DONE_EVENT)                     \
    X(IEADDR, 0x0a8, 4, 0xfffffffcull,         0,          DONE_EVENT)                     \
    X(IEUADDR, 0x0ac, 4, 0xffffffffull,        0,          DONE_EVENT)                     \
    X(IQERCD, 0x0b0, 8, 0,                     0,          NONE)
/* ECAP.IRO says where these two stand. */
#define VIOMMU_MOVED_REGS(X)                                                               \
    X(IVA,    0,     8, 0xfffffffffffff07full, 0,          IVA)     /* WO, reads 0 */      \
    X(IOTLB,  8,     8, 0xb003ffff00000000ull, 0,          IOTLB)
#define VIOMMU_REGS(X) VIOMMU_FIXED_REGS(X) VIOMMU_MOVED_REGS(X)

enum viommu_reg {
#define VIOMMU_REG_ENUM(name, offset, bytes, writable, w1c, effect) VREG_##name,
    VIOMMU_REGS(VIOMMU_REG_ENUM)
#undef VIOMMU_REG_ENUM
    VREG_COUNT
};

/* GCMD and GSTS bits, VT-d 11.4.4. */
enum {
    VGSTS_TES = 1u << 31,
    VGSTS_RTPS = 1u << 30,
    VGSTS_QIES = 1u << 26,
};

/* FSTS bits, VT-d 11.4.7.1. */
enum {
    VFSTS_PFO = 1u << 0,
    VFSTS_PPF = 1u << 1,
    VFSTS_IQE = 1u << 4,
    VFSTS_ICE = 1u << 5,
    VFSTS_ITE = 1u << 6,
};

/* FECTL, IECTL. */
enum {
    VEVENT_IM = 1u << 31,
    VEVENT_IP = 1u << 30,
};

/* RTADDR.TTM, VT-d 11.4.5. */
enum viommu_ttm { TTM_LEGACY = 0, TTM_SCALABLE = 1, TTM_RESERVED = 2, TTM_ABORT = 3 };
static inline enum viommu_ttm viommu_ttm_of(u64 rtaddr)
{
    return (enum viommu_ttm)((rtaddr >> 10) & 3);
}

#endif
