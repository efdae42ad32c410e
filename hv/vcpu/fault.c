/* SPDX-License-Identifier: BSD-2-Clause */
/* NMIs are work; a #GP of an instruction that was expected to fault is an answer; all else is fatal. */
#include "hv/vcpu/fault.h"

#include "hv/machine/checked.h"
#include "hv/machine/cpu.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/panic.h"

static bool was_checked(u64 rip)
{
    for (size_t i = 0; i < ARRAY_LEN(checked_instructions); i++) {
        if (checked_instructions[i] == rip) {
            return true;
        }
    }
    return false;
}

void fault_handle(struct exception_frame *frame)
{
    if (frame->vector == VECTOR_NMI) {
        nmi_in_root(cpu_current());
    } else if (frame->vector == VECTOR_GP && was_checked(frame->rip)) {
        frame->rip = (u64)(uintptr_t)checked_fault;
    } else {
        panic_exception(frame);
    }
}
