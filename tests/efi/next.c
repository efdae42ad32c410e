/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image that comes after Nestor in the tests: says that it runs, with which load options, whether as Nestor's guest
 * and how much memory is reserved in one piece (Nestor's, if it is), and turns the machine off.
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

static UINTN reserved_kib(void)
{
    UINTN count, key, bytes, most = 0;
    UINT32 version;
    const UINT8 *at = (const UINT8 *)LibMemoryMap(&count, &key, &bytes, &version);
    for (UINTN i = 0; i < count; i++) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(const VOID *)(at + i * bytes);
        most = d->Type == EfiReservedMemoryType && d->NumberOfPages > most ? d->NumberOfPages : most;
    }
    return most * 4;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    InitializeLib(self, system);
    if (EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded))) {
        return EFI_UNSUPPORTED;
    }
    /* On a line of its own: the firmware leaves the cursor anywhere. */
    Print(L"\nnext: running, options \"%s\"\nnext: %s\nnext: %d KiB reserved\nefi-test: end\n",
          loaded->LoadOptionsSize == 0 ? L"" : (CHAR16 *)loaded->LoadOptions,
          is_guest_of_nestor() ? L"as the guest of Nestor" : L"natively", reserved_kib());
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
