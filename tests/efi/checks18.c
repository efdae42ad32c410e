/* SPDX-License-Identifier: BSD-2-Clause */
/* See checks18.h. */
#include "tests/efi/checks18.h"

#include "tests/efi/fault.h"

enum { VECTOR = 18, CR4_MCE = 1 << 6 };

volatile u32 checks18_came;
volatile u64 checks18_rip;
static u64 firmwares;
void checks18_handler(void);

__asm__(".globl checks18_handler\n"
        "checks18_handler:\n"
        "    push %rax\n"
        "    mov 8(%rsp), %rax\n"
        "    mov %rax, checks18_rip(%rip)\n"
        "    incl checks18_came(%rip)\n"
        "    pop %rax\n"
        "    iretq\n");

void checks18_catch(void)
{
    u64 cr4;
    firmwares = fault_gate(VECTOR, (UINT64)(UINTN)checks18_handler);
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_MCE));
}

void checks18_leave(void)
{
    (void)fault_gate(VECTOR, firmwares);
}
