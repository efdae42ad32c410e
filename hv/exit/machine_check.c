/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine check that came in root mode, or during VM entry, is the guest's (SDM 17.9.3): what it was is still in its
 * registers. An event that is being delivered already comes first; the exit that follows it finds the check again.
 */
#include "hv/exit/handlers.h"

#include "hv/machine/x86_bits.h"
#include "hv/vcpu/work.h"
#include "iommu/port.h"

void exit_machine_check(struct vcpu *v)
{
    if (vmcs_read(VMCS_GUEST_ACTIVITY) == ACTIVITY_WAIT_SIPI || vcpu_waits_for_sipi(v)) {
        v->machine_check = 0;
        return;
    }
    if (vmcs_read(VMCS_ENTRY_EVENT) & EVENT_VALID) {
        vcpu_exit_at_once(v);
        return;
    }
    v->machine_check = 0;
    if (!(vmcs_read(VMCS_GUEST_CR4) & CR4_MCE)) {
        port_log(LOG_ERROR, "CPU %u: a machine check, which the guest has turned off", v->index);
        exit_triple_fault(v);
        vcpu_exit_at_once(v);
        return;
    }
    vcpu_inject(VECTOR_MC);
}
