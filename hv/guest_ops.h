/* A partition's memory and interrupts as its vIOMMUs may use them (iommu/viommu.h). ctx: struct partition. */
#ifndef NESTOR_GUEST_OPS_H
#define NESTOR_GUEST_OPS_H

#include "iommu/viommu.h"

extern const struct guest_ops guest_ops;

#endif
