/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capability contracts of guests' units: nested (design, decision 4), first stage only; shadowed (decision 14),
 * legacy mode only. Both without device TLB, page requests and posted interrupts, caching mode on. Every field of
 * iommu/spec/caps.h has a row in each with the reason behind it, as a test checks; what has none is reserved or
 * deprecated, and 0.
 */
#include "iommu/viommu/caps.h"

#include "iommu/spec/caps.h"
#include "iommu/spec/entries.h"

static const struct cap_rule nested_cap[] = {
    {VTD_CAP_ND, CAP_PASS, 0},     /* guest domain ids are names of the guest's; each is translated */
    {VTD_CAP_RWBF, CAP_OFF, 0},    /* must be 0 with SMTS; Nestor reads guest tables with the CPU */
    {VTD_CAP_PLMR, CAP_OFF, 0},    /* protected memory is the host's to set */
    {VTD_CAP_PHMR, CAP_OFF, 0},    /* protected memory is the host's to set */
    {VTD_CAP_CM, CAP_ON, 0},       /* the only way a guest tells that an entry became present */
    {VTD_CAP_SAGAW, CAP_OFF, 0},   /* no second stage: legacy kernels ignore the unit */
    {VTD_CAP_MGAW, CAP_PASS, 0},   /* must not be 0 even without SSTS; width of the first stage */
    {VTD_CAP_ZLR, CAP_PASS, 0},    /* final accesses are the hardware's */
    {VTD_CAP_FRO, CAP_PASS, 0},    /* the window is as large as the hardware's */
    {VTD_CAP_SSLPS, CAP_OFF, 0},   /* no second stage */
    {VTD_CAP_PSI, CAP_PASS, 0},    /* translated to a wider invalidation */
    {VTD_CAP_NFR, CAP_LIMIT, VIOMMU_FAULT_RECORDS - 1}, /* records are kept in Nestor's memory */
    {VTD_CAP_MAMV, CAP_PASS, 0},   /* translated to a wider invalidation */
    {VTD_CAP_DWD, CAP_PASS, 0},    /* draining is the hardware's */
    {VTD_CAP_DRD, CAP_PASS, 0},    /* draining is the hardware's */
    {VTD_CAP_FS1GP, CAP_PASS, 0},  /* the hardware walks the first stage */
    {VTD_CAP_PI, CAP_OFF, 0},      /* a posted descriptor is memory that devices write to: not for guests yet */
    {VTD_CAP_FS5LP, CAP_PASS, 0},  /* the hardware walks the first stage */
    {VTD_CAP_ECMDS, CAP_OFF, 0},   /* enhanced commands would act on the whole unit */
    {VTD_CAP_ESIRTPS, CAP_REMAP, 0}, /* SIRTP reads every entry again anyway */
    {VTD_CAP_ESRTPS, CAP_ON, 0},   /* SRTP re-reads everything, so nothing stale can stay */
};

