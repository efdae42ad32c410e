/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other partition behind the unit: a device, which always goes through its own second stage, and, where the input
 * asks for that, a guest with a unit of its own and messages of that device, by hv/device/interrupts.c.
 */
#ifndef NESTOR_FUZZ_OTHER_H
#define NESTOR_FUZZ_OTHER_H

#include "hv/types.h"

struct viommu;

enum { OTHER_SID = 0x0210, OTHER_HPA = 0x700000, OTHER_MESSAGES = 4, OTHER_KEPT = 32,
       OTHER_FIRST = 65536 - OTHER_KEPT };      /* of interrupt entries that are not the first guest's */

/* Once, with the unit taken over. */
void other_power_on(void);
/* Its guest's unit, as out of reset; and its end. */
struct viommu *other_begin(void);
void other_end(void);
/* The guest's end, and its next life. */
void other_reset(void);
/* As its guest writes to the function's table. */
void other_message(u32 number, u64 address, u32 data);

bool other_has_cpu(u32 apic_id);
/* Memory of it, and what its device's requests go through but for its guest's tables. */
bool other_is_memory(u64 hpa, u64 len);
hpa_t other_root(void);
/* The word by which Nestor learns that its guest's wait is done. */
bool other_owns_status(u64 addr);

#endif
