/* SPDX-License-Identifier: BSD-2-Clause */
/* See windows.h. */
#include "boot/uefi.h"

#include <efipciio.h>

#include "boot/windows.h"

enum { BARS = 6 };

static EFI_GUID bridge_guid = EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL_GUID;
static EFI_GUID device_guid = EFI_PCI_IO_PROTOCOL_GUID;

/* What is done with the resources of each bridge or BAR: a list of descriptors, and the caller's own. */
typedef void (*use_descriptors)(const void *descriptors, void *to);

static void use_bridge(EFI_HANDLE handle, use_descriptors use, void *to)
{
    EFI_PCI_ROOT_BRIDGE_IO_PROTOCOL *bridge;
    VOID *descriptors = NULL;
    if (!EFI_ERROR(BS->HandleProtocol(handle, &bridge_guid, (VOID **)&bridge)) &&
        !EFI_ERROR(bridge->Configuration(bridge, &descriptors)) && descriptors != NULL) {
        use(descriptors, to);
    }
}

static void use_device(EFI_HANDLE handle, use_descriptors use, void *to)
{
    EFI_PCI_IO_PROTOCOL *device;
    if (EFI_ERROR(BS->HandleProtocol(handle, &device_guid, (VOID **)&device))) {
        return;
    }
    for (UINT8 bar = 0; bar < BARS; bar++) {
        VOID *descriptors = NULL;
        if (!EFI_ERROR(device->GetBarAttributes(device, bar, NULL, &descriptors)) && descriptors != NULL) {
            use(descriptors, to);
            FreePool(descriptors);
        }
    }
}

static void use_all(EFI_GUID *protocol, void (*one)(EFI_HANDLE handle, use_descriptors use, void *to),
                    use_descriptors use, void *to)
{
    UINTN count;
    EFI_HANDLE *handles;
    if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, protocol, NULL, &count, &handles))) {
        return;
    }
    for (UINTN i = 0; i < count; i++) {
        one(handles[i], use, to);
    }
    FreePool(handles);
}

static void add(const void *descriptors, void *to)
{
    areas_add_descriptors(to, descriptors);
}

void windows_of_bridges(struct areas *out)
{
    *out = (struct areas){.count = 0};
    use_all(&bridge_guid, use_bridge, add, out);
}

void windows_of_devices(struct areas *out)
{
    *out = (struct areas){.count = 0};
    use_all(&device_guid, use_device, add, out);
}

struct ports {
    u32 first, count;
    bool found;
};

static void look_for_ports(const void *descriptors, void *to)
{
    struct ports *p = to;
    p->found |= areas_have_ports(descriptors, p->first, p->count);
}

bool windows_have_ports(u32 first, u32 count)
{
    struct ports p = {.first = first, .count = count};
    use_all(&bridge_guid, use_bridge, look_for_ports, &p);
    use_all(&device_guid, use_device, look_for_ports, &p);
    return p.found;
}
