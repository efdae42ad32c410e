/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One descriptor of the guest's queue, decoded: a pure function from the words the
 * guest wrote to a command or to the IQEI code that hardware would give.
 */
#ifndef NESTOR_IOMMU_VIOMMU_DESC_H
#define NESTOR_IOMMU_VIOMMU_DESC_H

#include "iommu/spec/desc.h"

/* Names after the descriptors of VT-d 6.5.2 that this unit takes. */
enum viommu_cmd_kind {
    VCMD_CONTEXT_CACHE,
    VCMD_PASID_CACHE,
    VCMD_IOTLB,
    VCMD_PASID_IOTLB,
    VCMD_WAIT,
    VCMD_INTERRUPT_ENTRIES,
};

enum viommu_granularity {
    VGRAN_GLOBAL,
    VGRAN_DOMAIN, /* whole domain */
    VGRAN_PASID,  /* one PASID of a domain */
    VGRAN_PAGE,   /* addresses of a domain or PASID */
    VGRAN_DEVICE, /* context cache: sid and function mask */
};

struct viommu_cmd {
    enum viommu_cmd_kind kind;
    enum viommu_granularity granularity;
    u16 did;
    u16 sid;          /* of interrupt entries: the index */
    u8 function_mask; /* 0..3, VT-d table 21; interrupt entries: 2^mask of them, from 16 on all */
    u32 pasid;
    u64 reach;        /* the second word, which is as IVA: ADDR, IH, AM (log2 of 4 KiB pages) */
    u64 wait_flags;   /* DESC_WAIT_IF, SW and FN, each at its place */
    u32 status_data;
    u64 status_addr;  /* guest physical */
};

struct desc_rules {
    u64 cap;       /* of the guest's unit */
    u64 rtaddr;    /* the active root: its TTM decides which types exist */
    u16 did_mask;  /* of CAP.ND: domain id bits above are ignored, VT-d 6.5.2 */
    u32 haw;       /* host address width: status address bits above are ignored */
    bool wide;     /* IQA.DW */
};

/* The check that needs no descriptor: width against mode (table 26). */
enum iqei viommu_desc_check_mode(const struct desc_rules *rules, u64 ecap);

/* IQEI_NONE and *out, or the error. words has 4 elements, or 2 when not wide. */
enum iqei viommu_desc_decode(const struct desc_rules *rules, const u64 *words,
                             struct viommu_cmd *out);

#endif
