/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges one interrupt entry of a guest: a pure function from the entry as read to what hardware may hold. */
#ifndef NESTOR_IOMMU_VIOMMU_IRTE_H
#define NESTOR_IOMMU_VIOMMU_IRTE_H

#include "iommu/spec/entries.h"
#include "iommu/spec/faults.h"
#include "iommu/viommu/viommu.h"

struct irte_rules {
    const struct guest_ops *ops;
    void *ctx;
    bool guest_eime;    /* how the guest's entries are to be read */
    bool host_eime;     /* how the unit will read ours */
    bool single;        /* ours is for source-id `sid` alone; else for all that the guest's admits */
    u16 sid;
};

/*
 * The host's entry for a guest's, and VTD_FAULT_NONE; or the fault that a request through it gets, with an entry that
 * is not present. *why: what Nestor has against an entry that the architecture allows, NULL when it is the
 * architecture.
 */
enum vtd_fault_reason viommu_irte_judge(const struct irte_rules *rules, const struct irte *guest, struct irte *host,
                                        const char **why);

/*
 * True if a message of that destination reaches CPUs of the partition and no other. How a CPU in xAPIC mode takes a
 * logical destination of 8 bits is in its own hands, so that is for a partition with all CPUs.
 */
bool viommu_irte_has_destination(const struct irte_rules *rules, bool logical, u32 dst);

/* What viommu_irte_judge() said of a host entry: it is remembered in bits that hardware ignores. */
enum vtd_fault_reason viommu_irte_reason(const struct irte *host);
/* An entry that is not there, for that reason. */
struct irte viommu_irte_absent(enum vtd_fault_reason reason);

#endif
