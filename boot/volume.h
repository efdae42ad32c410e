/*
 * Finding what a boot option means on this machine: short device paths completed, UEFI 2.10
 * chapter 3.1.2. All paths given back are the caller's to free.
 */
#ifndef NESTOR_BOOT_VOLUME_H
#define NESTOR_BOOT_VOLUME_H

#include "boot/uefi.h"

/* The path of the device with a file appended; file is ASCII, NULL adds none. NULL without memory. */
UINT8 *volume_path_of(EFI_HANDLE device, const char *file);
/* The complete path of a loaded image. */
UINT8 *volume_path_of_image(EFI_LOADED_IMAGE *image);

/*
 * A path that firmware can load from: hard-drive and file short forms completed, a bare
 * device given the default file. Other paths come back as they are. NULL: nothing on this machine
 * matches.
 */
UINT8 *volume_expand(const UINT8 *path, UINTN size);

/* The file's bytes, a zero after them; *status is EFI_NOT_FOUND when there is none. */
UINT8 *volume_read_file(EFI_HANDLE device, const CHAR16 *name, UINTN limit, UINTN *size,
                        EFI_STATUS *status);

#endif
