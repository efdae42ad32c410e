/* SPDX-License-Identifier: BSD-2-Clause */
/* VM entry and VM exit (entry.asm): the way into the guest, and where the CPU comes back. */
#ifndef NESTOR_HV_VMX_ENTRY_H
#define NESTOR_HV_VMX_ENTRY_H

#include "hv/machine/cpu.h"

/* In the order of the register numbers; [REG_RSP] is unused: the VMCS holds the guest's RSP. */
enum reg { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI };
struct guest_regs { u64 gpr[16]; };
_Static_assert(sizeof(struct guest_regs) == 16 * 8, "frame.inc");

/*
 * The first VM entry with the current VMCS. Returns only when the guest was not entered: 1, VMLAUNCH was refused
 * (VMCS_INSTRUCTION_ERROR); 2, the entry failed later and vmx_restore() was called. *rsp: for that.
 */
u32 vmx_launch(u64 *rsp);
/* From the exit of a failed VM entry back into vmx_launch(). */
_Noreturn void vmx_restore(const u64 *rsp);

/* VM entry by a VMCS that was not current before, with these registers of the CPU's main stack; nothing returns. */
_Noreturn void vmx_start(struct guest_regs *regs);

/* Values of VMCS_HOST_RIP: the first exit goes to exit_first(), all others to exit_handle() or exit_shared(). */
void vmx_first_exit(void);
void vmx_exit(void);
void vmx_exit_shared(void);

#endif
