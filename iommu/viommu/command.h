/* SPDX-License-Identifier: BSD-2-Clause */
/* What GCMD asked for, carried out in steps; the status bits follow when it is done. */
#ifndef NESTOR_IOMMU_VIOMMU_COMMAND_H
#define NESTOR_IOMMU_VIOMMU_COMMAND_H

#include "hv/types.h"

struct viommu;

/* Goes on within v->budget; true while a command is not done. */
bool viommu_command_run(struct viommu *v);

#endif
