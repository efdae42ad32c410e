/* SPDX-License-Identifier: BSD-2-Clause */
/* Measured boot: what decides how Nestor runs is in the TPM's log before it is used (TCG EFI Protocol, family 2.0). */
#ifndef NESTOR_BOOT_MEASURE_H
#define NESTOR_BOOT_MEASURE_H

#include "boot/uefi.h"

/*
 * Extends PCR 12, which boot loaders use for what they were told, by a file's bytes; the log has its name (of up to 31
 * characters). EFI_UNSUPPORTED: the firmware has no TPM 2.0.
 */
EFI_STATUS measure_file(const UINT8 *bytes, UINTN size, const char *name);

#endif
