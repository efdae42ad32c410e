/*
 * A boot option before Nestor that leaves it a machine on which it must fail, and returns an error
 * so that the boot order goes on. The load options say what it does.
 */
#include <efi.h>
#include <efilib.h>

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
    } else {
        Print(L"sabotage: what is \"%s\"?\n", what);
    }
    return EFI_ABORTED;
}
