/* SPDX-License-Identifier: BSD-2-Clause */
/* See function_take.h. UEFI 2.10 chapters 7.3.13 and 14.4. */
#include "boot/uefi.h"

#include <efipciio.h>

#include "boot/function.h"
#include "boot/function_path.h"
#include "boot/function_take.h"

static EFI_GUID device_guid = EFI_PCI_IO_PROTOCOL_GUID;
static EFI_GUID path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;

static bool location(EFI_HANDLE handle, struct pci_function *out)
{
    EFI_PCI_IO_PROTOCOL *device;
    UINTN segment;
    UINTN bus;
    UINTN slot;
    UINTN function;
    if (EFI_ERROR(BS->HandleProtocol(handle, &device_guid, (VOID **)&device)) ||
        EFI_ERROR(device->GetLocation(device, &segment, &bus, &slot, &function)) || segment != 0) {
        return false;
    }
    *out = (struct pci_function){(u8)bus, (u8)slot, (u8)function};
    return true;
}

bool function_take_find(EFI_HANDLE device, struct pci_function *out)
{
    EFI_DEVICE_PATH *path;
    EFI_HANDLE handle;
    return !EFI_ERROR(BS->HandleProtocol(device, &path_guid, (VOID **)&path)) &&
           !EFI_ERROR(BS->LocateDevicePath(&device_guid, &path, &handle)) && location(handle, out);
}

/* NULL: the firmware has not looked at the function, and has no driver for it. */
static EFI_HANDLE handle_of(u16 source_id)
{
    UINTN count;
    EFI_HANDLE *handles;
    EFI_HANDLE found = NULL;
    if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &device_guid, NULL, &count, &handles))) {
        return NULL;
    }
    for (UINTN i = 0; i < count; i++) {
        struct pci_function f;
        found = location(handles[i], &f) && function_id(f) == source_id ? handles[i] : found;
    }
    FreePool(handles);
    return found;
}

const char *function_take(const struct pci_config *config, const struct handover_function *function)
{
    struct pci_function f = function_of(function->source_id);
    EFI_HANDLE handle = handle_of(function->source_id);
    if (handle != NULL && EFI_ERROR(BS->DisconnectController(handle, NULL, NULL))) {
        return "a function that the firmware's drivers let go";
    }
    u32 command = config->read(config->ctx, f, FUNCTION_COMMAND) & 0xffff;
    config->write(config->ctx, f, FUNCTION_COMMAND, (command & ~(u32)COMMAND_MASTER) | COMMAND_NO_INTX);
    return function_path_close(config, f) ? NULL : "a function below ports that take ACS source validation";
}

void function_take_back(const struct pci_config *config, const struct handover_function *function)
{
    struct pci_function f = function_of(function->source_id);
    EFI_HANDLE handle = handle_of(function->source_id);
    u32 command = config->read(config->ctx, f, FUNCTION_COMMAND) & 0xffff;
    config->write(config->ctx, f, FUNCTION_COMMAND, command & ~(u32)COMMAND_NO_INTX);
    if (handle != NULL) {
        BS->ConnectController(handle, NULL, NULL, TRUE);
    }
}
