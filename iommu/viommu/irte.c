/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See irte.h. VT-d 5.1.4, 5.1.5 and 9.9. What reaches a CPU through an entry is an ordinary interrupt of the
 * partition's own devices for its own CPUs, and nothing else: an INIT would take a CPU away, an NMI would look like a
 * kick of Nestor's (hv/vcpu/kick.c), an SMI is the firmware's, an ExtINT brings any vector.
 */
#include "iommu/viommu/irte.h"

#include "iommu/spec/message.h"

enum { XAPIC_BROADCAST = 0xff, CLUSTER_CPUS = 16 };

/* Of an entry that is not present only P and FPD count: the reason is where software may keep what it likes. */
enum remembered { REMEMBERED_NOTHING, REMEMBERED_ACCESS, REMEMBERED_RESERVED, REMEMBERED_SOURCE, REMEMBERED_REQUEST,
                  REMEMBERED_INDEX, REMEMBERED_COMPATIBILITY };
static const u8 reasons[] = {
    [REMEMBERED_NOTHING] = VTD_FAULT_IRTE_NOT_PRESENT,
    [REMEMBERED_ACCESS] = VTD_FAULT_IRTE_ACCESS,
    [REMEMBERED_RESERVED] = VTD_FAULT_IRTE_RESERVED,
    [REMEMBERED_SOURCE] = VTD_FAULT_IR_SOURCE,
    [REMEMBERED_REQUEST] = VTD_FAULT_IR_REQUEST_RESERVED,
    [REMEMBERED_INDEX] = VTD_FAULT_IR_INDEX,
    [REMEMBERED_COMPATIBILITY] = VTD_FAULT_IR_COMPATIBILITY,
};

struct irte viommu_irte_absent(enum vtd_fault_reason reason)
{
    struct irte absent = {{0}};
    for (u32 i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i] == reason) {
            irte_set(&absent, IRTE_AVL, i);
        }
    }
    return absent;
}

enum vtd_fault_reason viommu_irte_reason(const struct irte *host)
{
    u64 remembered = irte_get(host, IRTE_AVL);
    if (irte_get(host, IRTE_P) != 0) {
        return VTD_FAULT_NONE;
    }
    return reasons[remembered < ARRAY_LEN(reasons) ? remembered : REMEMBERED_NOTHING];
}

#define IN_FIRST(name, hi, lo) | ((lo) < 64 ? FIELD_MASK(FIELD(hi, lo)) : 0)
#define IN_SECOND(name, hi, lo) | ((lo) >= 64 ? FIELD_MASK(FIELD(hi, lo)) : 0)

/* CAP.PI is not shown, so the bit that chooses the posted form is as good as reserved. Two codes of DLM are, too. */
static bool has_reserved(const struct irte_rules *rules, const struct irte *e)
{
    static const u8 undefined_modes = 1 << 3 | 1 << 6;
    u64 first = ~(0ull IRTE_ENTRY(IN_FIRST)) | FIELD_MASK(IRTE_IM);
    u64 second = ~(0ull IRTE_ENTRY(IN_SECOND));
    if (!rules->guest_eime) {
        first |= FIELD_MASK(IRTE_DST) & ~FIELD_MASK(IRTE_XAPIC_DST);
    }
    return ((e->w[0] & first) | (e->w[1] & second)) != 0 || irte_get(e, IRTE_SVT) == SVT_RESERVED ||
           (undefined_modes >> irte_get(e, IRTE_DLM) & 1) != 0;
}

/* All CPUs of a cluster that are named; a mask that names none is no destination. */
bool viommu_irte_has_destination(const struct irte_rules *rules, bool logical, u32 dst)
{
    bool broadcast = dst == (rules->guest_eime ? GUEST_ALL_CPUS : XAPIC_BROADCAST);
    u32 cluster = dst / CLUSTER_CPUS, mask = 1u << dst % CLUSTER_CPUS;
    if (broadcast || (logical && !rules->guest_eime)) {
        cluster = GUEST_ALL_CPUS;
    } else if (logical) {
        cluster = dst >> 16;
        mask = dst & 0xffff;
    }
    return mask != 0 && rules->ops->has_cpus(rules->ctx, cluster, mask);
}

/*
 * The destination as the unit will read it; false: it does not lie within the partition. Only a physical id of one CPU
 * means the same in both widths (VT-d does not say what else would).
 */