static const struct cap_rule nested_ecap[] = {
    {VTD_ECAP_C, CAP_ON, 0},        /* root, context and PASID tables are read by the CPU, always coherent */
    {VTD_ECAP_QI, CAP_ON, 0},       /* the guest's queue is Nestor's; scalable mode requires it */
    {VTD_ECAP_DT, CAP_OFF, 0},      /* translated requests carry host addresses and skip both stages */
    {VTD_ECAP_IR, CAP_REMAP, 0},    /* the guest's table is shadowed (decision 12) */
    {VTD_ECAP_EIM, CAP_REMAP, 0},   /* the unit reads destinations as the guest says */
    {VTD_ECAP_PT, CAP_ON, 0},       /* pass-through of the guest is a second-stage-only entry of the host */
    {VTD_ECAP_SC, CAP_OFF, 0},      /* snoop control is the host's */
    {VTD_ECAP_IRO, CAP_PASS, 0},    /* the window is as large as the hardware's */
    {VTD_ECAP_MHMV, CAP_REMAP, 0},  /* what is asked for is asked of the unit, too */
    {VTD_ECAP_MTS, CAP_OFF, 0},     /* memory types of DMA are the host's */
    {VTD_ECAP_NEST, CAP_OFF, 0},    /* the one nesting there is carries this unit */
    {VTD_ECAP_PRS, CAP_OFF, 0},     /* page requests need device TLBs */
    {VTD_ECAP_SRS, CAP_PASS, 0},    /* SRE is the guest's to set in a first-stage entry */
    {VTD_ECAP_NWFS, CAP_OFF, 0},    /* matters to translation requests only */
    {VTD_ECAP_EAFS, CAP_PASS, 0},   /* EAFE is the guest's to set in a first-stage entry */
    {VTD_ECAP_PSS, CAP_PASS, 0},    /* a guest PASID is the host's PASID of that device */
    {VTD_ECAP_PASID, CAP_PASS, 0},  /* a guest PASID is the host's PASID of that device */
    {VTD_ECAP_DIT, CAP_OFF, 0},     /* no device TLBs */
    {VTD_ECAP_PDS, CAP_OFF, 0},     /* no page requests */
    {VTD_ECAP_SMTS, CAP_PASS, 0},   /* required to offer the unit at all */
    {VTD_ECAP_VCS, CAP_OFF, 0},     /* guests allocate PASIDs themselves */
    {VTD_ECAP_SSADS, CAP_OFF, 0},   /* no second stage */
    {VTD_ECAP_SSTS, CAP_OFF, 0},    /* the second stage is Nestor's */
    {VTD_ECAP_FSTS, CAP_PASS, 0},   /* required to offer the unit at all */
    {VTD_ECAP_SMPWCS, CAP_PASS, 0}, /* first-stage walks are the hardware's; PWSNP follows this bit */
    {VTD_ECAP_RPS, CAP_PASS, 0},    /* RID_PASID goes into the host's context entry */
    {VTD_ECAP_TDXCS, CAP_OFF, 0},   /* not for guests */
    {VTD_ECAP_PMS, CAP_OFF, 0},     /* counters show other partitions' traffic */
    {VTD_ECAP_ADMS, CAP_OFF, 0},    /* abort mode of the whole unit is the host's */
    {VTD_ECAP_RPRIVS, CAP_OFF, 0},  /* requests without PASID stay user requests */
    {VTD_ECAP_HPTS, CAP_OFF, 0},    /* permission tables hold host addresses */
    {VTD_ECAP_PTRS, CAP_OFF, 0},    /* no translated requests */
    {VTD_ECAP_SSIRWS, CAP_OFF, 0},  /* no second stage */
    {VTD_ECAP_SMS, CAP_OFF, 0},     /* no page requests */
    {VTD_ECAP_HPT1GPS, CAP_OFF, 0}, /* no permission tables */
    {VTD_ECAP_RDTS, CAP_OFF, 0},    /* resource control is the host's */
    {VTD_ECAP_EIMER, CAP_REMAP, 0}, /* the unit demands it of the guest as of anybody */
    {VTD_ECAP_IRREQ, CAP_REMAP, 0}, /* while the guest's IRES is 0, so is the unit's */
};

const struct cap_contract viommu_caps_nested = {nested_cap, ARRAY_LEN(nested_cap), nested_ecap, ARRAY_LEN(nested_ecap)};

