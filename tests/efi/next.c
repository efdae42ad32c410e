/*
 * The image that comes after Nestor in the tests: says that it runs and with which load
 * options, and turns the machine off.
 */
#include <efi.h>
#include <efilib.h>

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    InitializeLib(self, system);
    if (EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded))) {
        return EFI_UNSUPPORTED;
    }
    /* A line of its own: the firmware leaves the cursor anywhere. */
    Print(L"\nnext: running, options \"%s\"\nefi-test: end\n",
          loaded->LoadOptionsSize == 0 ? L"" : (CHAR16 *)loaded->LoadOptions);
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
