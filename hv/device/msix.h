/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSI-X table of a given-away function (PCI 7.7.2): the guest reads what it wrote, the function has the host's
 * messages. Function mask and enable, in the capability, are the guest's: nothing is sent by either of them.
 */
#ifndef NESTOR_HV_DEVICE_MSIX_H
#define NESTOR_HV_DEVICE_MSIX_H

#include "hv/types.h"

struct device;

/* Size 4, at an aligned offset in the table. Anything else reads ones and writes nothing. */
u32 msix_read(struct device *d, u32 offset, u32 size);
void msix_write(struct device *d, u32 offset, u32 size, u32 value);
/* A copy for the guest, once. ERR_NO_MEMORY. */
must_use enum result msix_create(struct device *d);
/* All entries masked, as after a reset. */
void msix_begin(struct device *d);

#endif
