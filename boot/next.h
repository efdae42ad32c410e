/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting what comes after Nestor, as the firmware would have. */
#ifndef NESTOR_BOOT_NEXT_H
#define NESTOR_BOOT_NEXT_H

#include "boot/config.h"
#include "boot/uefi.h"

/* As a boot manager does for what it starts: five minutes, then the firmware resets, if it can. */
EFI_STATUS next_arm_watchdog(void);

/*
 * Returns only if the next image returned or could not be started. The status is for the firmware,
 * which then goes on with its boot order.
 */
EFI_STATUS next_start(EFI_HANDLE self, const struct config *config);

#endif
