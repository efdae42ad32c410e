/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NMIs are work; a #GP of an instruction that was expected to fault is an answer; a machine check is the guest's where
 * that is possible; all else is fatal.
 */
#include "hv/vcpu/fault.h"

#include "hv/guest/machine_check.h"
#include "hv/machine/checked.h"
#include "hv/machine/cpu.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/panic.h"
#include "hv/vcpu/vcpu.h"
#include "hv/vcpu/work.h"

static bool is_among(u64 rip, const u64 *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == rip) {
            return true;
        }
    }
    return false;
}

/* IA32_MCG_STATUS and the banks stay as they are, for the guest's handler. */
static void machine_check(struct exception_frame *frame)
{
    struct vcpu *v = cpu_current()->vcpu;
    bool load = is_among(frame->rip, checked_loads, ARRAY_LEN(checked_loads));
    enum machine_check what = machine_check_judge(msr_read(MSR_MCG_STATUS), load);
    if (v != NULL && what != MACHINE_CHECK_FATAL) {
        __atomic_store_n(&v->machine_check, 1, __ATOMIC_SEQ_CST);
        vcpu_exit_at_once(v);
        if (what == MACHINE_CHECK_LOAD) {
            frame->rip = (u64)(uintptr_t)checked_fault;
        }
        return;
    }
    panic_exception(frame);
}

void fault_handle(struct exception_frame *frame)
{
    if (frame->vector == VECTOR_NMI) {
        nmi_in_root(cpu_current());
        if (cpu_current()->vcpu != NULL) {
            work_alert(cpu_current()->vcpu);
        }
    } else if (frame->vector == VECTOR_MC) {
        machine_check(frame);
    } else if (frame->vector == VECTOR_GP &&
               is_among(frame->rip, checked_instructions, ARRAY_LEN(checked_instructions))) {
        frame->rip = (u64)(uintptr_t)checked_fault;
    } else {
        panic_exception(frame);
    }
}
