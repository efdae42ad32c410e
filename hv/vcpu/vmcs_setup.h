/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMCS of a CPU that goes on as it is, but in non-root mode. */
#ifndef NESTOR_HV_VCPU_VMCS_SETUP_H
#define NESTOR_HV_VCPU_VMCS_SETUP_H

#include "hv/machine/tables.h"
#include "hv/vcpu/vcpu.h"

struct handover_resume;

/*
 * Fills the current VMCS: controls, host state of v's CPU, guest state as the CPU is now but for
 * what `firmware` and `resume` say.
 */
void vmcs_setup(struct vcpu *v, const struct tables_firmware *firmware, const struct handover_resume *resume);

/*
 * Five levels of paging in root mode, where there are such tables (paging.h), from this CPU's next exit on. Not from
 * its first: that one may be a VM entry that failed, and there is no way back to four levels without leaving IA-32e
 * mode (SDM 5.1.2).
 */
void vmcs_setup_widen_host(void);

#endif
