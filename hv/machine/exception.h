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

_Static_assert(offsetof(struct exception_frame, vector) == 15 * 8, "exception.asm");
_Static_assert(offsetof(struct exception_frame, rip) == 17 * 8, "exception.asm");
_Static_assert(offsetof(struct exception_frame, rflags) == 19 * 8, "exception.asm");
_Static_assert(offsetof(struct exception_frame, rsp) == 20 * 8, "exception.asm");

extern const u64 exception_stubs[EXCEPTION_STUBS];
/* For all vectors behind: ends an interrupt of the local APIC. */
void interrupt_end(void);

/* Ends the blocking of NMIs that an NMI exit leaves behind. */
void exception_unblock_nmi(void);

#endif
