; SPDX-License-Identifier: BSD-2-Clause
; The image's first bytes: struct image_entry (hv/handover.h).
bits 64

extern hv_prepare, hv_enter, hv_abandon

section .header progbits alloc noexec nowrite align=8
    dq hv_prepare, hv_enter, hv_abandon

section .note.GNU-stack noalloc noexec nowrite progbits
