/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The script's machine under QEMU: its VT-d unit, edu (reads) and iommu-testdev
 * (writes). Runs \cases.txt and prints to the serial port, then powers off.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/port_io.h"
#include "tests/qemu/script.h"

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table);

enum { UNIT = 0xfed90000u, COM1 = 0x3f8, EDU_BUFFER = 0x40000 };
static volatile UINT8 *edu, *testdev;

static UINT32 config_read(UINT16 sid, UINT32 offset)
{
    out32(0xcf8, 0x80000000u | (UINT32)sid << 8 | offset);
    return in32(0xcfc);
}

static void config_write(UINT16 sid, UINT32 offset, UINT32 value)
{
    out32(0xcf8, 0x80000000u | (UINT32)sid << 8 | offset);
    out32(0xcfc, value);
}

void script_print(const char *text)
{
    for (; *text != 0; text++) {
        while ((in8(COM1 + 5) & 0x20) == 0) {
        }
        out8(COM1, (UINT8)*text);
    }
}

void script_print_hex(uint64_t value)
{
    char text[17];
    int n = 16;
    text[n] = 0;
    do {
        text[--n] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    script_print(text + n);
}

static volatile void *at(UINT64 address)
{
    return (volatile void *)(UINTN)address;
}

uint32_t script_read32(uint32_t reg) { return *(volatile UINT32 *)at(UNIT + reg); }
uint64_t script_read64(uint32_t reg) { return *(volatile UINT64 *)at(UNIT + reg); }
void script_write32(uint32_t reg, uint32_t value) { *(volatile UINT32 *)at(UNIT + reg) = value; }
void script_write64(uint32_t reg, uint64_t value) { *(volatile UINT64 *)at(UNIT + reg) = value; }

/* Tables may point anywhere; only the arena is ours to touch. */
uint64_t script_load(uint64_t addr) { return *(volatile UINT64 *)at(addr); }
void script_store(uint64_t addr, uint64_t value) { *(volatile UINT64 *)at(addr) = value; }

static void testdev_write(UINT32 reg, UINT32 value)
{
    *(volatile UINT32 *)(testdev + reg) = value;
}

/* iommu-testdev writes a pattern to the IOVA and looks for it at a GPA; only the write counts here. */
void script_dma_write(uint64_t iova)
{
    testdev_write(0x04, (UINT32)iova);
    testdev_write(0x08, (UINT32)(iova >> 32));
    testdev_write(0x1c, SCRIPT_SCRATCH);
    testdev_write(0x20, 0);
    testdev_write(0x0c, 8);
    testdev_write(0x18, 2);
    testdev_write(0x14, 1);
    (void)*(volatile UINT32 *)(testdev + 0x00);
    while (*(volatile UINT32 *)(testdev + 0x10) == 0xfffffffe) {
    }
}

static void edu_dma(UINT64 source, UINT64 target, UINT32 direction)
{
    *(volatile UINT64 *)(edu + 0x80) = source;
    *(volatile UINT64 *)(edu + 0x88) = target;
    *(volatile UINT64 *)(edu + 0x90) = 8;
    *(volatile UINT64 *)(edu + 0x98) = 1 | direction << 1;
    while ((*(volatile UINT64 *)(edu + 0x98) & 1) != 0) {
    }
}

void script_dma_read(uint64_t iova)
{
    edu_dma(iova, EDU_BUFFER, 0);
}

void script_dma_read_back(void)
{
    edu_dma(EDU_BUFFER, SCRIPT_SCRATCH, 1);
}

/* --- interrupts: they stay pending in the local APIC, since the CPU takes none --- */

enum {
    APIC_IRR = 0xfee00200u, IOAPIC = 0xfec00000u, IOAPIC_DATA = 0x10, IOAPIC_PINS = 20, IOAPIC_LAST = 24,
    EDU_RAISE = 0x60, EDU_ACKNOWLEDGE = 0x64, CAPABILITIES = 0x34, MSI = 5, MSI_ENABLE = 1 << 16, DISTANCE = 100000,
};

static UINT32 pending(UINT32 vector)
{
    return *(volatile UINT32 *)at(APIC_IRR + vector / 32 * 16) >> vector % 32 & 1;
}

/* Lets the device raise its interrupt; the vector that was not pending before. */
static UINT32 raised(void)
{
    UINT8 before[256];
    for (UINT32 v = 0; v < 256; v++) {
        before[v] = (UINT8)pending(v);
    }
    *(volatile UINT32 *)(edu + EDU_RAISE) = 1;
    UINT32 came = 0;
    for (UINT32 i = 0; i < DISTANCE && came == 0; i += 256) {
        for (UINT32 v = 16; v < 256 && came == 0; v++) {
            came = pending(v) != 0 && before[v] == 0 ? v : 0;
        }
    }
    *(volatile UINT32 *)(edu + EDU_ACKNOWLEDGE) = 1;
    return came;
}

static UINT32 msi_capability(void)
{
    UINT32 offset = config_read(SCRIPT_READER, CAPABILITIES) & 0xfc;
    while (offset != 0 && (config_read(SCRIPT_READER, offset) & 0xff) != MSI) {
        offset = config_read(SCRIPT_READER, offset) >> 8 & 0xfc;
    }
    return offset;
}

/* The capability has 64 bits of address. */
uint32_t script_msi(uint32_t addr, uint32_t data)
{
    UINT32 offset = msi_capability();
    config_write(SCRIPT_READER, offset + 4, addr);
    config_write(SCRIPT_READER, offset + 8, 0);
    config_write(SCRIPT_READER, offset + 12, data);
    config_write(SCRIPT_READER, offset, config_read(SCRIPT_READER, offset) | MSI_ENABLE);
    UINT32 came = raised();
    config_write(SCRIPT_READER, offset, config_read(SCRIPT_READER, offset) & ~(UINT32)MSI_ENABLE);
    return came;
}

static void set_pins(UINT64 entry)
{
    for (UINT32 pin = IOAPIC_PINS; pin < IOAPIC_LAST; pin++) {
        for (UINT32 half = 0; half < 2; half++) {
            *(volatile UINT32 *)at(IOAPIC) = 0x11 + 2 * pin - half;     /* the half with the mask last */
            *(volatile UINT32 *)at(IOAPIC + IOAPIC_DATA) = (UINT32)(entry >> 32 * (1 - half));
        }
    }
}

/* The chipset has the pins of devices on four inputs: all of them get the entry. */
uint32_t script_pin(uint64_t entry)
{
    set_pins(entry);
    UINT32 came = raised();
    set_pins(1 << 16);
    return came;
}

static volatile UINT8 *device(UINT16 sid, UINT32 id)
{
    if (config_read(sid, 0) != id) {
        script_print("no device\n");
        return NULL;
    }
    config_write(sid, 4, config_read(sid, 4) | 6);
    return at(config_read(sid, 0x10) & ~15u);
}

static CHAR8 *read_cases(EFI_HANDLE self)
{
    EFI_LOADED_IMAGE *loaded;
    EFI_FILE_HANDLE file;
    BS->HandleProtocol(self, &LoadedImageProtocol, (VOID **)&loaded);
    EFI_FILE_HANDLE root = LibOpenRoot(loaded->DeviceHandle);
    if (root == NULL || EFI_ERROR(root->Open(root, &file, L"\\cases.txt", EFI_FILE_MODE_READ, 0))) {
        return NULL;
    }
    UINTN size = LibFileInfo(file)->FileSize;
    CHAR8 *text = AllocateZeroPool(size + 1);
    return EFI_ERROR(file->Read(file, &size, text)) ? NULL : text;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table)
{
    EFI_PHYSICAL_ADDRESS arena = SCRIPT_ARENA;
    InitializeLib(self, table);
    CHAR8 *text = read_cases(self);
    edu = device(SCRIPT_READER, 0x11e81234);
    testdev = device(SCRIPT_WRITER, 0x00051b36);
    if (text == NULL || edu == NULL || testdev == NULL ||
        EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiBootServicesData, SCRIPT_ARENA_BYTES / 4096,
                                    &arena))) {
        script_print("script: not all that is needed is here\n");
    } else {
        script_print("caps ");
        script_print_hex(script_read32(0));
        script_print(" ");
        script_print_hex(script_read64(8));
        script_print(" ");
        script_print_hex(script_read64(16));
        script_print("\n");
        __asm__ volatile("cli");
        script_run((const char *)text);
    }
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
