/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A root that has nothing to do: it hands CPUs over, sleeps until the partition has stopped, and turns the machine off.
 * It says how long the partition took to its first character, and what Nestor's pool had free after its first life and
 * at the end.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/hand_over.h"
#include "tests/efi/partition_window.h"
#include "tests/efi/tsc.h"

enum { WAIT_S = 600, FIRST_TICKS = 50000000 };

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static EFI_EVENT timer;

/* Asleep, as far as the firmware is. */
static void wait_ms(unsigned long long ms)
{
    UINTN index;
    BS->SetTimer(timer, TimerRelative, ms * 10000);
    BS->WaitForEvent(1, &timer, &index);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    BS->CreateEvent(EVT_TIMER, 0, NULL, NULL, &timer);
    BOOLEAN prints = window_controls();
    u64 began = read_tsc();
    hand_over();
    while (prints && !window_prints() && read_tsc() - began < FIRST_TICKS) {
    }
    u64 first = read_tsc() - began;
    BOOLEAN stopped = window_ends(FALSE, WAIT_S, wait_ms);
    wait_ms(500);       /* Nestor reads faults ten times a second, and the first of a bus takes a page for good */
    UINT64 before = window_free_pages();
    stopped = window_ends(TRUE, WAIT_S, wait_ms) && stopped;
    UINT64 after = window_free_pages();
    wait_ms(1000);      /* for what is on its way to the console, which this program's own output would cut */
    Print(L"partition: stopped %s\n", stopped ? L"ok" : L"FAIL");
    Print(L"partition: pages %s, %lu free after a life, %lu at the end\n", before == after ? L"ok" : L"FAIL", before,
          after);
    Print(L"partition: first character after %lu ticks\n", first);
    Print(L"efi-test: end\n");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