static bool place_destination(const struct irte_rules *rules, const struct irte *guest, struct irte *host)
{
    bool logical = irte_get(guest, IRTE_DM) != 0;
    u32 dst = rules->guest_eime ? (u32)irte_get(guest, IRTE_DST) : (u32)field_get(guest->w, IRTE_XAPIC_DST);
    if (rules->guest_eime != rules->host_eime && (logical || dst >= XAPIC_BROADCAST)) {
        return false;
    }
    irte_set(host, IRTE_DST, rules->host_eime ? dst : 0);
    if (!rules->host_eime) {
        field_set(host->w, IRTE_XAPIC_DST, dst);
    }
    return viommu_irte_has_destination(rules, logical, dst);
}

static bool has_sources(const struct irte_rules *rules, u32 first, u32 last)
{
    return rules->ops->has_sources(rules->ctx, (u16)first, (u16)last);
}

/* SQ: up to eight functions of one device; mostly it is one. */
static bool has_functions(const struct irte_rules *rules, u32 sid, u32 ignored)
{
    u32 first = sid & ~ignored;
    u32 bits = 0;
    do {
        if (!has_sources(rules, first | bits, first | bits)) {
            return false;
        }
        bits = (bits - ignored) & ignored; /* the next of its subsets */
    } while (bits != 0);
    return true;
}

/* A range that ends before it begins admits nobody. */
static bool admits_own_sources(const struct irte_rules *rules, const struct irte *e)
{
    u32 first = irte_first_bus(e), last = irte_last_bus(e);
    switch ((enum irte_svt)irte_get(e, IRTE_SVT)) {
    case SVT_SID:
        return has_functions(rules, (u32)irte_get(e, IRTE_SID), irte_sq_mask((u32)irte_get(e, IRTE_SQ)));
    case SVT_BUSES:
        return first > last || has_sources(rules, first << 8, last << 8 | 0xff);
    default:
        return has_sources(rules, 0, 0xffff);
    }
}

static bool admits(const struct irte *e, u16 sid)
{
    switch ((enum irte_svt)irte_get(e, IRTE_SVT)) {
    case SVT_SID:
        return ((sid ^ irte_get(e, IRTE_SID)) & ~(u64)irte_sq_mask((u32)irte_get(e, IRTE_SQ))) == 0;
    case SVT_BUSES:
        return sid >> 8 >= irte_first_bus(e) && sid >> 8 <= irte_last_bus(e);
    default:
        return true;
    }
}

/* NULL: nothing. */
static const char *objection(const struct irte_rules *rules, const struct irte *guest, struct irte *host)
{
    if (irte_get(guest, IRTE_DLM) > DELIVERY_LOWEST_PRIORITY) {
        return "delivery mode";
    }
    if (irte_get(guest, IRTE_V) < MESSAGE_VECTOR_MIN) {
        return "vector";
    }
    return place_destination(rules, guest, host) ? NULL : "destination";
}

/* The guest's FPD counts in an entry that is not present, too (VT-d 9.9). */
static enum vtd_fault_reason refuse(struct irte *host, enum vtd_fault_reason reason)
{
    u64 fpd = irte_get(host, IRTE_FPD);
    *host = viommu_irte_absent(reason);
    irte_set(host, IRTE_FPD, fpd);
    return reason;
}

enum vtd_fault_reason viommu_irte_judge(const struct irte_rules *rules, const struct irte *guest, struct irte *host,
                                        const char **why)
{
    *why = NULL;
    *host = *guest;
    irte_set(host, IRTE_AVL, 0);
    if (irte_get(guest, IRTE_P) == 0) {
        return refuse(host, VTD_FAULT_IRTE_NOT_PRESENT);
    }
    if (has_reserved(rules, guest)) {
        return refuse(host, VTD_FAULT_IRTE_RESERVED);
    }
    if (rules->single && !admits(guest, rules->sid)) {
        return refuse(host, VTD_FAULT_IR_SOURCE);
    }
    *why = objection(rules, guest, host);
    if (*why != NULL) {
        return refuse(host, VTD_FAULT_IRTE_RESERVED);
    }
    if (rules->single) {
        host->w[1] = 0;
        irte_set(host, IRTE_SVT, SVT_SID);
        irte_set(host, IRTE_SID, rules->sid);
    } else if (!admits_own_sources(rules, guest)) {
        *why = "source-ids";
        return refuse(host, VTD_FAULT_IR_SOURCE);
    }
    return VTD_FAULT_NONE;
}
