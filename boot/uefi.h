/* SPDX-License-Identifier: BSD-2-Clause */
/* GNU-EFI's headers and ours, in the order that works. */
#ifndef NESTOR_BOOT_UEFI_H
#define NESTOR_BOOT_UEFI_H

#include <efi.h>
#include <efilib.h>

#include "hv/types.h"

#endif
