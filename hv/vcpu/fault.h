/* Exceptions in root mode: what the stubs of entry.asm push. */
#ifndef NESTOR_HV_VCPU_FAULT_H
#define NESTOR_HV_VCPU_FAULT_H

#include "hv/types.h"

struct exception_frame {
    u64 gpr[15];                    /* rax rcx rdx rbx rbp rsi rdi r8..r15 */
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss;
};

void host_exception(struct exception_frame *frame);

#endif
