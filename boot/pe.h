/* SPDX-License-Identifier: BSD-2-Clause */
/* A section of nestor.efi itself as it lies in memory (PE/COFF 8.3, chapters 2 to 4). Pure. */
#ifndef NESTOR_BOOT_PE_H
#define NESTOR_BOOT_PE_H

#include "hv/types.h"

/* Where the section of that name, at most 8 bytes, lies in the image. NULL: none, or the headers make no sense. */
const u8 *pe_section(const u8 *image, size_t image_size, const char *name, size_t *size);

#endif
