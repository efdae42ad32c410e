/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exit reason 0: NMIs, and two exceptions that are passed on to the guest at once as if they had not exited. A guest
 * can make the delivery of #DB or #AC raise the next one for ever (CVE-2015-8104, CVE-2015-5307), and a CPU takes no
 * NMI between two of them: without an exit it would never answer a kick.
 *
 * Both are benign (SDM 7.15): raised during the delivery of another event, they are delivered in its place, unless
 * that is #DF. An exit for #DB has changed no debug register (SDM 28.1), and injecting it changes none either.
 */
#include "hv/exit/handlers.h"

#include "hv/machine/reset.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/panic.h"
#include "hv/vcpu/stop.h"
#include "iommu/port.h"

void exit_triple_fault(struct vcpu *v)
{
    if (v->partition->config != NULL) {
        stop_partition(v, "triple fault", true);
        return;
    }
    port_log(LOG_ERROR, "CPU %u: triple fault of the guest, the machine resets", v->index);
    panic_show_guest();
    machine_reset();
}

/* Kinds of exceptions: two contributory ones make a double fault, and so does any of the two with a page fault. */
static bool is_contributory(u32 vector)
{
    return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP) || vector == VECTOR_CP;
}

/* What the error code of a fault during the delivery of an event says: not by a software interrupt (SDM 7.13). */
static bool is_external(u32 type)
{
    return type != EVENT_SOFT_INTERRUPT && type != EVENT_PRIVILEGED_SOFT && type != EVENT_SOFT_EXCEPTION;
}

void exit_fault(struct vcpu *v, enum vector vector, u32 error)
{
    u32 event = (u32)vmcs_read(VMCS_VECTORING);
    u32 first = event & EVENT_VECTOR;
    u32 type = event >> EVENT_TYPE_SHIFT & 7;
    if (!(event & EVENT_VALID)) {
        vcpu_inject_error(vector, error);
        return;
    }
    /* It has been accepted, and its handler does not run. */
    if (type == EVENT_NMI) {
        vcpu_block(BLOCKING_NMI);
    }
    if (type == EVENT_EXCEPTION && first == VECTOR_DF) {
        exit_triple_fault(v);
    } else if (type == EVENT_EXCEPTION && (is_contributory(first) || first == VECTOR_PF)) {
        vcpu_inject_error(VECTOR_DF, 0);
    } else {
        vcpu_inject_error(vector, error | (is_external(type) ? ERROR_CODE_EXTERNAL : 0));
    }
}

/* DR6 as hardware would leave it: conditions that were found earlier stay (SDM 18.2.3). */
static void note_in_dr6(u64 found)
{
    u64 dr6;
    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    dr6 = ((dr6 & ~(u64)DR6_HIT) | DR6_RTM | found) & ~(found & (DR6_RTM | DR6_BLD));
    __asm__ volatile("mov %0, %%dr6" : : "r"(dr6));
}

static void begin_debug_handler(u32 type)
{
    /* INT1 has no bit in DR6. */
    if (type == EVENT_EXCEPTION) {
        note_in_dr6(vmcs_read(VMCS_QUALIFICATION));
    }
    vmcs_write(VMCS_GUEST_DR7, vmcs_read(VMCS_GUEST_DR7) & ~(u64)DR7_GD);
    vmcs_write(VMCS_GUEST_DEBUGCTL,
               vmcs_read(VMCS_GUEST_DEBUGCTL) & ~(u64)(DEBUGCTL_LBR | DEBUGCTL_BTF));
}

void exit_exception(struct vcpu *v)
{
    u32 event = (u32)vmcs_read(VMCS_EXIT_EVENT);
    u32 before = (u32)vmcs_read(VMCS_VECTORING);
    u32 vector = event & EVENT_VECTOR;
    if (vector == VECTOR_NMI) {
        nmi_exit(v);
        return;
    }
    if ((before & (EVENT_VALID | EVENT_VECTOR)) == (EVENT_VALID | VECTOR_DF)) {
        exit_triple_fault(v);
    }
    if (vector == VECTOR_DB) {
        begin_debug_handler(event >> EVENT_TYPE_SHIFT & 7);
    }
    /*
     * Delivery ends these kinds of blocking, under which VM entry would demand BS (SDM 28.3.1.5), and it ends the
     * halt of a HLT that was single-stepped.
     */
    vcpu_unblock(BLOCKING_STI | BLOCKING_MOV_SS);
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
    vcpu_inject_again(event, VMCS_EXIT_ERROR_CODE);
}
