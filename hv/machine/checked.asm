; SPDX-License-Identifier: BSD-2-Clause
; Instructions that may fault: see hv/machine/checked.h.
bits 64
default rel

section .rodata
global checked_instructions
; const u64 checked_instructions[3]: a #GP there goes on at checked_fault
checked_instructions:
    dq at_rdmsr, at_wrmsr, at_xsetbv

global checked_loads
; const u64 checked_loads[5]: likewise for a machine check
checked_loads:
    dq at_words, at_word, at_half, at_byte, at_compared

section .text

global checked_copy
; bool checked_copy(void *to, const volatile void *from, size_t bytes)
checked_copy:
    mov rcx, rdx
    and edx, 7
    shr rcx, 3
    jz copy_rest
    cmp ecx, 8
    jae at_words
at_word:
    mov rax, [rsi]
    mov [rdi], rax
    add rsi, 8
    add rdi, 8
    dec ecx
    jnz at_word
    jmp copy_rest
at_words:
    rep movsq
copy_rest:
    test edx, edx
    jz copy_done
    cmp edx, 4
    jb at_byte
at_half:
    mov eax, [rsi]
    mov [rdi], eax
    add rsi, 4
    add rdi, 4
    sub edx, 4
    jz copy_done
at_byte:
    mov al, [rsi]
    mov [rdi], al
    inc rsi
    inc rdi
    dec edx
    jnz at_byte
copy_done:
    mov eax, 1
    ret

global checked_equal
; bool checked_equal(const struct checked_word *list, u32 count)
checked_equal:
    mov eax, esi
    shl rax, 4
    add rdi, rax                ; the list's end, and how far from it
    neg rax
    jz equal_all
equal_next:
    mov rdx, [rdi + rax]
at_compared:
    mov rdx, [rdx]
    cmp rdx, [rdi + rax + 8]
    jne checked_fault
    add rax, 16
    jnz equal_next
equal_all:
    inc eax
    ret

global checked_msr_read
; bool checked_msr_read(u32 msr, u64 *value)
checked_msr_read:
    mov ecx, edi
at_rdmsr:
    rdmsr
    shl rdx, 32
    or rax, rdx
    mov [rsi], rax
    mov eax, 1
    ret

global checked_msr_write, checked_xcr_write
; bool checked_msr_write(u32 msr, u64 value)
checked_msr_write:
    mov ecx, edi
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
at_wrmsr:
    wrmsr
    mov eax, 1
    ret

; bool checked_xcr_write(u32 index, u64 value)
checked_xcr_write:
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

section .note.GNU-stack noalloc noexec nowrite progbits
