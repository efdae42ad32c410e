/* SPDX-License-Identifier: BSD-2-Clause */
/* The modes of this CPU's local APIC (SDM 12.12.5). */
#ifndef NESTOR_TESTS_EFI_CPUS_APIC_H
#define NESTOR_TESTS_EFI_CPUS_APIC_H

#include <efi.h>

enum { APIC_BASE = 0x1b, APIC_X2 = 1 << 10, APIC_ON = 1 << 11 };

#define APIC 0xfee00000ull

/* From each mode to each; leaves it on, as after reset. Prints what is wrong. */
BOOLEAN cpus_apic_modes(void);

#endif
