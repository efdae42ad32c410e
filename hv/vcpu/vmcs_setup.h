/* The VMCS of a CPU that goes on as it is, but in non-root mode. */
#ifndef NESTOR_HV_VCPU_VMCS_SETUP_H
#define NESTOR_HV_VCPU_VMCS_SETUP_H

#include "hv/vcpu/vcpu.h"

struct handover_resume;

/*
 * Fills the current VMCS: controls, host state of v's CPU, guest state as the CPU is now but for
 * what `resume` says. Also notes in the CPU what vmx_restore() needs.
 */
void vmcs_setup(struct vcpu *v, const struct handover_resume *resume);

#endif
