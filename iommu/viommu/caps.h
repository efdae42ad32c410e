/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's unit offers: the hardware's CAP and ECAP with each field passed through, forced
 * off, or forced on. Pure.
 */
#ifndef NESTOR_IOMMU_VIOMMU_CAPS_H
#define NESTOR_IOMMU_VIOMMU_CAPS_H

#include "hv/types.h"

enum cap_policy {
    CAP_PASS,  /* as the hardware has it */
    CAP_OFF,   /* zero */
    CAP_ON,    /* all ones */
    CAP_LIMIT, /* the smaller of the hardware's value and the rule's */
    CAP_REACH, /* MAMV: what the largest second-stage page of the hardware has; 2 MiB at least */
    CAP_REMAP, /* as the hardware has it, where interrupt remapping is shown; else zero */
};

struct cap_rule {
    u16 field;  /* enum vtd_cap_field or enum vtd_ecap_field, by the table */
    u8 policy;  /* enum cap_policy */
    u8 limit;
};

/* Fault records of the guest's unit; the hardware may have up to 256. */
enum { VIOMMU_FAULT_RECORDS = 8 };

/* One rule a field. */
struct cap_contract {
    const struct cap_rule *cap;
    size_t cap_count;
    const struct cap_rule *ecap;
    size_t ecap_count;
};
extern const struct cap_contract viommu_caps_nested, viommu_caps_shadowed;

u64 viommu_caps_cap(const struct cap_contract *contract, u64 hardware_cap, bool interrupts);
u64 viommu_caps_ecap(const struct cap_contract *contract, u64 hardware_ecap, bool interrupts);

#endif
