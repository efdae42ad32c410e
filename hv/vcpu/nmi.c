/* SPDX-License-Identifier: BSD-2-Clause */
/* See nmi.h. SDM 26.3, 27.3, 28.7.1. */
#include "hv/vcpu/nmi.h"

#include "hv/guest/pmi.h"
#include "hv/machine/apic.h"
#include "hv/machine/exception.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/park.h"

enum { LEAF_COUNTERS = 0x0a };

/*
 * The window bit follows nmi_pending. An NMI may come between any two instructions here, and its
 * handler only ever sets both, so look again after writing.
 */
static void set_window(struct vcpu *v)
{
    u32 pending;
    do {
        pending = __atomic_load_n(&v->nmi_pending, __ATOMIC_SEQ_CST);
        vmcs_write(VMCS_CPU_CONTROLS, v->cpu_controls | (pending ? CPU_NMI_WINDOW : 0));
    } while (pending != __atomic_load_n(&v->nmi_pending, __ATOMIC_SEQ_CST));
}

/* Not while the guest is in its handler: then it is about to serve them. */
static bool swallows_counters(void)
{
    if (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING_NMI) {
        return false;
    }
    u32 version = cpuid(LEAF_COUNTERS, 0).eax & 0xff;
    u64 status = version >= 2 ? msr_read(MSR_PERF_GLOBAL_STATUS) : 0;
    return pmi_is_unserved(apic_counter_entry(), version, status);
}

static bool is_alert(struct cpu *c)
{
    bool is = vcpu_is_first(c->vcpu) && partition_dma_is_alert(c->vcpu->partition);
    if (is) {
        __atomic_fetch_or(&c->vcpu->alert, ALERT_FAULT, __ATOMIC_SEQ_CST);
    }
    return is;
}

void nmi_in_root(struct cpu *c)
{
    if (c->vcpu == NULL) {
        c->nmi_for = c->index + 1;
        return;
    }
    park_if_asked(c);
    if ((!kick_answer(c) && !is_alert(c)) || swallows_counters()) {
        __atomic_store_n(&c->vcpu->nmi_pending, 1, __ATOMIC_SEQ_CST);
        vmcs_write(VMCS_CPU_CONTROLS, c->vcpu->cpu_controls | CPU_NMI_WINDOW);
    }
}

void nmi_begin(struct vcpu *v, struct cpu *starting)
{
    if (starting->nmi_for == v->index + 1) {
        starting->nmi_for = 0;
        __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
    }
    set_window(v);
}

void nmi_exit(struct vcpu *v)
{
    nmi_in_root(v->cpu);
    exception_unblock_nmi();
}

void nmi_window_exit(struct vcpu *v)
{
    if (__atomic_exchange_n(&v->nmi_pending, 0, __ATOMIC_SEQ_CST) != 0 && !vcpu_waits_for_sipi(v)) {
        /* Some CPUs open the window right behind STI, others then refuse the injection (SDM 28.3.1.5). */
        vcpu_unblock(BLOCKING_STI);
        vmcs_write(VMCS_ENTRY_EVENT, EVENT_VALID | EVENT_NMI << EVENT_TYPE_SHIFT | (u32)VECTOR_NMI);
    }
    set_window(v);
}

void nmi_take(struct vcpu *v)
{
    __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
    set_window(v);
}

void nmi_forget(struct vcpu *v)
{
    __atomic_store_n(&v->nmi_pending, 0, __ATOMIC_SEQ_CST);
    set_window(v);
}
