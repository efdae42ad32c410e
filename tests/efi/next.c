/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image that comes after Nestor in the tests: says that it runs, with which load options and
 * whether as Nestor's guest, and turns the machine off.
 */
#include <efi.h>
#include <efilib.h>

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

/* By the signature in leaf 40000000h, hypervisor bit or not: a CPU alone answers with its highest basic leaf there. */
static BOOLEAN is_guest_of_nestor(void)
{
    UINT32 a = 0x40000000, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b == 0x7473654e && c == 0x654e726f && d == 0x726f7473;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    InitializeLib(self, system);
    if (EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded))) {
        return EFI_UNSUPPORTED;
    }
    /* On a line of its own: the firmware leaves the cursor anywhere. */
    Print(L"\nnext: running, options \"%s\"\nnext: %s\nefi-test: end\n",
          loaded->LoadOptionsSize == 0 ? L"" : (CHAR16 *)loaded->LoadOptions,
          is_guest_of_nestor() ? L"as the guest of Nestor" : L"natively");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
