; SPDX-License-Identifier: BSD-2-Clause
; Exceptions of the hostile guest: each ends the function that trap_call() called.
bits 64
default rel

extern trap, trap_unexpected

section .text

%macro SAVE 0
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
%endmacro

%macro RESTORE 0
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
%endmacro

global trap_call:function hidden
; u64 trap_call(void (*fn)(void *arg), void *arg)
trap_call:
    SAVE
    mov [landing], rsp
    mov rax, rdi
    mov rdi, rsi
    sub rsp, 8
    call rax
    add rsp, 8
    mov eax, 256                ; NO_TRAP
.done:
    mov qword [landing], 0
    RESTORE
    ret

global trap_first_stub:function hidden
; 32 stubs of 16 bytes
align 16
trap_first_stub:
%assign vector 0
%rep 32
    align 16
%if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
    push 0
%endif
    push vector
    jmp near trapped
%assign vector vector + 1
%endrep

trapped:
    cld
    pop qword [trap]            ; struct hostile_trap: vector, error, address, rip
    pop qword [trap + 8]
    mov rax, cr2
    mov [trap + 16], rax
    mov rax, [rsp]
    mov [trap + 24], rax
    mov rsp, [landing]
    test rsp, rsp
    jz .unexpected
    mov rax, [trap]
    jmp trap_call.done
.unexpected:
    lea rsp, [spare_end]
    call trap_unexpected

global trap_interrupt:function hidden
; An interrupt while the guest waits: it only has to end HLT.
trap_interrupt:
    push rax
    mov eax, 0fee000b0h         ; end of interrupt, SDM 12.8.5
    mov dword [rax], 0
    pop rax
    iretq

global trap_load:function hidden
; void trap_load(const void *gdtr, const void *idtr): selectors 08h code, 10h data, 20h TSS
trap_load:
    lgdt [rdi]
    lidt [rsi]
    mov eax, 10h
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, 20h
    ltr ax
    pop rax
    push 08h
    push rax
    retfq

global compat_read:function hidden
; u32 compat_read(u32 address): code, data and stack are below 4 GiB
compat_read:
    lea rax, [.narrow]
    mov [far_target], eax
    call far dword [far_target]
    ret
bits 32
.narrow:
    mov eax, [edi]
    retf
bits 64

section .data
far_target:
    dd 0
    dw 18h
landing:
    dq 0

section .bss
align 16
    resb 4096
spare_end:

section .note.GNU-stack noalloc noexec nowrite progbits
