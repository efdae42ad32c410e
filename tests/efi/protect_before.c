/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs before Nestor and fills the region that it will protect. Returns an error, so that the next
 * boot option gets its turn.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/protect.h"

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static BOOLEAN take(EFI_PHYSICAL_ADDRESS at, UINTN pages)
{
    return !EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiLoaderData, pages, &at));
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    if (!take(REGION - 4096, REGION_PAGES + 1) || !take(OUTSIDE, 1)) {
        Print(L"before: the region is in use\n");
        return EFI_ABORTED;
    }
    ZeroMem((VOID *)REGION, REGION_BYTES);
    region_tables((unsigned long long *)REGION);
    for (UINTN i = 0; i < REGION_BYTES - (REGION_DATA - REGION); i++) {
        ((UINT8 *)REGION_DATA)[i] = (UINT8)(i * 7 + (i >> 8));
    }
    Print(L"before: the region is filled\n");
    return EFI_ABORTED;
}
