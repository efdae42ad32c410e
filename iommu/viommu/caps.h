/*
 * What the guest's unit offers: the hardware's CAP and ECAP with each bit passed
 * through, forced off, or forced on, and the reason for it. Pure.
 */
#ifndef NESTOR_IOMMU_VIOMMU_CAPS_H
#define NESTOR_IOMMU_VIOMMU_CAPS_H

#include "hv/types.h"

enum cap_policy {
    CAP_PASS,  /* as the hardware has it */
    CAP_OFF,   /* zero */
    CAP_ON,    /* all ones */
    CAP_LIMIT, /* the smaller of the hardware's value and the rule's */
};

struct cap_rule {
    u8 hi, lo; /* as printed in VT-d 11.4.2 and 11.4.3 */
    u8 policy; /* enum cap_policy */
    u8 limit;
    const char *name;
    const char *why;
};

/* Fault records of the guest's unit; the hardware may have up to 256. */
enum { VIOMMU_FAULT_RECORDS = 8 };

extern const struct cap_rule viommu_cap_rules[];
extern const struct cap_rule viommu_ecap_rules[];
extern const size_t viommu_cap_rule_count;
extern const size_t viommu_ecap_rule_count;

u64 viommu_caps_cap(u64 hardware_cap);
u64 viommu_caps_ecap(u64 hardware_ecap);

#endif
