/* SPDX-License-Identifier: BSD-2-Clause */
/* See ide.h. */
#include "tests/efi/ide.h"

#include "tests/efi/pci.h"
#include "tests/efi/port_io.h"

enum {
    REG_BAR4 = 0x20,
    BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4, BM_START = 1, BM_TO_MEMORY = 8,
    ATA_COUNT = 0x1f2, ATA_LBA = 0x1f3, ATA_DEVICE = 0x1f6, ATA_COMMAND = 0x1f7,
    READ_DMA = 0xc8, WRITE_DMA = 0xca,
    LAST_SECTOR = 141311,           /* of the data partition, tests/bochs/disk.py */
};

static u16 bus_master;
static u32 *descriptor;

void ide_open(u32 *table)
{
    bus_master = (u16)(pci_read(IDE_SID, REG_BAR4) & 0xfffc);
    descriptor = table;
    (void)pci_open(IDE_SID);
}

void ide_start(u64 memory, bool to_memory)
{
    descriptor[0] = (u32)memory;
    descriptor[1] = 0x80000000u | IDE_SECTOR;
    out8(bus_master + BM_COMMAND, 0);
    out32(bus_master + BM_TABLE, (u32)(uintptr_t)descriptor);
    out8(bus_master + BM_STATUS, IDE_ERROR | IDE_DONE);
    out8(ATA_DEVICE, (u8)(0xe0 | LAST_SECTOR >> 24));
    out8(ATA_COUNT, 1);
    for (u32 i = 0; i < 3; i++) {
        out8((u16)(ATA_LBA + i), (u8)(LAST_SECTOR >> 8 * i));
    }
    out8(ATA_COMMAND, to_memory ? READ_DMA : WRITE_DMA);
    out8(bus_master + BM_COMMAND, (u8)(BM_START | (to_memory ? BM_TO_MEMORY : 0)));
}

u8 ide_status(void)
{
    return in8(bus_master + BM_STATUS) & (IDE_ERROR | IDE_DONE);
}

void ide_stop(void)
{
    out8(bus_master + BM_COMMAND, 0);
    (void)in8(ATA_COMMAND);
}
