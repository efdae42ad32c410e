/* SPDX-License-Identifier: BSD-2-Clause */
/* See windows.h. */
#include "boot/uefi.h"

#include <efipciio.h>

#include "boot/windows.h"

enum { BARS = 6 };

static EFI_GUID bridge_guid = EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL_GUID;
static EFI_GUID device_guid = EFI_PCI_IO_PROTOCOL_GUID;

static void add_bridge(EFI_HANDLE handle, struct areas *out)
{
    EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *bridge;
    VOID *descriptors = NULL;
    if (!EFI_ERROR(BS->HandleProtocol(handle, &bridge_guid, (VOID **)&bridge)) &&
        !EFI_ERROR(bridge->Configuration(bridge, &descriptors)) && descriptors != NULL) {
        areas_add_descriptors(out, descriptors);
    }
}

static void add_device(EFI_HANDLE handle, struct areas *out)
{
    EFI_PCI_IO_PROTOCOL *device;
    if (EFI_ERROR(BS->HandleProtocol(handle, &device_guid, (VOID **)&device))) {
        return;
    }
    for (UINT8 bar = 0; bar < BARS; bar++) {
        VOID *descriptors = NULL;
        if (!EFI_ERROR(device->GetBarAttributes(device, bar, NULL, &descriptors)) && descriptors != NULL) {
            areas_add_descriptors(out, descriptors);
            FreePool(descriptors);
        }
    }
}

static void add_all(EFI_GUID *protocol, void (*add)(EFI_HANDLE handle, struct areas *out), struct areas *out)
{
    UINTN count;
    EFI_HANDLE *handles;
    *out = (struct areas){.count = 0};
    if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, protocol, NULL, &count, &handles))) {
        return;
    }
    for (UINTN i = 0; i < count; i++) {
        add(handles[i], out);
    }
    FreePool(handles);
}

void windows_of_bridges(struct areas *out)
{
    add_all(&bridge_guid, add_bridge, out);
}

void windows_of_devices(struct areas *out)
{
    add_all(&device_guid, add_device, out);
}
