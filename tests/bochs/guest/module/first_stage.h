/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's first stage as the guest's IOMMU driver has it, for changes behind that driver's back. */
#ifndef NESTOR_GUEST_FIRST_STAGE_H
#define NESTOR_GUEST_FIRST_STAGE_H

#include <linux/pci.h>

/* The top table of the device's four-level first stage; NULL if it has none. */
u64 *first_stage_top(struct pci_dev *pci);

#endif
