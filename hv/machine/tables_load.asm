; SPDX-License-Identifier: BSD-2-Clause
; Loading descriptor tables: see hv/machine/tables.h.
bits 64
default rel
%include "frame.inc"

MSR_GS_BASE             equ 0c0000101h

section .text

global tables_load
; void tables_load(const struct table_register *gdtr, const struct table_register *idtr, u64 gs_base): TR must not be
; busy. Between any two of these an NMI finds its stack and GS:0, which a selector in GS would make 0; the IDT, whose
; handlers need all else, comes last.
tables_load:
    lgdt [rdi]
    mov eax, SELECTOR_DATA
    mov ss, eax
    mov eax, SELECTOR_TSS
    ltr ax
    mov ecx, MSR_GS_BASE
    mov rax, rdx
    shr rdx, 32
    wrmsr
    push SELECTOR_CODE
    lea rax, [.reloaded]
    push rax
    o64 retf
.reloaded:
    lidt [rsi]
    ret

global tables_load_firmware
; void tables_load_firmware(const struct tables_firmware *): its GDT is read where the direct map shows it.
tables_load_firmware:
    lgdt [rdi + FIRMWARE_GDTR_MAPPED]
    movzx eax, word [rdi + FIRMWARE_CS]
    push rax
    lea rax, [.reloaded]
    push rax
    o64 retf
.reloaded:
    mov ss, [rdi + FIRMWARE_SS]
    mov ds, [rdi + FIRMWARE_DS]
    mov es, [rdi + FIRMWARE_ES]
    mov fs, [rdi + FIRMWARE_FS]
    mov gs, [rdi + FIRMWARE_GS]
    ; LTR demands a TSS that is not busy, but the firmware's LTR has made it busy.
    movzx eax, word [rdi + FIRMWARE_TR]
    mov rdx, [rdi + FIRMWARE_GDTR_MAPPED + 2]
    and eax, ~7
    jz .no_task
    cmp byte [rdx + rax + 5], 8bh
    jne .no_task
    and byte [rdx + rax + 5], ~2
    ltr [rdi + FIRMWARE_TR]
.no_task:
    lgdt [rdi + FIRMWARE_GDTR]
    lidt [rdi + FIRMWARE_IDTR]
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
