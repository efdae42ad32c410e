/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMCALL is undefined but for the one call of nestor.efi's: the firmware's boot services end. A guest that says so
 * itself only makes its own unknown registers stricter (hv/guest/msr_policy.h), and other partitions begin.
 */
#include "hv/exit/handlers.h"

#include "hv/handover.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/life.h"

void exit_vmcall(struct vcpu *v)
{
    if ((u32)v->regs->gpr[REG_RAX] != HANDOVER_CALL_BOOT_SERVICES_END || !v->partition->boot_services) {
        exit_undefined(v);
        return;
    }
    if (__atomic_exchange_n(&v->partition->boot_services, false, __ATOMIC_SEQ_CST)) {
        life_boot_services_end(v->partition);
    }
    vcpu_advance();
}
