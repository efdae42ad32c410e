/* SPDX-License-Identifier: BSD-2-Clause */
/* Device memory that the firmware assigned, by its PCI protocols (UEFI 2.10 chapter 14). */
#ifndef NESTOR_BOOT_WINDOWS_H
#define NESTOR_BOOT_WINDOWS_H

#include "boot/areas.h"

/* Of host bridges: a device may be given an address anywhere there, without the firmware knowing. */
void windows_of_bridges(struct areas *out);
/* The BARs that have an address now. */
void windows_of_devices(struct areas *out);
/* Some of these I/O ports are in the window of a host bridge or in a BAR. */
bool windows_have_ports(u32 first, u32 count);

#endif
