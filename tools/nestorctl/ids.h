/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of PCI functions by the text of a file pci.ids. */
#ifndef NESTOR_TOOLS_NESTORCTL_IDS_H
#define NESTOR_TOOLS_NESTORCTL_IDS_H

#include "hv/types.h"

/* "VENDOR DEVICE", as far as the file has them and they fit; "": not the vendor either. */
void ids_name(const char *file, size_t bytes, u16 vendor, u16 device, char *text, size_t size);

#endif
