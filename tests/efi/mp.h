/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's MP services (PI 1.7, volume 2, 13.4), as far as the tests use them. */
#ifndef NESTOR_TESTS_EFI_MP_H
#define NESTOR_TESTS_EFI_MP_H

#include <efi.h>

typedef VOID(EFIAPI *procedure)(VOID *argument);
struct mp_services {
    EFI_STATUS(EFIAPI *count)(struct mp_services *mp, UINTN *all, UINTN *enabled);
    VOID *info;
    EFI_STATUS(EFIAPI *startup_all_aps)(struct mp_services *mp, procedure f, BOOLEAN single, EFI_EVENT wait,
                                        UINTN timeout_us, VOID *argument, UINTN **failed);
};
static EFI_GUID mp_guid = {0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};

#endif
