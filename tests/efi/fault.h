/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that may fault: a gate of this program's own for #GP steps over them. */
#ifndef NESTOR_TESTS_EFI_FAULT_H
#define NESTOR_TESTS_EFI_FAULT_H

#include <efi.h>

/* Takes over the gate for good. */
void fault_catch(void);

/* Where another vector's gate leads from now on; what it was is returned. */
UINT64 fault_gate(UINT8 vector, UINT64 to);

/* True: the instruction faulted. */
BOOLEAN fault_wrmsr(UINT32 msr, UINT64 value);
BOOLEAN fault_store(volatile VOID *to, UINT64 value);
BOOLEAN fault_store_vector(volatile VOID *to);

#endif
