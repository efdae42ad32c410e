; SPDX-License-Identifier: BSD-2-Clause
; How the partition of the tests begins: its first CPU by multiboot 1, the other by INIT and a start-up IPI.
bits 32

extern first_cpu, second_cpu, tick_handler, quiet_handler
MULTIBOOT_MAGIC         equ 1badb002h
MULTIBOOT_FLAGS         equ 2           ; memory's size, please
IDT_GATES               equ 256
START_PAGE              equ 8           ; 8000h
CODE_16                 equ 24

section .text
global _start, second_start, second_end, tick_entry, quiet_entry, ignore_entry, start_page
    dd MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)   ; in the first 8 KiB of the file
_start:
    mov esp, first_stack
    push ebx
    push eax
    call first_cpu              ; void first_cpu(u32 magic, const struct multiboot *)
.stop:
    cli
    hlt
    jmp .stop

; Copied to START_PAGE.
bits 16
second_start:
    cli
    o32 lgdt [cs:gdtr - second_start]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword 8:protected
gdtr:
    dw gdt_end - gdt - 1
    dd gdt
; To real mode, and to where a CPU begins.
reset_start:
    mov eax, cr0
    and al, 0feh
    mov cr0, eax
    jmp 0f000h:0fff0h
second_end:

bits 32
protected:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, second_stack
    call second_cpu
    jmp _start.stop

; The first CPU has selector 10h for code, the second 8: the gate's is of both.
tick_entry:
    pushad
    call tick_handler
    popad
    iretd
quiet_entry:
    pushad
    call quiet_handler
    popad
ignore_entry:
    iretd

global load_tables, triple_fault, reset_vector
; void load_tables(u32 idt_limit, const void *idt)
load_tables:
    lgdt [table_gdt]
    jmp 8:.here
.here:
    mov eax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov ax, [esp + 4]
    mov [table_idt], ax
    mov eax, [esp + 8]
    mov [table_idt + 2], eax
    lidt [table_idt]
    ret

triple_fault:
    mov word [table_idt], 0
    lidt [table_idt]
    int3

reset_vector:
    cli
    jmp CODE_16:START_PAGE * 1000h + reset_start - second_start

section .data
align 8
gdt:
    dq 0, 00cf9b000000ffffh, 00cf93000000ffffh, 00009b000000ffffh
gdt_end:
table_gdt:
    dw gdt_end - gdt - 1
    dd gdt
table_idt:
    dw 0
    dd 0

section .bss
align 16
    resb 4096
first_stack:
    resb 4096
second_stack:

section .note.GNU-stack noalloc noexec nowrite progbits
