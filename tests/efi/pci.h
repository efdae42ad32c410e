/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the devices of the tests and makes them answer; bus numbers and BARs are the firmware's. */
#ifndef NESTOR_TESTS_EFI_PCI_H
#define NESTOR_TESTS_EFI_PCI_H

#include "hv/types.h"

enum { PCI_NONE = 0xffff };

u32 pci_read(u16 sid, u8 offset);
void pci_write(u16 sid, u8 offset, u32 value);

/* The source-id of the nth function of that vendor and device id, or PCI_NONE. */
u16 pci_find(u16 vendor, u16 device, u32 nth);
/* The same by class code (24 bits). */
u16 pci_find_class(u32 class, u32 nth);

/* Memory space and bus mastering on; the address of memory BAR 0. */
u64 pci_open(u16 sid);

#endif
