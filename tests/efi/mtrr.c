/*
 * What a guest's memory type range registers do: a range of its own is set on and off again with the
 * steps of SDM 12.11.8, each register reads back, and what hardware refuses is refused.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/fault.h"

enum { CAP = 0xfe, BASE0 = 0x200, FIX64K = 0x250, FIX4K_C0 = 0x268, DEFAULT = 0x2ff, VALID = 1 << 11, ENABLE = 1 << 11,
       WC = 1, WP = 5, TYPE = 0xff };

#define RANGE_BASE 0x8000000ull /* RAM of every machine of the tests */
#define RANGE_SIZE 0x200000ull

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static BOOLEAN right = TRUE;

static UINT64 read(UINT32 msr)
{
    UINT32 low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (UINT64)high << 32 | low;
}

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
    } else if (read(msr) != value) {
        Print(L"mtrr: %x reads %lx after a write of %lx\n", msr, read(msr), value);
        right = FALSE;
    }
}

static UINTN free_pair(void)
{
    UINTN count = read(CAP) & 0xff, i = 0;
    while (i < count && (read(BASE0 + 2 * (UINT32)i + 1) & VALID) != 0) {
        i++;
    }
    return i < count ? i : ~(UINTN)0;
}

static void show(void)
{
    UINTN count = read(CAP) & 0xff;
    Print(L"mtrr: %d variable, default %lx, %lx %lx\n", count, read(DEFAULT), read(FIX64K), read(0x259));
    for (UINT32 i = 0; i < count; i++) {
        Print(L"mtrr: %d: %lx %lx\n", i, read(BASE0 + 2 * i), read(BASE0 + 2 * i + 1));
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

/* The dance of every OS: nothing changes while they are off. */
static void set(UINT32 pair, UINT64 base, UINT64 mask)
{
    UINT64 cr0 = caches_off(), before = read(DEFAULT);
    write(DEFAULT, before & ~(UINT64)ENABLE);
    write(pair, base);
    write(pair + 1, mask);
    write(DEFAULT, before);
    caches_on(cr0);
}

static void try_bad(UINT32 pair)
{
    check(fault_wrmsr(pair, RANGE_BASE | 2), L"refused: type 2");
    check(fault_wrmsr(pair, RANGE_BASE | 7), L"refused: type 7");
    check(fault_wrmsr(pair, RANGE_BASE | 0x100), L"refused: a reserved bit of a base");
    check(fault_wrmsr(pair, 1ull << 63), L"refused: a base that no CPU has");
    check(fault_wrmsr(pair + 1, 1), L"refused: a reserved bit of a mask");
    check(fault_wrmsr(DEFAULT, read(DEFAULT) | 0x100), L"refused: a reserved bit of the default");
    check(fault_wrmsr(FIX64K, 3), L"refused: type 3 in a fixed range");
    check(fault_wrmsr(CAP, read(CAP)), L"refused: a write of the capabilities");
    check(fault_wrmsr(BASE0 + 2 * (UINT32)(read(CAP) & 0xff), 0), L"refused: a pair that is not there");
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    fault_catch();
    show();
    UINTN n = free_pair();
    UINT32 pair = BASE0 + 2 * (UINT32)n;
    UINT64 base = read(pair), mask = read(pair + 1), fixed = read(FIX4K_C0);
    UINT32 eax = 0x80000008, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    check(n != ~(UINTN)0, L"a free pair");
    Print(L"mtrr: a range of another type\n");
    set(pair, RANGE_BASE, (((1ull << (eax & 0xff)) - 1) & ~(RANGE_SIZE - 1)) | VALID);
    Print(L"mtrr: the same again\n");
    set(pair, RANGE_BASE, (((1ull << (eax & 0xff)) - 1) & ~(RANGE_SIZE - 1)) | VALID);
    Print(L"mtrr: off again\n");
    set(pair, base, mask);
    Print(L"mtrr: a fixed range\n");
    set(FIX4K_C0, fixed ^ 5, read(FIX4K_C0 + 1));
    set(FIX4K_C0, fixed, read(FIX4K_C0 + 1));
    Print(L"mtrr: bad values\n");
    try_bad(pair);
    check(read(pair) == base && read(FIX4K_C0) == fixed, L"as before");
    Print(L"mtrr: %s\nefi-test: end\n", right ? L"ok" : L"FAIL");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
