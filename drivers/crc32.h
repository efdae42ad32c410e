/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32 as in Ethernet and zlib (reflected, polynomial EDB88320h): over what may be torn or left over from before. */
#ifndef NESTOR_DRIVERS_CRC32_H
#define NESTOR_DRIVERS_CRC32_H

#include "hv/types.h"

/* crc: of what came before, 0 for nothing. About 12 instructions a byte. */
u32 crc32_add(u32 crc, const void *bytes, size_t count);

#endif
