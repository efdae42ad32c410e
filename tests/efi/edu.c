/* SPDX-License-Identifier: BSD-2-Clause */
/* See edu.h. */
#include "tests/efi/edu.h"

#include "tests/efi/pci.h"
#include "tests/efi/port_efi.h"

enum {
    VENDOR_QEMU = 0x1234,
    DEVICE_EDU = 0x11e8,
    EDU_SOURCE = 0x80,
    EDU_TARGET = 0x88,
    EDU_COUNT = 0x90,
    EDU_COMMAND = 0x98,
    EDU_RUN = 1 << 0,
    EDU_TO_MEMORY = 1 << 1,
    EDU_BUFFER_AT = 0x40000,    /* how the device names its buffer */
    EDU_TICKS = 1000,

    VENDOR_REDHAT = 0x1b36,
    DEVICE_TESTDEV = 0x0005,
    TESTDEV_TRIGGER = 0x00,     /* a read does the DMA */
    TESTDEV_ADDR_LOW = 0x04,
    TESTDEV_ADDR_HIGH = 0x08,
    TESTDEV_LENGTH = 0x0c,
    TESTDEV_BELL = 0x14,
    TESTDEV_ARM = 1,
};

bool edu_open(struct edu *edu)
{
    edu->sid = pci_find(VENDOR_QEMU, DEVICE_EDU, 0);
    edu->base = edu->sid == PCI_NONE ? 0 : pci_open(edu->sid);
    return edu->base != 0;
}

static bool edu_run(const struct edu *edu, u64 source, u64 target, u32 bytes, u64 command)
{
    port_mmio_write64((hpa_t){edu->base + EDU_SOURCE}, source);
    port_mmio_write64((hpa_t){edu->base + EDU_TARGET}, target);
    port_mmio_write64((hpa_t){edu->base + EDU_COUNT}, bytes);
    port_mmio_write64((hpa_t){edu->base + EDU_COMMAND}, command);
    for (u32 i = 0; i < EDU_TICKS; i++) {
        if ((port_mmio_read64((hpa_t){edu->base + EDU_COMMAND}) & EDU_RUN) == 0) {
            return true;
        }
        wait_tick();
    }
    return false;
}

bool edu_read(const struct edu *edu, u64 addr, u32 offset, u32 bytes)
{
    return edu_run(edu, addr, EDU_BUFFER_AT + offset, bytes, EDU_RUN);
}

bool edu_write(const struct edu *edu, u64 addr, u32 offset, u32 bytes)
{
    return edu_run(edu, EDU_BUFFER_AT + offset, addr, bytes, EDU_RUN | EDU_TO_MEMORY);
}

bool testdev_open(struct testdev *dev, u32 nth)
{
    dev->sid = pci_find(VENDOR_REDHAT, DEVICE_TESTDEV, nth);
    dev->base = dev->sid == PCI_NONE ? 0 : pci_open(dev->sid);
    return dev->base != 0;
}

void testdev_write(const struct testdev *dev, u64 addr, u32 bytes)
{
    port_mmio_write32((hpa_t){dev->base + TESTDEV_ADDR_LOW}, (u32)addr);
    port_mmio_write32((hpa_t){dev->base + TESTDEV_ADDR_HIGH}, (u32)(addr >> 32));
    port_mmio_write32((hpa_t){dev->base + TESTDEV_LENGTH}, bytes);
    port_mmio_write32((hpa_t){dev->base + TESTDEV_BELL}, TESTDEV_ARM);
    (void)port_mmio_read32((hpa_t){dev->base + TESTDEV_TRIGGER});
}
