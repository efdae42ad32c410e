; SPDX-License-Identifier: BSD-2-Clause
; See bridge.h. While the image runs, the stack is the image's. The firmware's stack holds
;
;   rsp -> rflags r15 r14 r13 r12 rbp rbx, return address
;
; and becomes the guest's when the CPU goes on at .resumed in VMX non-root mode.

ENTRY_AT        equ 0
HANDOVER_AT     equ 8
CPU_INDEX_AT    equ 16
RESUME_PTR_AT   equ 24
PAGE_TABLE_AT   equ 32
STACK_AT        equ 40
RESUME_RIP_AT   equ 48
RESUME_RSP_AT   equ 56
RESUME_CR3_AT   equ 64
CR4_PGE         equ 80h

        bits 64
        default rel
        section .text align=256

global bridge_call:function hidden
global bridge_begin:data hidden
global bridge_end:data hidden

bridge_begin:
; u64 bridge_call(struct bridge *bridge)
bridge_call:
        push rbx
        push rbp
        push r12
        push r13
        push r14
        push r15
        pushfq
        cli
        mov r12, cr3
        mov r13, rsp
        lea rax, [.resumed]
        mov [rdi + RESUME_RIP_AT], rax
        mov [rdi + RESUME_RSP_AT], r13
        mov [rdi + RESUME_CR3_AT], r12
        mov r14, [rdi + ENTRY_AT]
        mov r15, [rdi + STACK_AT]
        mov rsi, [rdi + CPU_INDEX_AT]
        mov rdx, [rdi + RESUME_PTR_AT]
        mov rcx, [rdi + PAGE_TABLE_AT]
        mov rdi, [rdi + HANDOVER_AT]
        ; From here on only this page and the image's own addresses are mapped. MOV to CR3 leaves global translations
        ; of the firmware's in the TLB, MOV to CR4 with another PGE does not (SDM 5.10.4.1).
        mov rbx, cr4
        mov rax, rbx
        and eax, ~CR4_PGE
        mov cr4, rax
        mov cr3, rcx
        mov cr4, rbx
        mov rsp, r15
        call r14
        mov cr3, r12
        mov rsp, r13
        jmp .out
.resumed:
        xor eax, eax
.out:
        popfq
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbp
        pop rbx
        ret
bridge_end:

        section .note.GNU-stack noalloc noexec nowrite progbits
