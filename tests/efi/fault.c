/* SPDX-License-Identifier: BSD-2-Clause */
/* See fault.h. */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/fault.h"

enum { GATE = 13 };

void fault_handler(void);

static struct __attribute__((packed)) {
    UINT16 limit;
    UINT64 base;
} idtr;

/* RBX is where to go on after a fault; RSI says that there was one. */
__asm__(".globl fault_handler\n"
        "fault_handler:\n"
        "    add $8, %rsp\n"
        "    mov %rbx, (%rsp)\n"
        "    mov $1, %esi\n"
        "    iretq\n");

UINT64 fault_gate(UINT8 vector, UINT64 to)
{
    __asm__ volatile("sidt %0" : "=m"(idtr));
    UINT8 *gate = (UINT8 *)(UINTN)idtr.base + 16 * vector;
    UINT64 before = (UINT64)*(UINT32 *)(VOID *)(gate + 8) << 32 | (UINT64)*(UINT16 *)(VOID *)(gate + 6) << 16 |
                    *(UINT16 *)(VOID *)gate;
    *(UINT16 *)(VOID *)gate = (UINT16)to;
    *(UINT16 *)(VOID *)(gate + 6) = (UINT16)(to >> 16);
    *(UINT32 *)(VOID *)(gate + 8) = (UINT32)(to >> 32);
    return before;
}

void fault_catch(void)
{
    (void)fault_gate(GATE, (UINT64)(UINTN)fault_handler);
}

BOOLEAN fault_wrmsr(UINT32 msr, UINT64 value)
{
    UINT64 faulted = 0;
    __asm__ volatile("lea 1f(%%rip), %%rbx\n wrmsr\n1:"
                     : "+S"(faulted)
                     : "c"(msr), "a"((UINT32)value), "d"((UINT32)(value >> 32))
                     : "rbx", "memory");
    return faulted != 0;
}

BOOLEAN fault_store(volatile VOID *to, UINT64 value)
{
    UINT64 faulted = 0;
    __asm__ volatile("lea 1f(%%rip), %%rbx\n movq %1, (%2)\n1:"
                     : "+S"(faulted)
                     : "r"(value), "r"(to)
                     : "rbx", "memory");
    return faulted != 0;
}

BOOLEAN fault_store_vector(volatile VOID *to)
{
    UINT64 faulted = 0;
    __asm__ volatile("lea 1f(%%rip), %%rbx\n movups %%xmm0, (%1)\n1:"
                     : "+S"(faulted)
                     : "r"(to)
                     : "rbx", "memory");
    return faulted != 0;
}
