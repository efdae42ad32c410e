/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INIT and start-up IPI. A SIPI that arrives while the CPU is in root mode is lost (SDM 27.2), and kernels send it
 * right after INIT: so the way back to wait-for-SIPI is short, takes no lock and prints nothing. What INIT does to
 * the registers cannot be seen before the SIPI and is left to its exit. Under a hypervisor short is not enough: there
 * the CPU waits by software (vcpu/start.h).
 */
#include "hv/exit/handlers.h"

#include "hv/partition/partition.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/start.h"
#include "hv/vcpu/work.h"
#include "iommu/port.h"

/*
 * An INIT that arrives while the CPU waits for its SIPI has no effect on hardware, but under VMX it stays pending
 * until after the SIPI (SDM 27.2). It is told by that the guest has not run an instruction yet.
 */
static bool came_before_sipi(struct vcpu *v)
{
    bool fresh = v->fresh;
    v->fresh = false;
    return fresh && vmcs_read(VMCS_GUEST_RIP) == 0;
}

/* An event during whose delivery INIT came is gone with all else, so nothing is delivered again. */
void exit_init(struct vcpu *v)
{
    if (v->partition->shares) {
        if (limit_due(&v->partition->foreign_inits)) {
            port_log(LOG_WARNING, "CPU %u: an INIT that none of the partition's CPUs has sent, dropped", v->index);
        }
        return;
    }
    if (partition_starts_cpus(v->partition)) {
        start_send_init(v);
        return;
    }
    /* What is sent to a CPU without a local APIC does not arrive. */
    if (came_before_sipi(v) || v->msr.apic_off) {
        return;
    }
    start_init(v);
    work_hand_over(v);
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_WAIT_SIPI);
    __atomic_store_n(&v->cpu->run, RUN_WAIT_SIPI, __ATOMIC_SEQ_CST);
}

/* The order that kick.c needs: first say that this CPU runs, then catch up with what it was not asked for. */
void exit_sipi(struct vcpu *v)
{
    u32 vector = (u32)vmcs_read(VMCS_QUALIFICATION) & 0xff;
    __atomic_store_n(&v->cpu->run, RUN_GUEST, __ATOMIC_SEQ_CST);
    kick_catch_up(v->cpu);
    start_at(v, vector);
    v->fresh = true;
}
