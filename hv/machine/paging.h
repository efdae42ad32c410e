/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nestor's own page tables: those that boot/ made, and where the CPU has 5-level paging the same under one more
 * level. A hypervisor below Nestor or an emulator may check the guest's linear addresses at VM entry by the host's
 * CR4.LA57 instead of by what the CPU supports, so root mode uses five levels there, whatever the guest does.
 */
#ifndef NESTOR_HV_MACHINE_PAGING_H
#define NESTOR_HV_MACHINE_PAGING_H

#include "hv/types.h"

/* Once, before the first CPU enters. page_table: boot/'s, as CR3 holds it. narrow: as many levels as that has. */
must_use enum result paging_create(u64 page_table, bool narrow);

u64 paging_root(void);
/* The root of the five-level tables, to be used with CR4.LA57; 0 where the CPU has none or already runs on them. */
hpa_t paging_wide_root(void);

#endif
