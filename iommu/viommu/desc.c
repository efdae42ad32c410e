/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest descriptors, VT-d 6.5.2. Reserved bits are judged here and nowhere else:
 * what a descriptor's field list does not name must be 0.
 */
#include "iommu/viommu/desc.h"

#include "iommu/spec/caps.h"
#include "iommu/spec/regs.h"

/* Of the types that this unit has; others exist only with DT, PRS or HPTS. As bits. */
enum { TYPES_LEGACY = 1 << DESC_CONTEXT_CACHE | 1 << DESC_IOTLB | 1 << DESC_INTERRUPT_ENTRY | 1 << DESC_WAIT,
       /* table 26: with descriptors of 256 bits */
       TYPES_SCALABLE = TYPES_LEGACY | 1 << DESC_PASID_IOTLB | 1 << DESC_PASID_CACHE };

/* What a list of fields names in the first word and in the second. */
#define IN_FIRST(name, hi, lo) | ((lo) < 64 ? FIELD_MASK(FIELD(hi, lo)) : 0)
#define IN_SECOND(name, hi, lo) | ((lo) >= 64 ? FIELD_MASK(FIELD(hi, lo)) : 0)
#define RESERVED(list) {~(0ull list(IN_FIRST)), ~(0ull list(IN_SECOND))}

/* Bits that must be 0, of the first two words. TYPE_HIGH is, in all of them. */
static const struct { u64 first, second; } reserved[] = {
    [DESC_CONTEXT_CACHE] = RESERVED(DESC_CONTEXT_CACHE_FIELDS),
    [DESC_IOTLB] = RESERVED(DESC_IOTLB_FIELDS),
    [DESC_INTERRUPT_ENTRY] = RESERVED(DESC_INTERRUPT_ENTRY_FIELDS),
    [DESC_WAIT] = RESERVED(DESC_WAIT_FIELDS),
    [DESC_PASID_IOTLB] = RESERVED(DESC_PASID_IOTLB_FIELDS),
    [DESC_PASID_CACHE] = RESERVED(DESC_PASID_CACHE_FIELDS),
};

enum iqei viommu_desc_check_mode(const struct desc_rules *rules, u64 ecap)
{
    switch (vtd_rtaddr_ttm(rules->rtaddr)) {
    case TTM_RESERVED:
        return IQEI_TTM;
    case TTM_ABORT: /* ADMS = 0: the value is as good as reserved */
        return IQEI_TTM;
    case TTM_SCALABLE:
        return rules->wide ? IQEI_NONE : IQEI_WIDTH;
    case TTM_LEGACY:
        return rules->wide && vtd_ecap_get(ecap, VTD_ECAP_SMTS) == 0 ? IQEI_WIDTH : IQEI_NONE;
    }
    return IQEI_TTM;
}

