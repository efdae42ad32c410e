/* Starting what comes after Nestor, as the firmware would have. */
#ifndef NESTOR_BOOT_NEXT_H
#define NESTOR_BOOT_NEXT_H

#include "boot/config.h"
#include "boot/uefi.h"

/*
 * Returns only when the next image returned or could not be started: with the status for the
 * firmware, which then goes on in its boot order.
 */
EFI_STATUS next_start(EFI_HANDLE self, const struct config *config);

#endif
