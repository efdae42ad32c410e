; SPDX-License-Identifier: BSD-2-Clause
; What debug.c runs: #DB and #AC of every kind, their handlers, and two loops that no CPU leaves.
bits 64
default rel

TF      equ 100h
RF      equ 10000h
AC      equ 40000h
LIMIT   equ 24                  ; records of a case

section .text

; --- descriptor tables ---

global debug_load:function hidden
; void debug_load(const struct debug_tables *): GDTR, IDTR, then 16-bit CS, data segments and TR (0: as it is)
debug_load:
    lgdt [rdi]
    lidt [rdi + 10]
    movzx eax, word [rdi + 22]
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov ax, [rdi + 24]
    test ax, ax
    jz .no_task
    ltr ax
.no_task:
    pop rax
    movzx edx, word [rdi + 20]
    push rdx
    push rax
    retfq

; --- handlers ---

; The next struct debug_record (rip, flags, dr6, dr7, error), into rbx. Behind pushes of rax and rbx; eax: its number,
; rbx: where that is counted.
%macro RECORD 0
    inc dword [rbx]
    imul eax, eax, 40
    lea rbx, [debug_records]
    add rbx, rax
    mov rax, [rsp + 24]
    mov [rbx], rax
    mov rax, [rsp + 40]
    mov [rbx + 8], rax
    mov rax, dr6
    mov [rbx + 16], rax
    mov rax, dr7
    mov [rbx + 24], rax
    mov rax, [rsp + 16]
    mov [rbx + 32], rax
%endmacro

global debug_db:function hidden, debug_ac:function hidden
debug_db:
    push -1
    push rax
    push rbx
    lea rbx, [debug_count]
    mov eax, [rbx]
    cmp eax, LIMIT
    jae .enough
    RECORD
    ; A breakpoint on an instruction is a fault: the handler steps past it, as kernels do.
    test byte [rbx + 16], 1
    jz .out
    or qword [rsp + 40], RF
    jmp .out
.enough:
    xor eax, eax
    mov dr7, rax
    and qword [rsp + 40], ~TF
.out:
    pop rbx
    pop rax
    add rsp, 8
    iretq

; #AC ends the code at CPL 3.
debug_ac:
    pop qword [debug_records + 32]
    pop qword [debug_records]
    add rsp, 8
    pop qword [debug_records + 8]
    inc dword [debug_count]
    mov rsp, [landing]
    popfq
    ret

; A fault: its record, then on at R8.
global debug_fault:function hidden, debug_fault_with_code:function hidden
debug_fault:
    push -2
debug_fault_with_code:
    push rax
    push rbx
    lea rbx, [debug_count]
    mov eax, [rbx]
    RECORD
    mov [rsp + 24], r8
    pop rbx
    pop rax
    add rsp, 8
    iretq

global debug_user:function hidden
; void debug_user(u64 code, u64 stack): at CPL 3 with alignment checks, selectors as in debug.c
debug_user:
    pushfq
    mov [landing], rsp
    push 1bh
    push rsi
    push AC | 2
    push 23h
    push rdi
    iretq

; --- the cases: each begins with TF off and ends so ---

%macro STEP 0
    pushfq
    or qword [rsp], TF
    popfq
%endmacro
%macro NO_STEP 0
    pushfq
    and qword [rsp], ~TF
    popfq
%endmacro
%macro CASE 1
global %1:function hidden
%1:
%endmacro

CASE case_step
    push rbx
    STEP
    nop
    xor eax, eax
    cpuid
    nop
    jmp short .next
.next:
    NO_STEP
    pop rbx
    ret

; No interrupt can come: CR8 is 15.
CASE case_step_sti
    STEP
    sti
    nop
    cli
    NO_STEP
    ret

CASE case_step_mov_ss
    push rbx
    mov edi, ss
    STEP
    mov ss, edi
    nop
    xor eax, eax
    mov ss, edi
    cpuid
    nop
    NO_STEP
    pop rbx
    ret

; DR0: at .here
CASE case_execute
    nop
global case_execute_here:function hidden
case_execute_here:
    nop
    nop
    ret

CASE case_execute_stepped
    STEP
    call case_execute
    NO_STEP
    ret

; DR1: written, DR2: read or written
CASE case_data
    mov dword [debug_word], 1
    nop
    mov eax, [debug_word]
    nop
    mov eax, [debug_word2]
    nop
    ret

; DR2: hit by what blocks #DB for an instruction
CASE case_data_mov_ss
    push rbx
    mov [debug_word2], ss
    mov ss, [debug_word2]
    nop
    xor eax, eax
    mov ss, [debug_word2]
    cpuid
    nop
    pop rbx
    ret

CASE case_data_mov_ss_stepped
    push rbx
    mov [debug_word2], ss
    xor eax, eax
    STEP
    mov ss, [debug_word2]
    cpuid
    nop
    NO_STEP
    pop rbx
    ret

; DR3: port 80h
CASE case_port
    in al, 80h
    nop
    ret

; DR3: the port of PM1 control, which Nestor looks at
CASE case_control_port
    mov edx, 0b004h
    in ax, dx
    nop
    in al, dx
    nop
    ret

