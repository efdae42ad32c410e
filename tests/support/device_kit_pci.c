/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of device_kit.h as hv/device sees them, where no other list of a test's is. */
#include "tests/support/device_kit.h"

#include "hv/device/pci.h"

static u32 config[64];

struct device *device_get(u32 i)
{
    return device_kit_device(i);
}

u32 *device_kit_config(u32 offset)
{
    return &config[offset / sizeof(u32)];
}

/* Only double words are asked for. */
u32 pci_read(u16 source_id, u32 offset, u32 size)
{
    return source_id == DEVICE_KIT_SID_MSI && size == sizeof(u32) ? config[offset / sizeof(u32)] : ~0u;
}

void pci_write(u16 source_id, u32 offset, u32 size, u32 value)
{
    if (source_id == DEVICE_KIT_SID_MSI && size == sizeof(u32)) {
        config[offset / sizeof(u32)] = value;
    }
}