static const struct cap_rule shadowed_cap[] = {
    {VTD_CAP_ND, CAP_PASS, 0},     /* guest domain ids are names of the guest's; each is translated */
    {VTD_CAP_RWBF, CAP_OFF, 0},    /* Nestor reads guest tables with the CPU */
    {VTD_CAP_PLMR, CAP_OFF, 0},    /* protected memory is the host's to set */
    {VTD_CAP_PHMR, CAP_OFF, 0},    /* protected memory is the host's to set */
    {VTD_CAP_CM, CAP_ON, 0},       /* the only way a guest tells that it maps something */
    {VTD_CAP_SAGAW, CAP_PASS, 0},  /* a shadow has as many levels as the guest's table */
    {VTD_CAP_MGAW, CAP_PASS, 0},   /* the hardware checks it */
    {VTD_CAP_ZLR, CAP_PASS, 0},    /* final accesses are the hardware's */
    {VTD_CAP_FRO, CAP_PASS, 0},    /* the window is as large as the hardware's */
    {VTD_CAP_SSLPS, CAP_PASS, 0},  /* a large page may stay one */
    {VTD_CAP_PSI, CAP_ON, 0},      /* what is announced is read again: as little as possible */
    {VTD_CAP_NFR, CAP_LIMIT, VIOMMU_FAULT_RECORDS - 1}, /* records are kept in Nestor's memory */
    {VTD_CAP_MAMV, CAP_REACH, 0},  /* the largest page */
    {VTD_CAP_DWD, CAP_PASS, 0},    /* draining is the hardware's */
    {VTD_CAP_DRD, CAP_PASS, 0},    /* draining is the hardware's */
    {VTD_CAP_FS1GP, CAP_OFF, 0},   /* no first stage */
    {VTD_CAP_PI, CAP_OFF, 0},      /* a posted descriptor is memory that devices write to: not for guests yet */
    {VTD_CAP_FS5LP, CAP_OFF, 0},   /* no first stage */
    {VTD_CAP_ECMDS, CAP_OFF, 0},   /* enhanced commands would act on the whole unit */
    {VTD_CAP_ESIRTPS, CAP_REMAP, 0}, /* SIRTP reads every entry again anyway */
    {VTD_CAP_ESRTPS, CAP_ON, 0},   /* SRTP re-reads everything, so nothing stale can stay */
};

