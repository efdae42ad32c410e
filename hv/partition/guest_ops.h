/* A partition's memory and interrupts as its vIOMMUs may use them (iommu/viommu/viommu.h). ctx: struct partition. */
#ifndef NESTOR_HV_PARTITION_GUEST_OPS_H
#define NESTOR_HV_PARTITION_GUEST_OPS_H

#include "iommu/viommu/viommu.h"

extern const struct guest_ops guest_ops;

#endif
