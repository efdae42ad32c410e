/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest's memory type range registers do: a range is turned on and off again by the steps of
 * SDM 12.11.8, each register reads back, and what hardware refuses is refused.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/fault.h"
#include "tests/efi/msr.h"

enum { FIX64K = 0x250, FIX4K_C0 = 0x268, DEFAULT = 0x2ff, ENABLE = 1 << 11,
       WC = 1, WP = 5, TYPE = 0xff };

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static BOOLEAN right = TRUE;

static void check(BOOLEAN holds, CHAR16 *what)
{
    if (!holds) {
        Print(L"mtrr: NOT %s\n", what);
        right = FALSE;
    }
}

static void write(UINT32 msr, UINT64 value)
{
    if (fault_wrmsr(msr, value)) {
        Print(L"mtrr: a write of %lx to %x faults\n", value, msr);
        right = FALSE;
    } else if (msr_get(msr) != value) {
        Print(L"mtrr: %x reads %lx after a write of %lx\n", msr, msr_get(msr), value);
        right = FALSE;
    }
}

static UINTN free_pair(void)
{
    UINTN count = msr_get(MTRR_CAP) & 0xff, i = 0;
    while (i < count && (msr_get(MTRR_BASE0 + 2 * (UINT32)i + 1) & MTRR_VALID) != 0) {
        i++;
    }
    return i < count ? i : ~(UINTN)0;
}

static void show(void)
{
    UINTN count = msr_get(MTRR_CAP) & 0xff;
    Print(L"mtrr: %d variable, default %lx, %lx %lx\n", count, msr_get(DEFAULT), msr_get(FIX64K), msr_get(0x259));
    for (UINT32 i = 0; i < count; i++) {
        Print(L"mtrr: %d: %lx %lx\n", i, msr_get(MTRR_BASE0 + 2 * i), msr_get(MTRR_BASE0 + 2 * i + 1));
    }
}

static UINT64 caches_off(void)
{
    UINT64 cr0;
    __asm__ volatile("cli; mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0; wbinvd" : : "r"((cr0 | 1ull << 30) & ~(1ull << 29)) : "memory");
    return cr0;
}

static void caches_on(UINT64 cr0)
{
    __asm__ volatile("wbinvd; mov %0, %%cr0; sti" : : "r"(cr0) : "memory");
}

/* The procedure of every OS: nothing changes while they are off. */
static void set(UINT32 pair, UINT64 base, UINT64 mask)
{
    UINT64 cr0 = caches_off(), before = msr_get(DEFAULT);
    write(DEFAULT, before & ~(UINT64)ENABLE);
    write(pair, base);
    write(pair + 1, mask);
    write(DEFAULT, before);
    caches_on(cr0);
}

static void try_bad(UINT32 pair)
{
    check(fault_wrmsr(pair, MTRR_RANGE | 2), L"refused: type 2");
    check(fault_wrmsr(pair, MTRR_RANGE | 7), L"refused: type 7");
    check(fault_wrmsr(pair, MTRR_RANGE | 0x100), L"refused: a reserved bit of a base");
    check(fault_wrmsr(pair, 1ull << 63), L"refused: a base that no CPU has");
    check(fault_wrmsr(pair + 1, 1), L"refused: a reserved bit of a mask");
    check(fault_wrmsr(DEFAULT, msr_get(DEFAULT) | 0x100), L"refused: a reserved bit of the default");
    check(fault_wrmsr(FIX64K, 3), L"refused: type 3 in a fixed range");
    check(fault_wrmsr(MTRR_CAP, msr_get(MTRR_CAP)), L"refused: a write of the capabilities");
    check(fault_wrmsr(MTRR_BASE0 + 2 * (UINT32)(msr_get(MTRR_CAP) & 0xff), 0), L"refused: a pair that is not there");
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    fault_catch();
    show();
    UINTN n = free_pair();
    UINT32 pair = MTRR_BASE0 + 2 * (UINT32)n;
    UINT64 base = msr_get(pair), mask = msr_get(pair + 1), fixed = msr_get(FIX4K_C0);
    check(n != ~(UINTN)0, L"a free pair");
    Print(L"mtrr: a range of another type\n");
    set(pair, MTRR_RANGE, mtrr_mask());
    Print(L"mtrr: the same again\n");
    set(pair, MTRR_RANGE, mtrr_mask());
    Print(L"mtrr: off again\n");
    set(pair, base, mask);
    Print(L"mtrr: a fixed range\n");
    set(FIX4K_C0, fixed ^ 5, msr_get(FIX4K_C0 + 1));
    set(FIX4K_C0, fixed, msr_get(FIX4K_C0 + 1));
    Print(L"mtrr: bad values\n");
    try_bad(pair);
    check(msr_get(pair) == base && msr_get(FIX4K_C0) == fixed, L"as before");
    Print(L"mtrr: %s\nefi-test: end\n", right ? L"ok" : L"FAIL");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
