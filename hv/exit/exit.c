/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of exits, and handlers of a few lines. SDM 27.1.2 and 27.1.3 list what exits. */
#include "hv/exit/exit.h"

#include "hv/exit/handlers.h"
#include "hv/machine/checked.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/panic.h"
#include "hv/vcpu/vmcs_setup.h"
#include "hv/vcpu/work.h"
#include "hv/vmx/reason.h"
#include "iommu/port.h"

typedef void (*exit_handler)(struct vcpu *v);

/* INVD would throw away what the caches hold of Nestor's data, too. */
static void exit_invd(struct vcpu *v)
{
    (void)v;
    wbinvd();
    vcpu_advance();
}

/* The image uses no vector register, so the guest's XCR0 is simply the CPU's. */
static seldom void exit_xsetbv(struct vcpu *v)
{
    const struct guest_regs *r = v->regs;
    u64 value = r->gpr[REG_RDX] << 32 | (u32)r->gpr[REG_RAX];
    if (checked_xcr_write((u32)r->gpr[REG_RCX], value)) {
        vcpu_advance();
    } else {
        vcpu_inject_error(VECTOR_GP, 0);
    }
}

/*
 * A hardware task switch always exits and would have to be emulated (SDM 26.4.2). No 64-bit OS uses them; a guest
 * that does gets the fault for an unusable segment.
 */
static seldom void exit_task_switch(struct vcpu *v)
{
    u32 selector = (u32)vmcs_read(VMCS_QUALIFICATION) & 0xfffc;
    if (limit_due(&v->partition->refused_tasks)) {
        port_log(LOG_WARNING, "CPU %u: hardware task switch to selector 0x%x refused with #GP", v->index, selector);
    }
    exit_fault(v, VECTOR_GP, selector);
}

static const exit_handler handlers[REASON_LIMIT] = {
    [REASON_EXCEPTION_NMI] = exit_exception,
    [REASON_TRIPLE_FAULT] = exit_triple_fault,
    [REASON_INIT] = exit_init,
    [REASON_SIPI] = exit_sipi,
    [REASON_NMI_WINDOW] = nmi_window_exit,
    [REASON_TASK_SWITCH] = exit_task_switch,
    [REASON_CPUID] = exit_cpuid,
    [REASON_GETSEC] = exit_undefined,
    [REASON_INVD] = exit_invd,
    [REASON_VMCALL] = exit_vmcall,
    [REASON_VMCLEAR] = exit_undefined,
    [REASON_VMLAUNCH] = exit_undefined,
    [REASON_VMPTRLD] = exit_undefined,
    [REASON_VMPTRST] = exit_undefined,
    [REASON_VMREAD] = exit_undefined,
    [REASON_VMRESUME] = exit_undefined,
    [REASON_VMWRITE] = exit_undefined,
    [REASON_VMXOFF] = exit_undefined,
    [REASON_VMXON] = exit_undefined,
    [REASON_CR_ACCESS] = exit_cr_access,
    [REASON_IO] = exit_io,
    [REASON_RDMSR] = exit_rdmsr,
    [REASON_WRMSR] = exit_wrmsr,
    [REASON_EPT_VIOLATION] = exit_ept_violation,
    [REASON_EPT_MISCONFIG] = exit_ept_misconfig,
    [REASON_INVEPT] = exit_undefined,
    [REASON_PREEMPTION_TIMER] = work_timer_exit,
    [REASON_INVVPID] = exit_undefined,
    [REASON_XSETBV] = exit_xsetbv,
    [REASON_VMFUNC] = exit_undefined,
    [REASON_ENCLS] = exit_undefined,
    [REASON_ENCLV] = exit_undefined,
    [REASON_SEAMCALL] = exit_undefined,
    [REASON_TDCALL] = exit_undefined,
};

static _Noreturn void entry_failed(u32 reason)
{
    panic_show_guest();
    panic("%s, qualification 0x%llx", vmx_reason_text(reason), vmcs_read(VMCS_QUALIFICATION));
}

/*
 * An event whose delivery caused the exit is lost unless it is injected again (SDM 28.2.4); if it is an NMI, it is
 * not in service yet. A handler that injects an event of its own replaces it.
 */
static void redeliver(void)
{
    u32 event = (u32)vmcs_read(VMCS_VECTORING);
    if (!(event & EVENT_VALID)) {
        return;
    }
    vcpu_inject_again(event, VMCS_VECTORING_ERROR_CODE);
    if ((event >> EVENT_TYPE_SHIFT & 7) == EVENT_NMI) {
        vcpu_unblock(BLOCKING_NMI);
    }
}

/* Last of all: a machine check that comes later makes the CPU exit again at once (vcpu/fault.c). */
static void end(struct vcpu *v)
{
    if (__atomic_load_n(&v->machine_check, __ATOMIC_SEQ_CST) != 0) {
        exit_machine_check(v);
    }
}

void exit_handle(struct vcpu *v)
{
    u32 reason = (u32)vmcs_read(VMCS_EXIT_REASON);
    if (reason == REASON_CPUID) {
        v->exits[REASON_CPUID]++;
        exit_cpuid(v);
        return;
    }
    if (reason == (REASON_ENTRY_FAILURE | REASON_ENTRY_MACHINE_CHECK)) {
        v->exits[REASON_ENTRY_MACHINE_CHECK]++;
        v->machine_check = 1;
        end(v);
        return;
    }
    if (reason & REASON_ENTRY_FAILURE) {
        entry_failed(reason);
    }
    reason &= REASON_BASIC;
    if (reason >= REASON_LIMIT || handlers[reason] == NULL) {
        panic_show_guest();
        panic("no handler for exit reason %u, %s", reason, vmx_reason_text(reason));
    }
    v->exits[reason]++;
    /* exit_exception() itself decides: the exception replaces the event during whose delivery it was raised. */
    if (reason != REASON_EXCEPTION_NMI) {
        redeliver();
    }
    handlers[reason](v);
    work_check(v);
    end(v);
}

seldom void exit_first(struct vcpu *v)
{
    struct cpu *c = v->cpu;
    u32 reason = (u32)vmcs_read(VMCS_EXIT_REASON);
    if (reason & REASON_ENTRY_FAILURE) {
        c->launch_reason = reason;
        c->launch_qualification = vmcs_read(VMCS_QUALIFICATION);
        vmx_restore(&c->launch_rsp);
    }
    vmcs_setup_next_exits(v);
    exit_handle(v);
}

_Noreturn void exit_resume_failed(struct vcpu *v)
{
    panic_show_guest();
    panic("CPU %u: VMRESUME refused, VM-instruction error %llu", v->index, vmcs_read(VMCS_INSTRUCTION_ERROR));
}
