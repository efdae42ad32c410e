/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's devices for a person; viommu_report_devices() of viommu.h is the public half. */
#ifndef NESTOR_IOMMU_VIOMMU_REPORT_H
#define NESTOR_IOMMU_VIOMMU_REPORT_H

struct viommu;

/* The guest's translation is about to go off: its devices for the last time. The lock is held. */
void viommu_report_ending(struct viommu *v);

#endif
