/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root of a machine with a partition on its last CPUs: has these handed over, then tries to reach them and their
 * memory while they work, and turns the machine off. It prints nothing meanwhile.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/msr.h"

enum {
    BOOT_SERVICES_END = 0x4e455345,     /* HANDOVER_CALL_BOOT_SERVICES_END */
    MSR_APIC_BASE = 0x1b, MSR_ICR = 0x830, X2APIC = 1 << 10,
    CPUS = 4, NOBODY = 0x77,
    MEMORY = 0x8000000, MEMORY_SIZE = 0x400000,     /* the partition's, by the test's configuration */
};

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

static void check(const CHAR16 *name, BOOLEAN ok)
{
    Print(L"partition: %s %s\n", name, ok ? L"ok" : L"FAIL");
}

static void wait_ms(UINT64 ms)
{
    BS->Stall(ms * 1000);
}

static BOOLEAN memory_is_absent(void)
{
    BOOLEAN absent = TRUE;
    for (UINT64 at = MEMORY; at < MEMORY + MEMORY_SIZE; at += 0x1ff8) {
        volatile UINT64 *word = (UINT64 *)at;
        *word = 0;
        absent = absent && *word == ~0ull;
    }
    return absent;
}

/* Each form, with each kind, at the CPUs that are not this one's any more. */
static void attack_cpus(void)
{
    static const UINT32 kinds[] = {0x4041, 0x4141, 0x4400, 0x4500, 0x4608, 0x4200, 0x4700, 0xc500};
    for (UINT32 k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (UINT64 id = CPUS / 2; id < CPUS; id++) {
            msr_put(MSR_ICR, id << 32 | kinds[k]);
            msr_put(MSR_ICR, (1ull << id) << 32 | 1 << 11 | kinds[k]);
        }
    }
    msr_put(MSR_ICR, 0xc0ull << 32 | 1 << 11 | 0x4041);
    msr_put(MSR_ICR, 3 << 18 | 0x4500);               /* its other CPU waits for a SIPI then, for good */
    msr_put(MSR_ICR, 3 << 18 | 0x4400);
    msr_put(MSR_ICR, 0xffffffffull << 32 | 0x4500 | 3 << 18);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(self, system);
    check(L"x2apic", (msr_get(MSR_APIC_BASE) & X2APIC) != 0);
    __asm__ volatile("vmcall" : : "a"(BOOT_SERVICES_END));
    msr_put(MSR_ICR, (UINT64)NOBODY << 32 | 0x4500);
    wait_ms(5);
    BOOLEAN absent = TRUE;
    for (UINT32 i = 0; i < 20; i++) {
        attack_cpus();
        absent = absent && memory_is_absent();
        wait_ms(5);
    }
    wait_ms(400);       /* for what is on its way to the console, which this program's own output would cut */
    check(L"memory", absent);
    Print(L"efi-test: end\n");
    RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
    return EFI_SUCCESS;
}
