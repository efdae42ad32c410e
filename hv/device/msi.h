/* SPDX-License-Identifier: BSD-2-Clause */
/* The MSI capability of a given-away function: the guest reads what it wrote, the function has the host's message. */
#ifndef NESTOR_HV_DEVICE_MSI_H
#define NESTOR_HV_DEVICE_MSI_H

#include "hv/types.h"

struct device;

/* Size 1, 2 or 4, at an offset in the capability that is aligned to it. Under pci_lock(). */
u32 msi_read(const struct device *d, u32 offset, u32 size);
void msi_write(struct device *d, u32 offset, u32 size, u32 value);
/* Off, and for the guest as after a reset. */
void msi_begin(struct device *d);

#endif
