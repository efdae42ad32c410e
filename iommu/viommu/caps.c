/*
 * The capability contract of the guest's unit (design, decision 4): first stage
 * only, no device TLB, no page requests, no interrupt remapping, caching mode on.
 * Every bit of both registers has a row; a test checks that they tile 63..0.
 */
#include "iommu/viommu/caps.h"

/* VT-d 11.4.2. */
const struct cap_rule viommu_cap_rules[] = {
    {2, 0, CAP_PASS, 0, "ND", "guest domain ids are names of the guest's; each is translated"},
    {3, 3, CAP_OFF, 0, "AFL", "reserved; the advanced fault log is gone"},
    {4, 4, CAP_OFF, 0, "RWBF", "must be 0 with SMTS; Nestor reads guest tables with the CPU"},
    {5, 5, CAP_OFF, 0, "PLMR", "protected memory is the host's to set"},
    {6, 6, CAP_OFF, 0, "PHMR", "protected memory is the host's to set"},
    {7, 7, CAP_ON, 0, "CM", "the only way a guest tells that an entry became present"},
    {12, 8, CAP_OFF, 0, "SAGAW", "no second stage: legacy kernels ignore the unit"},
    {15, 13, CAP_OFF, 0, "rsvd", "reserved"},
    {21, 16, CAP_PASS, 0, "MGAW", "must not be 0 even without SSTS; width of the first stage"},
    {22, 22, CAP_PASS, 0, "ZLR", "final accesses are the hardware's"},
    {23, 23, CAP_OFF, 0, "DEP", "deprecated"},
    {33, 24, CAP_PASS, 0, "FRO", "the window is as large as the hardware's"},
    {37, 34, CAP_OFF, 0, "SSLPS", "no second stage"},
    {38, 38, CAP_OFF, 0, "rsvd", "reserved"},
    {39, 39, CAP_PASS, 0, "PSI", "translated to a wider invalidation"},
    {47, 40, CAP_LIMIT, VIOMMU_FAULT_RECORDS - 1, "NFR", "records are kept in Nestor's memory"},
    {53, 48, CAP_PASS, 0, "MAMV", "translated to a wider invalidation"},
    {54, 54, CAP_PASS, 0, "DWD", "draining is the hardware's"},
    {55, 55, CAP_PASS, 0, "DRD", "draining is the hardware's"},
    {56, 56, CAP_PASS, 0, "FS1GP", "the hardware walks the first stage"},
    {58, 57, CAP_OFF, 0, "rsvd", "reserved"},
    {59, 59, CAP_OFF, 0, "PI", "no interrupt remapping"},
    {60, 60, CAP_PASS, 0, "FS5LP", "the hardware walks the first stage"},
    {61, 61, CAP_OFF, 0, "ECMDS", "enhanced commands would act on the whole unit"},
    {62, 62, CAP_OFF, 0, "ESIRTPS", "no interrupt remapping"},
    {63, 63, CAP_ON, 0, "ESRTPS", "SRTP re-reads everything, so nothing stale can stay"},
};
const size_t viommu_cap_rule_count = ARRAY_LEN(viommu_cap_rules);

