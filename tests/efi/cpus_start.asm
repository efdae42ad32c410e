; SPDX-License-Identifier: BSD-2-Clause
; What the other CPUs run for cpus.c, in real mode, each from a page of its own: it counts turns, the fault
; that is in each, and NMIs, and writes IA32_APIC_BASE if asked to. SS is its own page in handlers, too.
bits 16
section .rodata

STARTS  equ 0x800
NMIS    equ 0x804
TURNS   equ 0x808
HALT    equ 0x80c
APIC    equ 0x810
FAULTS  equ 0x814
STACK   equ 0xf00

global cpus_start:data, cpus_start_end:data
cpus_start:
    cli
    xor ax, ax
    mov ds, ax
    mov word [2 * 4], nmi - cpus_start
    mov [2 * 4 + 2], cs
    mov word [6 * 4], undefined - cpus_start
    mov [6 * 4 + 2], cs
    mov ax, cs
    mov ss, ax
    mov sp, STACK
    mov eax, [cs:TURNS]         ; an INIT may have come in between
    mov [cs:FAULTS], eax
    lock inc dword [cs:STARTS]
turn:
    lock inc dword [cs:TURNS]
    ud2
    mov eax, [cs:APIC]
    test eax, eax
    jz asked
    xor edx, edx
    mov ecx, 0x1b
    wrmsr
    mov dword [cs:APIC], 0
asked:
    cmp dword [cs:HALT], 0
    je turn
    hlt
    jmp turn
undefined:
    inc dword [ss:FAULTS]
    push bp
    mov bp, sp
    add word [bp + 2], 2        ; behind UD2
    pop bp
    iret
nmi:
    lock inc dword [cs:NMIS]
    iret
cpus_start_end:

section .note.GNU-stack noalloc noexec nowrite progbits
