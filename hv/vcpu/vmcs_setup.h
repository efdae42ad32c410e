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

/* The same for a CPU that has left another guest: without guest state, which is start.h's. */
void vmcs_setup_fresh(struct vcpu *v);

/*
 * What is different from this CPU's first exit on: where exits go, and five levels of paging in root mode, where there
 * are such tables (paging.h). Not for the first: that one may be a VM entry that failed, and there is no way back to
 * four levels without leaving IA-32e mode (SDM 5.1.2).
 */
void vmcs_setup_next_exits(const struct vcpu *v);

#endif