/* VT-d 11.4.3. */
const struct cap_rule viommu_ecap_rules[] = {
    {0, 0, CAP_ON, 0, "C", "root, context and PASID tables are read by the CPU, always coherent"},
    {1, 1, CAP_ON, 0, "QI", "the guest's queue is Nestor's; scalable mode requires it"},
    {2, 2, CAP_OFF, 0, "DT", "translated requests carry host addresses and skip both stages"},
    {3, 3, CAP_OFF, 0, "IR", "until guest interrupt tables are shadowed (decision 12)"},
    {4, 4, CAP_OFF, 0, "EIM", "no interrupt remapping"},
    {5, 5, CAP_OFF, 0, "DEP", "deprecated"},
    {6, 6, CAP_ON, 0, "PT", "pass-through of the guest is a second-stage-only entry of the host"},
    {7, 7, CAP_OFF, 0, "SC", "snoop control is the host's"},
    {17, 8, CAP_PASS, 0, "IRO", "the window is as large as the hardware's"},
    {19, 18, CAP_OFF, 0, "rsvd", "reserved"},
    {23, 20, CAP_OFF, 0, "MHMV", "no interrupt remapping"},
    {24, 24, CAP_OFF, 0, "DEP", "deprecated"},
    {25, 25, CAP_OFF, 0, "MTS", "memory types of DMA are the host's"},
    {26, 26, CAP_OFF, 0, "NEST", "the one nesting there is carries this unit"},
    {28, 27, CAP_OFF, 0, "DEP", "deprecated"},
    {29, 29, CAP_OFF, 0, "PRS", "page requests need device TLBs"},
    {30, 30, CAP_OFF, 0, "ERS", "must be 0"},
    {31, 31, CAP_PASS, 0, "SRS", "SRE is the guest's to set in a first-stage entry"},
    {32, 32, CAP_OFF, 0, "rsvd", "reserved"},
    {33, 33, CAP_OFF, 0, "NWFS", "matters to translation requests only"},
    {34, 34, CAP_PASS, 0, "EAFS", "EAFE is the guest's to set in a first-stage entry"},
    {39, 35, CAP_PASS, 0, "PSS", "a guest PASID is the host's PASID of that device"},
    {40, 40, CAP_PASS, 0, "PASID", "a guest PASID is the host's PASID of that device"},
    {41, 41, CAP_OFF, 0, "DIT", "no device TLBs"},
    {42, 42, CAP_OFF, 0, "PDS", "no page requests"},
    {43, 43, CAP_PASS, 0, "SMTS", "required to offer the unit at all"},
    {44, 44, CAP_OFF, 0, "VCS", "guests allocate PASIDs themselves"},
    {45, 45, CAP_OFF, 0, "SSADS", "no second stage"},
    {46, 46, CAP_OFF, 0, "SSTS", "the second stage is Nestor's"},
    {47, 47, CAP_PASS, 0, "FSTS", "required to offer the unit at all"},
    {48, 48, CAP_PASS, 0, "SMPWCS", "first-stage walks are the hardware's; PWSNP follows this bit"},
    {49, 49, CAP_PASS, 0, "RPS", "RID_PASID goes into the host's context entry"},
    {50, 50, CAP_OFF, 0, "TDXCS", "not for guests"},
    {51, 51, CAP_OFF, 0, "PMS", "counters show other partitions' traffic"},
    {52, 52, CAP_OFF, 0, "ADMS", "abort mode of the whole unit is the host's"},
    {53, 53, CAP_OFF, 0, "RPRIVS", "requests without PASID stay user requests"},
    {54, 54, CAP_OFF, 0, "rsvd", "reserved"},
    {55, 55, CAP_OFF, 0, "HPTS", "permission tables hold host addresses"},
    {56, 56, CAP_OFF, 0, "PTRS", "no translated requests"},
    {57, 57, CAP_OFF, 0, "SSIRWS", "no second stage"},
    {58, 58, CAP_OFF, 0, "SMS", "no page requests"},
    {59, 59, CAP_OFF, 0, "HPT1GPS", "no permission tables"},
    {60, 60, CAP_OFF, 0, "RDTS", "resource control is the host's"},
    {61, 61, CAP_OFF, 0, "EIMER", "no interrupt remapping"},
    {62, 62, CAP_OFF, 0, "IRREQ", "machines that demand remapping boot natively (decision 12)"},
    {63, 63, CAP_OFF, 0, "rsvd", "reserved"},
};
const size_t viommu_ecap_rule_count = ARRAY_LEN(viommu_ecap_rules);

static u64 mask_of(const struct cap_rule *rule)
{
    return (~0ull >> (63 - (rule->hi - rule->lo))) << rule->lo;
}

static u64 apply(const struct cap_rule *rule, u64 hardware)
{
    u64 mask = mask_of(rule);
    switch ((enum cap_policy)rule->policy) {
    case CAP_PASS:
        return hardware & mask;
    case CAP_OFF:
        return 0;
    case CAP_ON:
        return mask;
    case CAP_LIMIT: {
        u64 limit = (u64)rule->limit << rule->lo;
        return (hardware & mask) < limit ? hardware & mask : limit;
    }
    }
    return 0;
}

static u64 apply_all(const struct cap_rule *rules, size_t count, u64 hardware)
{
    u64 out = 0;
    for (size_t i = 0; i < count; i++) {
        out |= apply(&rules[i], hardware);
    }
    return out;
}

u64 viommu_caps_cap(u64 hardware_cap)
{
    return apply_all(viommu_cap_rules, viommu_cap_rule_count, hardware_cap);
}

u64 viommu_caps_ecap(u64 hardware_ecap)
{
    return apply_all(viommu_ecap_rules, viommu_ecap_rule_count, hardware_ecap);
}
