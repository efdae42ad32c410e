; SPDX-License-Identifier: BSD-2-Clause
; What shim revokes programs by: a component and its generation, which rises with a vulnerability that gets around
; Secure Boot. VERSION is the file of that name. No terminating zero: it is CSV.

        section .sbat align=4096 noexec nowrite
        db "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md", 10
        db "nestor,1,The Nestor authors,nestor,", VERSION, ",SECURITY.md", 10

        section .note.GNU-stack noalloc noexec nowrite progbits
