; SPDX-License-Identifier: BSD-2-Clause
; VM entry and VM exit, nothing else: see hv/vmx/entry.h.
;
; A CPU's main stack while its guest runs; a VM exit loads RSP from HOST_RSP:
;
;     top ->     padding
;     HOST_RSP-> struct vcpu *
;                r15             struct guest_regs, pushed here at each exit:
;                ...             word n is register n, word 4 (rsp) is unused,
;     regs ->    rax             the guest's RSP is in the VMCS; struct vcpu knows this place
;                return address and frames of exit_handle()
bits 64
default rel
%include "frame.inc"

extern exit_first, exit_handle, exit_shared, exit_resume_failed

section .text

%macro SAVE_AND_CALL 1          ; void f(struct vcpu *)
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
    push rsp
    push rbx
    push rdx
    push rcx
    push rax
    mov rdi, [rsp + GUEST_REGS_SIZE]
    call %1
%endmacro

%macro LOAD 0
    pop rax
    pop rcx
    pop rdx
    pop rbx
    add rsp, 8
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
%endmacro

global vmx_first_exit, vmx_exit, vmx_exit_shared, vmx_start
vmx_first_exit:
    SAVE_AND_CALL exit_first
    jmp go_on
vmx_exit_shared:
    SAVE_AND_CALL exit_shared
    jmp go_on
vmx_exit:
    SAVE_AND_CALL exit_handle
go_on:
    LOAD
    vmresume
    mov rdi, [rsp]
    call exit_resume_failed     ; void exit_resume_failed(struct vcpu *)

; void vmx_start(struct guest_regs *)
vmx_start:
    mov rsp, rdi
    LOAD
    vmlaunch
    mov rdi, [rsp]
    call exit_resume_failed

global vmx_launch, vmx_restore
; u32 vmx_launch(u64 *rsp)
vmx_launch:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    vmlaunch
    mov eax, 1
    jmp launch_out

; void vmx_restore(const u64 *rsp)
vmx_restore:
    mov rsp, [rdi]
    mov eax, 2
launch_out:
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
