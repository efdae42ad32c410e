/*
 * Nestor's page tables with five levels. A hypervisor below Nestor or an emulator may check the
 * guest's linear addresses at VM entry by the host's CR4.LA57 instead of by what the CPU supports,
 * so where there is 5-level paging root mode uses it, whatever the guest does.
 */
#ifndef NESTOR_HV_MACHINE_PAGING_H
#define NESTOR_HV_MACHINE_PAGING_H

#include "hv/types.h"

/* Once, before the first CPU enters. */
must_use enum result paging_create(void);

/*
 * From this CPU's next exit on. Not from its first: that one may be a VM entry that failed, and there
 * is no way back to four levels without leaving IA-32e mode (SDM 5.1.2).
 */
void paging_widen_host(void);

#endif
