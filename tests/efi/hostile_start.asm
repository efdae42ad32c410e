; SPDX-License-Identifier: BSD-2-Clause
; How the other CPUs of the hostile guest start: each from a page of its own below 1 MiB that holds
; one of these two pieces of code, followed by the data of hostile_cpus.h.
section .rodata

GDTR    equ 0x800
TARGET  equ 0x810
ROOT    equ 0x818
ENTRY   equ 0x820
STACK   equ 0x828
ARG     equ 0x830
UNIT    equ 0x838
FOUND   equ 0x840
FAULTS  equ 0x860
DONE    equ 0x864
RESUME  equ 0x868
TOP     equ 0xf00

DATA    equ 0x10        ; selector of a flat segment
CAP     equ 0x08
FEDATA  equ 0x3c

; To a function in 64-bit mode.
bits 16
global hostile_start:data, hostile_start_long:data, hostile_start_end:data
hostile_start:
    cli
    mov ax, cs
    mov ds, ax
    o32 lgdt [GDTR]
    mov eax, cr4
    or eax, 1 << 5 | 3 << 9     ; PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, [ROOT]
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 1 << 8 | 1 << 11    ; LME, NXE
    wrmsr
    mov eax, cr0
    or eax, 0x80000003          ; PG, MP, PE
    mov cr0, eax
    jmp far dword [TARGET]
bits 64
hostile_start_long:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov rsp, [rel hostile_start + STACK]
    mov rdi, [rel hostile_start + ARG]
    call [rel hostile_start + ENTRY]
.stop:
    hlt
    jmp .stop
hostile_start_end:

; Real mode with data segments of 4 GiB: reads a register page.
bits 16
global hostile_real:data, hostile_real_end:data
hostile_real:
    cli
    mov ax, cs
    mov ds, ax
    mov ss, ax
    mov sp, TOP
    xor ax, ax
    mov es, ax
    mov word [es:13 * 4], fault - hostile_real
    mov [es:13 * 4 + 2], cs
    o32 lgdt [GDTR]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp short .protected
.protected:
    mov bx, DATA
    mov fs, bx
    mov es, bx
    and al, 0xfe
    mov cr0, eax
    jmp short .real
.real:
    mov esi, [UNIT]
    mov eax, [fs:esi + CAP]
    mov [FOUND], eax
    mov eax, [fs:esi + CAP + 4]
    mov [FOUND + 4], eax
    mov eax, 0x77777777
    mov ax, [fs:esi + CAP]      ; half a register: 0
    mov [FOUND + 8], eax
    movzx eax, byte [fs:esi + CAP]
    mov [FOUND + 12], eax
    mov dword [fs:esi + FEDATA], 0x41
    lock or dword [fs:esi + FEDATA], 2
    mov eax, [fs:esi + FEDATA]
    mov [FOUND + 16], eax
    lea edi, [esi + FEDATA]
    mov ecx, 1
    mov eax, 0x75
    a32 rep stosd
    mov eax, [fs:esi + FEDATA]
    mov [FOUND + 20], eax
    mov [FOUND + 24], ecx
    ; None of these is emulated: each is refused by one fault.
    mov word [RESUME], .over - hostile_real
    mov eax, [fs:esi - 2]
    inc dword [FOUND + 28]
.over:
    mov word [RESUME], .pushed - hostile_real
    push dword [fs:esi + CAP]
    inc dword [FOUND + 28]
.pushed:
    mov dword [DONE], 1
.stop:
    hlt
    jmp .stop
; An exception of real mode: RIP, CS, FLAGS and no error code.
fault:
    inc dword [cs:FAULTS]
    mov bp, sp
    mov ax, [cs:RESUME]
    mov [bp], ax
    iret
hostile_real_end:

section .text
bits 64
extern cpu_faults
global hostile_start_fault:function hidden
; #GP of another CPU: it is counted, and the instruction that is there now is tried.
hostile_start_fault:
    lock inc dword [rel cpu_faults]
    add rsp, 8
    iretq

section .note.GNU-stack noalloc noexec nowrite progbits
