/* SPDX-License-Identifier: BSD-2-Clause */
/* The chipset's IDE controller as a bus master: one sector at the end of the data partition, to or from memory. */
#ifndef NESTOR_TESTS_EFI_IDE_H
#define NESTOR_TESTS_EFI_IDE_H

#include "hv/types.h"

enum { IDE_SID = 0x0009, IDE_SECTOR = 512, IDE_ERROR = 2, IDE_DONE = 4 };

/* `table` is eight bytes below 4 GiB for its descriptor. */
void ide_open(u32 *table);
void ide_start(u64 memory, bool to_memory);
/* IDE_ERROR or IDE_DONE; 0 while it runs. */
u8 ide_status(void);
void ide_stop(void);

#endif
