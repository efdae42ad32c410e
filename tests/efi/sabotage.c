/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A boot option before Nestor that leaves it a machine on which it must fail, and returns an error
 * so that the boot order goes on. The load options say what it does.
 */
#include <efi.h>
#include <efilib.h>
#include <efipciio.h>

#include "tests/efi/mp.h"
#include "tests/efi/msr.h"

enum { SMALLEST_PAGES = 512, LARGEST_PAGES = 1 << 17, GDT_BYTES = 256, OWN_TSS = 0xe0,
       TSS_AVAILABLE = 0x89, TSS_NONSENSE = 0x85, TSS_LIMIT = 103 };

struct __attribute__((packed)) table { UINT16 limit; UINT64 base; };

/* Takes all memory but for pieces of less than 2 MiB. */
static void take_memory(void)
{
    UINTN taken = 0;
    for (UINTN pages = LARGEST_PAGES; pages >= SMALLEST_PAGES; pages /= 2) {
        EFI_PHYSICAL_ADDRESS at;
        while (!EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiBootServicesData, pages, &at))) {
            taken += pages;
        }
    }
    Print(L"sabotage: %d MiB taken\n", taken / 256);
}

/*
 * Loads the task register and then changes its descriptor in memory: the CPU goes on, but a VM
 * entry with the new contents of the table is refused.
 */
static void spoil_task(void)
{
    static UINT8 tss[TSS_LIMIT + 1];
    struct table gdtr;
    EFI_PHYSICAL_ADDRESS at;
    UINT8 *gdt, *entry;
    UINT16 selector = OWN_TSS;
    __asm__ volatile("sgdt %0" : "=m"(gdtr));
    if (gdtr.limit >= OWN_TSS ||
        EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiRuntimeServicesData, 1, &at))) {
        Print(L"sabotage: no room, limit %x\n", gdtr.limit);
        return;
    }
    gdt = (UINT8 *)(UINTN)at;
    ZeroMem(gdt, GDT_BYTES);
    CopyMem(gdt, (VOID *)(UINTN)gdtr.base, gdtr.limit + 1);
    entry = gdt + OWN_TSS;
    *(UINT64 *)(VOID *)entry = TSS_LIMIT | ((UINT64)(UINTN)tss & 0xffffff) << 16 |
                               (UINT64)TSS_AVAILABLE << 40 | ((UINT64)(UINTN)tss >> 24 & 0xff) << 56;
    *(UINT64 *)(VOID *)(entry + 8) = (UINT64)(UINTN)tss >> 32;
    gdtr = (struct table){GDT_BYTES - 1, at};
    __asm__ volatile("lgdt %0; ltr %1" : : "m"(gdtr), "m"(selector));
    entry[5] = TSS_NONSENSE;
    Print(L"sabotage: task register spoilt\n");
}

static void seal(UINT8 *table, UINT32 length)
{
    UINT8 sum = 0;
    table[9] = 0;
    for (UINT32 i = 0; i < length; i++) {
        sum = (UINT8)(sum + table[i]);
    }
    table[9] = (UINT8)-sum;
}

/* A CPU more in MADT than there is, in a copy that XSDT names in place of the original. */
static void list_another_cpu(void)
{
    static const UINT8 another[] = {0, 8, 0x77, 0x77, 1, 0, 0, 0};
    EFI_GUID guid = ACPI_20_TABLE_GUID;
    UINT8 *rsdp, *xsdt, *copy;
    if (EFI_ERROR(LibGetSystemConfigurationTable(&guid, (VOID **)&rsdp))) {
        return;
    }
    xsdt = (UINT8 *)(UINTN)*(UINT64 *)(VOID *)(rsdp + 24);
    UINT32 length = *(UINT32 *)(VOID *)(xsdt + 4);
    for (UINT32 at = 36; at < length; at += 8) {
        UINT64 madt;
        CopyMem(&madt, xsdt + at, sizeof(madt));
        UINT32 bytes = *(UINT32 *)(VOID *)(UINTN)(madt + 4);
        if (CompareMem((VOID *)(UINTN)madt, "APIC", 4) != 0 ||
            EFI_ERROR(BS->AllocatePool(EfiACPIReclaimMemory, bytes + sizeof(another), (VOID **)&copy))) {
            continue;
        }
        CopyMem(copy, (VOID *)(UINTN)madt, bytes);
        CopyMem(copy + bytes, (VOID *)another, sizeof(another));
        *(UINT32 *)(VOID *)(copy + 4) = bytes + (UINT32)sizeof(another);
        seal(copy, bytes + (UINT32)sizeof(another));
        madt = (UINT64)(UINTN)copy;
        CopyMem(xsdt + at, &madt, sizeof(madt));
        seal(xsdt, length);
        Print(L"sabotage: another CPU in MADT\n");
    }
}

