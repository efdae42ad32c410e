; SPDX-License-Identifier: BSD-2-Clause
; What the IDT points to: a stub for each exception, and the way out of an NMI.
bits 64
default rel
%include "frame.inc"

extern fault_handle

VECTOR_NMI              equ 2
MSR_X2APIC_EOI          equ 80bh
; struct exception_frame
FRAME_VECTOR            equ 15 * 8
FRAME_RIP               equ 17 * 8
FRAME_RFLAGS            equ 19 * 8
FRAME_RSP               equ 20 * 8

section .text

; The CPU's frame, completed to struct exception_frame (hv/machine/exception.h):
;
;     ss rsp rflags cs rip     pushed by the CPU
;     error code               by the CPU, or 0
;     vector
;     rax .. r15               15 words, rax lowest
%macro STUB 2                   ; vector, 1: the CPU pushes an error code
stub_%1:
%if %2 == 0
    push 0
%endif
    push %1
    jmp stub_common
%endmacro

%assign vector 0
%rep 32
%if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
    STUB vector, 1
%else
    STUB vector, 0
%endif
%assign vector vector + 1
%endrep

; An interrupt, in the few instructions in which root mode takes them to be rid of them (apic.c: apic_empty). x2APIC.
global interrupt_end
interrupt_end:
    push rax
    push rcx
    push rdx
    mov ecx, MSR_X2APIC_EOI
    xor eax, eax
    xor edx, edx
    wrmsr
    pop rdx
    pop rcx
    pop rax
    iretq

stub_common:
    push r15
    push r14
    push r13
    push r12
    push r11
    push r10
    push r9
    push r8
    push rdi
    push rsi
    push rbp
    push rbx
    push rdx
    push rcx
    push rax
    mov rdi, rsp
    cld
    mov rbx, rsp
    and rsp, -16
    call fault_handle
    mov rsp, rbx
    cmp qword [rsp + FRAME_VECTOR], VECTOR_NMI
    je restore
    ; IRET ends the blocking of NMIs (SDM 7.7.1), and this may have come within an NMI's handler, whose stack the next
    ; NMI would take. So all others go back without it: flags and RIP by way of the stack that was interrupted.
    mov rax, [rsp + FRAME_RSP]
    sub rax, 16
    mov rcx, [rsp + FRAME_RFLAGS]
    mov [rax], rcx
    mov rcx, [rsp + FRAME_RIP]
    mov [rax + 8], rcx
    mov [rsp + FRAME_RSP], rax
restore:
    pop rax
    pop rcx
    pop rdx
    pop rbx
    pop rbp
    pop rsi
    pop rdi
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    cmp qword [rsp], VECTOR_NMI
    je return_of_nmi
    mov rsp, [rsp + FRAME_RSP - FRAME_VECTOR]
    popfq
    ret
return_of_nmi:
    add rsp, 16
    iretq

section .rodata
global exception_stubs
; const u64 exception_stubs[32]
exception_stubs:
%assign vector 0
%rep 32
    dq stub_ %+ vector
%assign vector vector + 1
%endrep

section .text

global exception_unblock_nmi
; void exception_unblock_nmi(void): an IRET to here, which is what ends the blocking of NMIs (SDM 7.7.1)
exception_unblock_nmi:
    pop rcx
    mov rdx, rsp
    push SELECTOR_DATA
    push rdx
    pushfq
    push SELECTOR_CODE
    push rcx
    iretq

section .note.GNU-stack noalloc noexec nowrite progbits
