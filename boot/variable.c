/* SPDX-License-Identifier: BSD-2-Clause */
/* See variable.h. UEFI 2.10 chapters 3.3 and 8.2. */
#include "boot/variable.h"

static EFI_GUID global_variable = {0x8be4df61, 0x93ca, 0x11d2,
                                   {0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c}};

UINT8 *variable_read_global(const CHAR16 *name, UINTN *size)
{
    *size = 0;
    EFI_STATUS status = RT->GetVariable((CHAR16 *)name, &global_variable, NULL, size, NULL);
    if (status != EFI_BUFFER_TOO_SMALL || *size == 0) {
        return NULL;
    }
    UINT8 *bytes = AllocatePool(*size);
    if (bytes != NULL &&
        EFI_ERROR(RT->GetVariable((CHAR16 *)name, &global_variable, NULL, size, bytes))) {
        FreePool(bytes);
        bytes = NULL;
    }
    return bytes;
}

bool variable_secure_boot(void)
{
    UINTN size;
    UINT8 *bytes = variable_read_global(L"SecureBoot", &size);
    bool on = bytes != NULL && bytes[0] == 1;
    if (bytes != NULL) {
        FreePool(bytes);
    }
    return on;
}

EFI_STATUS variable_set_boot_current(UINT16 number)
{
    return RT->SetVariable(L"BootCurrent", &global_variable,
                           EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS,
                           sizeof(number), &number);
}
