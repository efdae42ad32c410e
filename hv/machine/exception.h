/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions in root mode: the stubs that the IDT points to, and what they hand to fault_handle() (vcpu/fault.c). */
#ifndef NESTOR_HV_MACHINE_EXCEPTION_H
#define NESTOR_HV_MACHINE_EXCEPTION_H

#include "hv/types.h"

enum { EXCEPTION_STUBS = 32 };

/* What a stub leaves on the stack. */
struct exception_frame {
    u64 gpr[15];                    /* rax rcx rdx rbx rbp rsi rdi r8..r15 */
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss;
};

extern const u64 exception_stubs[EXCEPTION_STUBS];

/* Ends the blocking of NMIs that an NMI exit leaves behind. */
void exception_unblock_nmi(void);

#endif