; IA32_APIC_BASE with a bit that no CPU has, and VMXOFF outside VMX operation
CASE case_fault
    lea r8, [.undefined]
    mov ecx, 1bh
    mov eax, 0fee00900h
    mov edx, 80000000h
    wrmsr
.undefined:
    lea r8, [.end]
    db 0fh, 1, 0c4h
.end:
    ret

CASE case_fault_stepped
    mov edi, ss
    lea r8, [.end]
    mov ecx, 1bh
    mov eax, 0fee00900h
    mov edx, 80000000h
    STEP
    mov ss, edi
    wrmsr
.end:
    NO_STEP
    ret

; DR0: at .here, where CR0.NE is cleared
CASE case_control
    mov rdx, cr0
    mov rax, rdx
    and eax, ~20h
    nop
global case_control_here:function hidden
case_control_here:
    mov cr0, rax
    mov cr0, rdx
    ret

; DR0: behind the first access to a unit's register; DR2: on that register
CASE case_register
    mov edi, 0fed90000h
    mov eax, [rdi]
global case_register_here:function hidden
case_register_here:
    nop
    mov ecx, 2
.again:
    mov eax, [rdi]
    nop
    loop .again
    mov dword [rdi + 44h], 0
    nop
    ret

CASE case_register_stepped
    mov edi, 0fed90000h
    STEP
    mov eax, [rdi]
    nop
    mov dword [rdi + 44h], 0
    nop
    NO_STEP
    ret

; DR0: at the instruction; DR2: on the first of the two registers
CASE case_repeated
    mov edi, 0fed90044h
    mov ecx, 2
    xor eax, eax
    nop
global case_repeated_here:function hidden
case_repeated_here:
    rep stosd
    nop
    ret

CASE case_repeated_stepped
    mov edi, 0fed90044h
    mov ecx, 2
    xor eax, eax
    STEP
    rep stosd
    nop
    NO_STEP
    ret

; DR7.GD
CASE case_general_detect
    nop
    mov rax, dr6
    nop
    ret

CASE case_int1
    db 0f1h
    nop
    ret

CASE case_int1_stepped
    STEP
    db 0f1h
    nop
    NO_STEP
    ret

; At CPL 3; the first access is aligned.
CASE case_alignment
    mov rax, [rsp]
    nop
    mov rax, [rsp + 1]
    nop
    jmp case_alignment

global debug_db_loop:function hidden
; void debug_db_loop(volatile u32 *entered): DR0 is on the word that delivering #DB writes
debug_db_loop:
    mov dword [rdi], 1
    db 0f1h
    mov dword [rdi], 2          ; never
    cli
    hlt

; --- the loop of #AC, from a start-up IPI on: 32 bits without paging, handlers at CPL 3 ---

section .rodata
ENTERED equ 800h                ; struct loop_page of debug.c
global debug_ac_start:data hidden, debug_ac_end:data hidden
bits 16
debug_ac_start:
    cli
    mov ax, cs
    mov ds, ax
    movzx ebx, ax
    shl ebx, 4
    lea eax, [ebx + gdt - debug_ac_start]
    mov [gdtr - debug_ac_start + 2], eax
    lea eax, [ebx + idt - debug_ac_start]
    mov [idtr - debug_ac_start + 2], eax
    lea eax, [ebx + handler - debug_ac_start]
    mov [idt - debug_ac_start + 17 * 8], ax
    shr eax, 16
    mov [idt - debug_ac_start + 17 * 8 + 6], ax
    lea eax, [ebx + protected - debug_ac_start]
    mov [far_target - debug_ac_start], eax
    o32 lgdt [gdtr - debug_ac_start]
    o32 lidt [idtr - debug_ac_start]
    mov eax, 40011h             ; AM, ET, PE
    mov cr0, eax
    jmp far dword [far_target - debug_ac_start]
bits 32
protected:
    mov eax, 10h
    mov ss, eax
    lea esp, [ebx + 0f00h]
    mov eax, 1bh
    mov ds, eax
    lea eax, [ebx + 0e01h]
    push 1bh
    push eax
    push AC | 2
    push 23h
    lea eax, [ebx + user - debug_ac_start]
    push eax
    iretd
user:
    mov dword [ebx + ENTERED], 1
    push eax                    ; not aligned: #AC, whose frame is not aligned either
handler:
    mov dword [ebx + ENTERED], 2        ; never
.forever:
    jmp .forever
align 8
gdt:
    dq 0, 00cf9b000000ffffh, 00cf93000000ffffh, 00cff3000000ffffh, 00cffb000000ffffh
gdtr:
    dw 39
    dd 0
idtr:
    dw 18 * 8 - 1
    dd 0
far_target:
    dd 0
    dw 8
align 8
idt:
    times 17 dq 0
    dw 0, 23h, 0ee00h, 0
debug_ac_end:

section .bss
alignb 16
global debug_records:data hidden, debug_count:data hidden, debug_word:data hidden, debug_word2:data hidden
debug_records:
    resq 5 * LIMIT
debug_count:
    resq 1
debug_word:
    resq 1
debug_word2:
    resq 1
landing:
    resq 1

section .note.GNU-stack noalloc noexec nowrite progbits
