/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's variables. */
#ifndef NESTOR_BOOT_VARIABLE_H
#define NESTOR_BOOT_VARIABLE_H

#include "boot/uefi.h"

/* A copy of a global variable, which the caller frees; NULL if there is none of that name. */
UINT8 *variable_read_global(const CHAR16 *name, UINTN *size);

/* UEFI 2.10 chapter 32.3.3: images are checked before they run. */
bool variable_secure_boot(void);

/* BootCurrent, as a boot manager sets it before it starts an entry. */
EFI_STATUS variable_set_boot_current(UINT16 number);

#endif
