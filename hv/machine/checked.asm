; SPDX-License-Identifier: BSD-2-Clause
; Single instructions that may fault: see hv/machine/checked.h.
bits 64
default rel

section .rodata
global checked_instructions
; const u64 checked_instructions[3]: a #GP there goes on at checked_fault
checked_instructions:
    dq at_rdmsr, at_wrmsr, at_xsetbv

section .text

global checked_msr_read
; bool checked_msr_read(u32 msr, u64 *value)
checked_msr_read:
    mov ecx, edi
at_rdmsr:
    rdmsr
    shl rdx, 32
    or rax, rdx
    mov [rsi], rax
    mov eax, 1
    ret

global checked_msr_write, checked_xcr_write
; bool checked_msr_write(u32 msr, u64 value)
checked_msr_write:
    mov ecx, edi
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
at_wrmsr:
    wrmsr
    mov eax, 1
    ret

; bool checked_xcr_write(u32 index, u64 value)
checked_xcr_write:
    mov ecx, edi
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
at_xsetbv:
    xsetbv
    mov eax, 1
    ret

global checked_fault
checked_fault:
    xor eax, eax
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