static const struct cap_rule shadowed_ecap[] = {
    {VTD_ECAP_C, CAP_ON, 0},        /* all tables are read by the CPU, always coherent */
    {VTD_ECAP_QI, CAP_ON, 0},       /* the guest's queue is Nestor's */
    {VTD_ECAP_DT, CAP_OFF, 0},      /* translated requests carry host addresses and skip the shadow */
    {VTD_ECAP_IR, CAP_REMAP, 0},    /* the guest's table is shadowed (decision 12) */
    {VTD_ECAP_EIM, CAP_REMAP, 0},   /* the unit reads destinations as the guest says */
    {VTD_ECAP_PT, CAP_ON, 0},       /* pass-through of the guest is a second-stage-only entry of the host */
    {VTD_ECAP_SC, CAP_PASS, 0},     /* SNP of a guest's leaf is one of its shadow's */
    {VTD_ECAP_IRO, CAP_PASS, 0},    /* the window is as large as the hardware's */
    {VTD_ECAP_MHMV, CAP_REMAP, 0},  /* what is asked for is asked of the unit, too */
    {VTD_ECAP_MTS, CAP_OFF, 0},     /* memory types of DMA are the host's */
    {VTD_ECAP_NEST, CAP_OFF, 0},    /* legacy mode has no nesting */
    {VTD_ECAP_PRS, CAP_OFF, 0},     /* page requests need device TLBs */
    {VTD_ECAP_SRS, CAP_OFF, 0},     /* no first stage */
    {VTD_ECAP_NWFS, CAP_OFF, 0},    /* matters to translation requests only */
    {VTD_ECAP_EAFS, CAP_OFF, 0},    /* no first stage */
    {VTD_ECAP_PSS, CAP_OFF, 0},     /* legacy mode has no PASIDs */
    {VTD_ECAP_PASID, CAP_OFF, 0},   /* legacy mode has no PASIDs */
    {VTD_ECAP_DIT, CAP_OFF, 0},     /* no device TLBs */
    {VTD_ECAP_PDS, CAP_OFF, 0},     /* no page requests */
    {VTD_ECAP_SMTS, CAP_OFF, 0},    /* first-stage maps are never announced, caching mode or not */
    {VTD_ECAP_VCS, CAP_OFF, 0},     /* legacy mode has no PASIDs */
    {VTD_ECAP_SSADS, CAP_OFF, 0},   /* flags would be set in the shadow */
    {VTD_ECAP_SSTS, CAP_OFF, 0},    /* of scalable mode */
    {VTD_ECAP_FSTS, CAP_OFF, 0},    /* of scalable mode */
    {VTD_ECAP_SMPWCS, CAP_OFF, 0},  /* of scalable mode */
    {VTD_ECAP_RPS, CAP_OFF, 0},     /* of scalable mode */
    {VTD_ECAP_TDXCS, CAP_OFF, 0},   /* not for guests */
    {VTD_ECAP_PMS, CAP_OFF, 0},     /* counters show other partitions' traffic */
    {VTD_ECAP_ADMS, CAP_OFF, 0},    /* abort mode of the whole unit is the host's */
    {VTD_ECAP_RPRIVS, CAP_OFF, 0},  /* of scalable mode */
    {VTD_ECAP_HPTS, CAP_OFF, 0},    /* permission tables hold host addresses */
    {VTD_ECAP_PTRS, CAP_OFF, 0},    /* no translated requests */
    {VTD_ECAP_SSIRWS, CAP_OFF, 0},  /* access is in R and W, where the host's tables have it */
    {VTD_ECAP_SMS, CAP_OFF, 0},     /* no page requests */
    {VTD_ECAP_HPT1GPS, CAP_OFF, 0}, /* no permission tables */
    {VTD_ECAP_RDTS, CAP_OFF, 0},    /* resource control is the host's */
    {VTD_ECAP_EIMER, CAP_REMAP, 0}, /* the unit demands it of the guest as of anybody */
    {VTD_ECAP_IRREQ, CAP_REMAP, 0}, /* while the guest's IRES is 0, so is the unit's */
};

const struct cap_contract viommu_caps_shadowed = {shadowed_cap, ARRAY_LEN(shadowed_cap), shadowed_ecap,
                                                  ARRAY_LEN(shadowed_ecap)};

static u64 apply(const struct cap_rule *rule, u64 hardware, bool interrupts)
{
    u64 mask = field_mask(rule->field);
    switch ((enum cap_policy)rule->policy) {
    case CAP_PASS:
        return hardware & mask;
    case CAP_OFF:
        return 0;
    case CAP_ON:
        return mask;
    case CAP_LIMIT: {
        u64 limit = (u64)rule->limit << field_lo(rule->field);
        return (hardware & mask) < limit ? hardware & mask : limit;
    }
    case CAP_REMAP:
        return interrupts ? hardware & mask : 0;
    case CAP_REACH: {
        u32 level = vtd_cap_ss_page_sizes(hardware) >> ss_level_shift(SS_LARGEST_LEAF) != 0 ? SS_LARGEST_LEAF : 2;
        return (u64)(ss_level_shift(level) - PAGE_SHIFT) << field_lo(rule->field);
    }
    }
    return 0;
}

static u64 apply_all(const struct cap_rule *rules, size_t count, u64 hardware, bool interrupts)
{
    u64 out = 0;
    for (size_t i = 0; i < count; i++) {
        out |= apply(&rules[i], hardware, interrupts);
    }
    return out;
}

u64 viommu_caps_cap(const struct cap_contract *contract, u64 hardware_cap, bool interrupts)
{
    return apply_all(contract->cap, contract->cap_count, hardware_cap, interrupts);
}

u64 viommu_caps_ecap(const struct cap_contract *contract, u64 hardware_ecap, bool interrupts)
{
    return apply_all(contract->ecap, contract->ecap_count, hardware_ecap, interrupts);
}
