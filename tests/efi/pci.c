/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci.h. Configuration mechanism #1: PCI 3.0, 3.2.2.3.2. */
#include "tests/efi/pci.h"

#include "tests/efi/port_io.h"

enum {
    PORT_ADDRESS = 0xcf8,
    PORT_DATA = 0xcfc,
    REG_ID = 0x00,
    REG_COMMAND = 0x04,
    REG_CLASS = 0x08,
    REG_HEADER = 0x0c,
    REG_BAR0 = 0x10,
    COMMAND_MEMORY = 1 << 1,
    COMMAND_MASTER = 1 << 2,
    BAR_64BIT = 1 << 2,
    BUSES = 16,
    FUNCTIONS = BUSES << 8,
};

static void select(u16 sid, u8 offset)
{
    out32(PORT_ADDRESS, 0x80000000u | (u32)sid << 8 | (offset & 0xfcu));
}

u32 pci_read(u16 sid, u8 offset)
{
    select(sid, offset);
    return in32(PORT_DATA);
}

void pci_write(u16 sid, u8 offset, u32 value)
{
    select(sid, offset);
    out32(PORT_DATA, value);
}

static u16 find(u8 offset, u32 shift, u32 wanted, u32 nth)
{
    for (u32 sid = 0; sid < FUNCTIONS; sid++) {
        bool there = (pci_read((u16)sid, REG_ID) & 0xffff) != 0xffff;
        if (there && pci_read((u16)sid, offset) >> shift == wanted && nth-- == 0) {
            return (u16)sid;
        }
    }
    return PCI_NONE;
}

u16 pci_find(u16 vendor, u16 device, u32 nth)
{
    return find(REG_ID, 0, (u32)device << 16 | vendor, nth);
}

u16 pci_find_class(u32 class, u32 nth)
{
    return find(REG_CLASS, 8, class, nth);
}

u64 pci_open(u16 sid)
{
    u32 command = pci_read(sid, REG_COMMAND) & 0xffff;
    pci_write(sid, REG_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER);
    u64 base = pci_read(sid, REG_BAR0);
    if ((base & BAR_64BIT) != 0) {
        base |= (u64)pci_read(sid, REG_BAR0 + 4) << 32;
    }
    return base & ~0xfull;
}
