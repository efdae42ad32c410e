/* Variables of the firmware. */
#ifndef NESTOR_BOOT_VARIABLE_H
#define NESTOR_BOOT_VARIABLE_H

#include "boot/uefi.h"

/* A copy of the global variable, for the caller to free; NULL when it is not there. */
UINT8 *variable_read_global(const CHAR16 *name, UINTN *size);

/* BootCurrent, as a boot manager sets it before it starts an entry. */
EFI_STATUS variable_set_boot_current(UINT16 number);

#endif
