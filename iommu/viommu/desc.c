/*
 * Guest descriptors, VT-d 6.5.2. Reserved bits are judged here and nowhere else:
 * what a descriptor's field list does not name must be 0.
 */
#include "iommu/viommu/desc.h"

#include "iommu/spec/caps.h"
#include "iommu/viommu/registers.h"

/* Bits hi..lo of a 64-bit word. */
#define BITS(hi, lo) ((~0ull >> (63 - (hi) + (lo))) << (lo))

/* Every type: QW0 11:9 and 3:0; none that this unit has is above Fh. */
enum { TYPE_LOW = 0xf, TYPE_HIGH = 0xe00 };

/* Type numbers of VT-d 6.5.2; 3, 8, 9 and Ah exist only with DT, PRS or HPTS. */
enum { TYPE_CONTEXT = 1, TYPE_IOTLB = 2, TYPE_IEC = 4, TYPE_WAIT = 5, TYPE_PASID_IOTLB = 6,
       TYPE_PASID = 7 };

/* As bits: 6 and 7 are for scalable mode only, where descriptors have 256 bits (table 26). */
enum { TYPES_LEGACY = 1 << TYPE_CONTEXT | 1 << TYPE_IOTLB | 1 << TYPE_IEC | 1 << TYPE_WAIT,
       TYPES_SCALABLE = TYPES_LEGACY | 1 << TYPE_PASID_IOTLB | 1 << TYPE_PASID };

/* All but the named fields of each type, as masks of the first two words. QW0 11:9 are 0 in each. */
static const struct { u64 low, high; } reserved[TYPE_LOW + 1] = {
    [TYPE_CONTEXT] = {~(BITS(5, 0) | BITS(31, 16) | BITS(47, 32) | BITS(49, 48)), ~0ull},
    [TYPE_IOTLB] = {~(BITS(7, 0) | BITS(31, 16)), ~(BITS(63, 12) | BITS(6, 0))},
    [TYPE_IEC] = {~(BITS(4, 0) | BITS(31, 27) | BITS(47, 32)), ~0ull},
    [TYPE_WAIT] = {~(BITS(6, 0) | BITS(63, 32)), ~BITS(63, 2)},
    [TYPE_PASID_IOTLB] = {~(BITS(5, 0) | BITS(31, 16) | BITS(51, 32)),
                          ~(BITS(63, 12) | BITS(6, 0))},
    [TYPE_PASID] = {~(BITS(5, 0) | BITS(31, 16) | BITS(51, 32)), ~0ull},
};

static u32 bits(u64 word, u32 hi, u32 lo)
{
    return (u32)((word & BITS(hi, lo)) >> lo);
}

/* Bits of a domain id above the width that CAP.ND reports are ignored (VT-d 6.5.2). */
static u32 did_mask(u64 cap)
{
    return (1u << (4 + 2 * (cap & 7))) - 1;
}

enum iqei viommu_desc_check_mode(const struct desc_rules *rules)
{
    switch (viommu_ttm_of(rules->rtaddr)) {
    case TTM_RESERVED:
        return IQEI_TTM;
    case TTM_ABORT: /* ADMS = 0: the value is as good as reserved */
        return IQEI_TTM;
    case TTM_SCALABLE:
        return rules->wide ? IQEI_NONE : IQEI_WIDTH;
    case TTM_LEGACY:
        return IQEI_NONE;
    }
    return IQEI_TTM;
}

