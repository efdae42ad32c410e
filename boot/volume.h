/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds what a boot option means on this machine by completing short device paths, UEFI 2.10
 * chapter 3.1.2. The caller frees all paths that are returned.
 */
#ifndef NESTOR_BOOT_VOLUME_H
#define NESTOR_BOOT_VOLUME_H

#include "boot/uefi.h"

/* The path of the device with a file appended; `file` is ASCII, or NULL for none. NULL: out of memory. */
UINT8 *volume_path_of(EFI_HANDLE device, const char *file);
/* The complete path of a loaded image. */
UINT8 *volume_path_of_image(EFI_LOADED_IMAGE *image);

/*
 * A path that firmware can load from: short forms of hard drives and files are completed, a bare
 * device gets the default file, other paths stay as they are. NULL: nothing on this machine
 * matches.
 */
UINT8 *volume_expand(const UINT8 *path, UINTN size);

/*
 * The file's bytes, followed by a zero; *status is EFI_NOT_FOUND if there is no such file, EFI_BAD_BUFFER_SIZE if it
 * has not fewer than `limit`.
 */
UINT8 *volume_read_file(EFI_HANDLE device, const CHAR16 *name, UINTN limit, UINTN *size,
                        EFI_STATUS *status);

#endif
