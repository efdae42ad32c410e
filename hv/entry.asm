; The image's first bytes, the stubs of the IDT, and the single instructions that may fault.
bits 64
default rel
%include "frame.inc"

extern hv_prepare, hv_enter, hv_abandon, host_exception

section .header progbits alloc noexec nowrite align=8
; struct image_entry (hv/handover.h)
    dq hv_prepare, hv_enter, hv_abandon

section .text

; The CPU's frame, completed to struct exception_frame (hv/vcpu/fault.h):
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
    call host_exception
    mov rsp, rbx
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

global checked_instructions
; const u64 checked_instructions[3]: a #GP there goes on at checked_fault
checked_instructions:
    dq at_rdmsr, at_wrmsr, at_xsetbv

section .text

global msr_read_checked
; bool msr_read_checked(u32 msr, u64 *value)
msr_read_checked:
    mov ecx, edi
at_rdmsr:
    rdmsr
    shl rdx, 32
    or rax, rdx
    mov [rsi], rax
    mov eax, 1
    ret

global msr_write_checked, xcr_write_checked
; bool msr_write_checked(u32 msr, u64 value)
msr_write_checked:
    mov ecx, edi
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
at_wrmsr:
    wrmsr
    mov eax, 1
    ret

; bool xcr_write_checked(u32 index, u64 value)
xcr_write_checked:
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

global nmi_unblock
; void nmi_unblock(void): an IRET to here, which is what ends the blocking of NMIs (SDM 7.7.1)
nmi_unblock:
    pop rcx
    mov rdx, rsp
    push SELECTOR_DATA
    push rdx
    pushfq
    push SELECTOR_CODE
    push rcx
    iretq

section .note.GNU-stack noalloc noexec nowrite progbits