/* VT-d 6.5.2.1. Scalable mode has no domain tag on contexts: G=2 counts as global. */
static enum iqei decode_context(const u64 *w, struct viommu_cmd *out)
{
    static const enum viommu_granularity of[] = {VGRAN_GLOBAL, VGRAN_GLOBAL, VGRAN_GLOBAL,
                                                 VGRAN_DEVICE};
    u32 g = bits(w[0], 5, 4);
    out->kind = VCMD_CONTEXT_CACHE;
    out->granularity = of[g];
    out->sid = (u16)bits(w[0], 47, 32);
    out->function_mask = (u8)bits(w[0], 49, 48);
    return g == 0 ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.3. */
static enum iqei decode_iotlb(const struct desc_rules *rules, const u64 *w, struct viommu_cmd *out)
{
    static const enum viommu_granularity of[] = {VGRAN_GLOBAL, VGRAN_GLOBAL, VGRAN_DOMAIN,
                                                 VGRAN_PAGE};
    u32 g = bits(w[0], 5, 4);
    out->kind = VCMD_IOTLB;
    out->granularity = of[g];
    out->reach = w[1];
    /* CAP.PSI, and CAP.MAMV as a limit: software must not ask for more. */
    bool page_ok = vtd_cap_get(rules->cap, VTD_CAP_PSI) != 0 &&
                   bits(w[1], 5, 0) <= vtd_cap_get(rules->cap, VTD_CAP_MAMV);
    return g == 0 || (g == 3 && !page_ok) ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.4. */
static enum iqei decode_pasid_iotlb(const u64 *w, struct viommu_cmd *out)
{
    static const enum viommu_granularity of[] = {VGRAN_GLOBAL, VGRAN_GLOBAL, VGRAN_PASID,
                                                 VGRAN_PAGE};
    u32 g = bits(w[0], 5, 4);
    out->kind = VCMD_PASID_IOTLB;
    out->granularity = of[g];
    out->reach = w[1];
    return g < 2 ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.2. */
static enum iqei decode_pasid_cache(const u64 *w, struct viommu_cmd *out)
{
    static const enum viommu_granularity of[] = {VGRAN_DOMAIN, VGRAN_PASID, VGRAN_GLOBAL,
                                                 VGRAN_GLOBAL};
    u32 g = bits(w[0], 5, 4);
    out->kind = VCMD_PASID_CACHE;
    out->granularity = of[g];
    return g == 2 ? IQEI_RESERVED : IQEI_NONE;
}

/* VT-d 6.5.2.9. SW and IF may both be set, or neither. */
static enum iqei decode_wait(const struct desc_rules *rules, const u64 *w, struct viommu_cmd *out)
{
    out->kind = VCMD_WAIT;
    out->interrupt = bits(w[0], 4, 4) != 0;
    out->status_write = bits(w[0], 5, 5) != 0;
    out->fence = bits(w[0], 6, 6) != 0;
    out->status_data = bits(w[0], 63, 32);
    out->status_addr = w[1] & BITS(rules->haw - 1, 2);
    return IQEI_NONE;
}

enum iqei viommu_desc_decode(const struct desc_rules *rules, const u64 *words,
                             struct viommu_cmd *out)
{
    u32 type = (u32)words[0] & TYPE_LOW;
    u32 types = viommu_ttm_of(rules->rtaddr) == TTM_SCALABLE ? TYPES_SCALABLE : TYPES_LEGACY;
    if ((types >> type & 1) == 0) {
        return IQEI_TYPE;
    }
    u64 upper = rules->wide ? words[2] | words[3] : 0;
    if (((words[0] & reserved[type].low) | (words[1] & reserved[type].high) | upper) != 0) {
        return (words[0] & TYPE_HIGH) != 0 ? IQEI_TYPE : IQEI_RESERVED;
    }
    *out = (struct viommu_cmd){
        .did = (u16)(bits(words[0], 31, 16) & did_mask(rules->cap)),
        .pasid = (u32)(words[0] >> 32), /* 20 bits, by what is reserved where it means something */
    };
    switch (type) {
    case TYPE_CONTEXT:
        return decode_context(words, out);
    case TYPE_IOTLB:
        return decode_iotlb(rules, words, out);
    case TYPE_PASID_IOTLB:
        return decode_pasid_iotlb(words, out);
    case TYPE_PASID:
        return decode_pasid_cache(words, out);
    case TYPE_IEC: /* well formed, and there is no interrupt entry to forget */
        out->kind = VCMD_NOTHING;
        return IQEI_NONE;
    default:
        return decode_wait(rules, words, out);
    }
}