/* VT-d 6.5.2.1. Scalable mode has no domain tag on contexts: G=2 counts as global. */
static enum iqei decode_context(const u64 *w, struct viommu_cmd *out)
{
    static const enum viommu_granularity of[] = {[CONTEXT_CACHE_GLOBAL] = VGRAN_GLOBAL,
                                                 [CONTEXT_CACHE_DOMAIN] = VGRAN_GLOBAL,
                                                 [CONTEXT_CACHE_DEVICE] = VGRAN_DEVICE};
    u32 g = (u32)field_get(w, DESC_CONTEXT_CACHE_G);
    out->kind = VCMD_CONTEXT_CACHE;
    out->granularity = of[g];
    out->sid = (u16)field_get(w, DESC_CONTEXT_CACHE_SID);
    out->function_mask = (u8)field_get(w, DESC_CONTEXT_CACHE_FM);
    return g < CONTEXT_CACHE_GLOBAL ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.3. */
static enum iqei decode_iotlb(const struct desc_rules *rules, const u64 *w, struct viommu_cmd *out)
{
    static const enum viommu_granularity of[] = {[IOTLB_GLOBAL] = VGRAN_GLOBAL,
                                                 [IOTLB_DOMAIN] = VGRAN_DOMAIN,
                                                 [IOTLB_PAGE] = VGRAN_PAGE};
    u32 g = (u32)field_get(w, DESC_IOTLB_G);
    out->kind = VCMD_IOTLB;
    out->granularity = of[g];
    out->reach = w[1];
    /* CAP.PSI, and CAP.MAMV as a limit: software must not ask for more. */
    bool page_ok = vtd_cap_get(rules->cap, VTD_CAP_PSI) != 0 &&
                   field_get(w, DESC_IOTLB_AM) <= vtd_cap_get(rules->cap, VTD_CAP_MAMV);
    return g < IOTLB_GLOBAL || (g == IOTLB_PAGE && !page_ok) ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.4. What a doorbell asks for most, so that its codes are ours. */
static enum iqei decode_pasid_iotlb(const u64 *w, struct viommu_cmd *out)
{
    _Static_assert((int)VGRAN_PASID == (int)PASID_IOTLB_PASID && (int)VGRAN_PAGE == (int)PASID_IOTLB_PAGE, "no table");
    u32 g = (u32)field_get(w, DESC_PASID_IOTLB_G);
    out->kind = VCMD_PASID_IOTLB;
    out->granularity = (enum viommu_granularity)g;
    out->reach = w[1];
    return g < PASID_IOTLB_PASID ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.2. */
static enum iqei decode_pasid_cache(const u64 *w, struct viommu_cmd *out)
{
    static const enum viommu_granularity of[] = {[PASID_CACHE_DOMAIN] = VGRAN_DOMAIN,
                                                 [PASID_CACHE_PASID] = VGRAN_PASID,
                                                 [PASID_CACHE_GLOBAL] = VGRAN_GLOBAL};
    u32 g = (u32)field_get(w, DESC_PASID_CACHE_G);
    out->kind = VCMD_PASID_CACHE;
    out->granularity = of[g];
    return g == 2 /* the one without a name */ ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.7. A mask above CAP.MHMV, which software must not use, reaches as far as it says. */
static enum iqei decode_interrupt_entries(const u64 *w, struct viommu_cmd *out)
{
    enum { ALL = 16 };
    bool global = field_get(w, DESC_INTERRUPT_ENTRY_G) == INTERRUPT_ENTRY_GLOBAL;
    out->kind = VCMD_INTERRUPT_ENTRIES;
    out->sid = (u16)field_get(w, DESC_INTERRUPT_ENTRY_IIDX);
    out->function_mask = global ? ALL : (u8)field_get(w, DESC_INTERRUPT_ENTRY_IM);
    return IQEI_NONE;
}

/* VT-d 6.5.2.9. SW and IF may both be set, or neither. */
static enum iqei decode_wait(const struct desc_rules *rules, const u64 *w, struct viommu_cmd *out)
{
    out->kind = VCMD_WAIT;
    out->wait_flags = w[0] & (FIELD_MASK(DESC_WAIT_IF) | FIELD_MASK(DESC_WAIT_SW) | FIELD_MASK(DESC_WAIT_FN));
    out->status_data = (u32)field_get(w, DESC_WAIT_DATA);
    out->status_addr = w[1] & ~(~0ull << rules->haw);
    return field_get(w, DESC_WAIT_PD) != 0 ? IQEI_RESERVED : IQEI_NONE; /* no page requests here */
}

enum iqei viommu_desc_decode(const struct desc_rules *rules, const u64 *words,
                             struct viommu_cmd *out)
{
    u32 type = (u32)field_get(words, DESC_TYPE);
    u32 types = vtd_rtaddr_ttm(rules->rtaddr) == TTM_SCALABLE ? TYPES_SCALABLE : TYPES_LEGACY;
    if ((types & 1u << type) == 0) {
        return IQEI_TYPE;
    }
    u64 upper = rules->wide ? words[2] | words[3] : 0;
    if (((words[0] & reserved[type].first) | (words[1] & reserved[type].second) | upper) != 0) {
        return field_get(words, DESC_TYPE_HIGH) != 0 ? IQEI_TYPE : IQEI_RESERVED;
    }
    out->did = (u16)(field_get(words, DESC_IOTLB_DID) & rules->did_mask);
    out->pasid = (u32)field_get(words, DESC_PASID_IOTLB_PASID);
    switch (type) {
    case DESC_CONTEXT_CACHE:
        return decode_context(words, out);
    case DESC_IOTLB:
        return decode_iotlb(rules, words, out);
    case DESC_PASID_IOTLB:
        return decode_pasid_iotlb(words, out);
    case DESC_PASID_CACHE:
        return decode_pasid_cache(words, out);
    case DESC_INTERRUPT_ENTRY:
        return decode_interrupt_entries(words, out);
    default:
        return decode_wait(rules, words, out);
    }
}
