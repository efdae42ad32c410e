/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a function on a page that its partition does not have mapped: the one with the table of MSI-X. */
#ifndef NESTOR_HV_DEVICE_BAR_H
#define NESTOR_HV_DEVICE_BAR_H

#include "hv/device/device.h"

/* gpa: in a BAR of d's. 1, 2, 4 or 8 bytes. The table is msix.h's; all else on the page is the hardware's. */
u64 bar_load(struct device *d, u64 gpa, u32 size);
void bar_store(struct device *d, u64 gpa, u32 size, u64 value);

#endif