static VOID EFIAPI enter_x2apic(VOID *unused)
{
    enum { APIC_BASE = 0x1b, EXTD = 1 << 10 };
    (void)unused;
    msr_put(APIC_BASE, msr_get(APIC_BASE) | EXTD);
}

/* As firmware with the set-up option of that name leaves its CPUs. */
static void turn_x2apic_on(void)
{
    struct mp_services *mp;
    UINTN *failed = NULL;
    if (!EFI_ERROR(BS->LocateProtocol(&mp_guid, NULL, (VOID **)&mp)) &&
        !EFI_ERROR(mp->startup_all_aps(mp, enter_x2apic, FALSE, NULL, 0, NULL, &failed))) {
        enter_x2apic(NULL);
        Print(L"sabotage: x2APIC mode\n");
    }
}

/* 00:08.0; NULL: the firmware does not know it. */
static EFI_HANDLE find_function(EFI_GUID *guid)
{
    enum { SLOT = 8 };
    UINTN count = 0;
    EFI_HANDLE *handles, found = NULL;
    (void)BS->LocateHandleBuffer(ByProtocol, guid, NULL, &count, &handles);
    for (UINTN i = 0; i < count; i++) {
        EFI_PCI_IO_PROTOCOL *device;
        UINTN segment, bus, slot, function;
        if (!EFI_ERROR(BS->HandleProtocol(handles[i], guid, (VOID **)&device)) &&
            !EFI_ERROR(device->GetLocation(device, &segment, &bus, &slot, &function)) && bus == 0 && slot == SLOT) {
            found = handles[i];
        }
    }
    return found;
}

/* A driver, which stays when this program has ended: it has that function, and does not stop (UEFI 2.10, 11.1). */
static void keep_function(EFI_HANDLE self)
{
    static const UINT8 fails[] = {0x48, 0xb8, 7, 0, 0, 0, 0, 0, 0, 0x80, 0xc3};    /* mov rax, EFI_DEVICE_ERROR; ret */
    EFI_GUID guid = EFI_PCI_IO_PROTOCOL_GUID, binding_guid = EFI_DRIVER_BINDING_PROTOCOL_GUID;
    EFI_HANDLE driver = NULL, function = find_function(&guid);
    EFI_PHYSICAL_ADDRESS page;
    VOID *device;
    if (function == NULL ||
        EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiBootServicesCode, 1, &page))) {
        return;
    }
    EFI_DRIVER_BINDING_PROTOCOL *binding = (VOID *)(UINTN)page;
    VOID *code = (VOID *)(UINTN)(page + EFI_PAGE_SIZE / 2);
    CopyMem(code, (VOID *)fails, sizeof(fails));
    *binding = (EFI_DRIVER_BINDING_PROTOCOL){.Supported = code, .Start = code, .Stop = code, .ImageHandle = self};
    if (!EFI_ERROR(BS->InstallProtocolInterface(&driver, &binding_guid, EFI_NATIVE_INTERFACE, binding))) {
        binding->DriverBindingHandle = driver;
        EFI_STATUS status = BS->OpenProtocol(function, &guid, &device, driver, function, EFI_OPEN_PROTOCOL_BY_DRIVER);
        Print(L"sabotage: 00:08.0 is kept, status %lx\n", (UINT64)status);
    }
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    const CHAR16 *what = L"";
    InitializeLib(self, system);
    if (!EFI_ERROR(BS->HandleProtocol(self, &gEfiLoadedImageProtocolGuid, (VOID **)&loaded)) &&
        loaded->LoadOptionsSize != 0) {
        what = loaded->LoadOptions;
    }
    if (StrCmp(what, L"memory") == 0) {
        take_memory();
    } else if (StrCmp(what, L"task") == 0) {
        spoil_task();
    } else if (StrCmp(what, L"cpu") == 0) {
        list_another_cpu();
    } else if (StrCmp(what, L"x2apic") == 0) {
        turn_x2apic_on();
    } else if (StrCmp(what, L"driver") == 0) {
        keep_function(self);
    } else {
        Print(L"sabotage: what is \"%s\"?\n", what);
    }
    return EFI_ABORTED;
}
