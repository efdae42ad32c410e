/* SPDX-License-Identifier: BSD-2-Clause */
/* What a root does for its partitions to begin: boot services end, then it wants to start a CPU, or it does not. */
#ifndef NESTOR_TESTS_EFI_HAND_OVER_H
#define NESTOR_TESTS_EFI_HAND_OVER_H

#include "tests/efi/msr.h"

static inline void end_boot_services(void)
{
    enum { BOOT_SERVICES_END = 0x4e455345 /* HANDOVER_CALL_BOOT_SERVICES_END */ };
    __asm__ volatile("vmcall" : : "a"(BOOT_SERVICES_END));
}

static inline void hand_over(void)
{
    enum { INIT = 0x4500, NOBODY = 0x77, X2APIC_ICR = 0x830 };
    end_boot_services();
    msr_put(X2APIC_ICR, (u64)NOBODY << 32 | INIT);
}

#endif
