/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A root that has nothing to do: it hands CPUs over, sleeps until the partition has stopped, and turns the machine off.
 * It says how long the partition took to its first character, and what Nestor's pool had free after its first life and
 * at the end. With load options it starts no CPU, types an escape character once the partition has printed that text,
 * and says whether its own memory is still as it was.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/hand_over.h"
#include "tests/efi/partition_window.h"
#include "tests/efi/port_io.h"
#include "tests/efi/tsc.h"

enum { WAIT_S = 600, FIRST_TICKS = 50000000, LATE_TICKS = 200000000, ESCAPE = 27, PATTERN_PAGES = 16384, TEXT = 64,
       COM2_STATUS = 0x2fd };

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static EFI_EVENT timer;

/* Asleep, as far as the firmware is. */
static void wait_ms(unsigned long long ms)
{
    UINTN index;
    BS->SetTimer(timer, TimerRelative, ms * 10000);
    BS->WaitForEvent(1, &timer, &index);
}

static void get_options(EFI_HANDLE self, char text[TEXT])
{
    EFI_LOADED_IMAGE *loaded;
    UINT32 n = 0;
    if (!EFI_ERROR(BS->HandleProtocol(self, &LoadedImageProtocol, (VOID **)&loaded))) {
        const CHAR16 *options = loaded->LoadOptions;
        for (; n < TEXT - 1 && n < loaded->LoadOptionsSize / sizeof(CHAR16) && options[n] != 0; n++) {
            text[n] = (char)options[n];
        }
    }
    text[n] = 0;
}

static UINT64 pattern(UINT64 at)
{
    return (at ^ 0x5aa55aa5) * 0x9e3779b97f4a7c15;
}

static BOOLEAN is_pattern(const UINT64 *words, UINT64 count)
{
    UINT64 i = 0;
    while (i < count && words[i] == pattern(i)) {
        i++;
    }
    return i == count;
}

/* The firmware speaks on COM2, too, and would take ones for keys. */
static void leave_com2(void)
{
    enum { UART_HID = 0x050141d0 };
    EFI_GUID serial = EFI_SERIAL_IO_PROTOCOL_GUID;
    EFI_HANDLE *handles;
    UINTN count = 0;
    (void)BS->LocateHandleBuffer(ByProtocol, &serial, NULL, &count, &handles);
    for (UINTN i = 0; i < count; i++) {
        EFI_DEVICE_PATH *node = DevicePathFromHandle(handles[i]);
        for (; node != NULL && !IsDevicePathEnd(node); node = NextDevicePathNode(node)) {
            const ACPI_HID_DEVICE_PATH *acpi = (const void *)node;
            if (DevicePathType(node) == ACPI_DEVICE_PATH && acpi->HID == UART_HID && acpi->UID == 1) {
                BS->DisconnectController(handles[i], NULL, NULL);
            }
        }
    }
}

static void type_after(const char *text)
{
    for (UINT32 i = 0; i < WAIT_S * 10 && !window_printed(text); i++) {
        wait_ms(100);
    }
    Print(L"partition: escape %s\n", window_type(ESCAPE) ? L"ok" : L"FAIL");
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    char text[TEXT];
    UINT64 words = PATTERN_PAGES * EFI_PAGE_SIZE / sizeof(UINT64);
    EFI_PHYSICAL_ADDRESS pages = 0;
    InitializeLib(self, system);
    BS->CreateEvent(EVT_TIMER, 0, NULL, NULL, &timer);
    get_options(self, text);
    BOOLEAN has_pattern =
        text[0] != 0 && !EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, PATTERN_PAGES, &pages));
    for (UINT64 i = 0; has_pattern && i < words; i++) {
        ((UINT64 *)pages)[i] = pattern(i);
    }
    BOOLEAN prints = window_controls();
    u64 began = read_tsc();
    if (text[0] != 0) {
        leave_com2();
        end_boot_services();
    } else {
        hand_over();
    }
    while (prints && !window_prints() && read_tsc() - began < (text[0] != 0 ? LATE_TICKS : FIRST_TICKS)) {
    }
    u64 first = read_tsc() - began;
    if (text[0] != 0) {
        type_after(text);
    }
    BOOLEAN stopped = window_ends(FALSE, WAIT_S, wait_ms);
    wait_ms(500);       /* Nestor reads faults ten times a second, and the first of a bus takes a page for good */
    UINT64 before = window_free_pages();
    stopped = window_ends(TRUE, WAIT_S, wait_ms) && stopped;
    UINT64 after = window_free_pages();
    wait_ms(1000);      /* for what is on its way to the console, which this program's own output would cut */
    Print(L"partition: stopped %s\n", stopped ? L"ok" : L"FAIL");
    if (text[0] != 0) {
        Print(L"partition: COM2 %s\n", in8(COM2_STATUS) == 0xff ? L"ok" : L"FAIL");
        Print(L"partition: pattern %s\n", has_pattern && is_pattern((UINT64 *)pages, words) ? L"ok" : L"FAIL");
    }
    Print(L"partition: pages %s, %lu free after a life, %lu at the end\n", before == after ? L"ok" : L"FAIL", before,
          after);
    Print(L"partition: first character after %lu ticks\n", first);
    Print(L"efi-test: end\n");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
