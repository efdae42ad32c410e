/* SPDX-License-Identifier: BSD-2-Clause */
/* See cpus_apic.h. What hardware does there is from the SDM, for Bochs does not have all of it. */
#include <efi.h>
#include <efilib.h>

#include "tests/efi/cpus_apic.h"
#include "tests/efi/fault.h"
#include "tests/efi/msr.h"

enum { SPURIOUS = 0xf0, LVT_TIMER = 0x320, TPR = 0x80, X2APIC_EOI = 0x80b, MODES = APIC_ON | APIC_X2 };

static UINT64 other_bits;

static volatile UINT32 *apic_reg(UINTN offset)
{
    return (volatile UINT32 *)(UINTN)(APIC + offset);
}

static void go_to(UINT32 mode)
{
    msr_put(APIC_BASE, other_bits);
    if (mode != 0) {
        msr_put(APIC_BASE, other_bits | APIC_ON);
    }
    if (mode == MODES) {
        msr_put(APIC_BASE, other_bits | MODES);
    }
}

static BOOLEAN cpuid_has_apic(void)
{
    UINT32 eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (edx >> 9 & 1) != 0;
}

static BOOLEAN is_in(UINT32 mode)
{
    return msr_get(APIC_BASE) == (other_bits | mode) && cpuid_has_apic() == (mode != 0) &&
           fault_wrmsr(X2APIC_EOI, 0) == (mode != MODES);
}

static BOOLEAN is_valid(UINT32 from, UINT32 to)
{
    return from == to || (from == 0 && to == APIC_ON) || (from == APIC_ON && to != APIC_X2) ||
           (from == MODES && to == 0);
}

static BOOLEAN moves(UINT32 from, UINT32 to)
{
    BOOLEAN valid = is_valid(from, to);
    go_to(from);
    BOOLEAN before = is_in(from);
    BOOLEAN faulted = fault_wrmsr(APIC_BASE, other_bits | to);
    BOOLEAN after = is_in(valid ? to : from);
    if (!before || faulted == valid || !after) {
        Print(L"cpus: from mode %x to %x: %d %d %d, %lx\n", from, to, before, faulted, after, msr_get(APIC_BASE));
    }
    return before && faulted != valid && after;
}

/* As after reset (SDM 12.4.7.1). */
static BOOLEAN forgets(void)
{
    go_to(APIC_ON);
    *apic_reg(SPURIOUS) = 0x1f0;
    *apic_reg(LVT_TIMER) = 0x40;
    *apic_reg(TPR) = 0x20;
    go_to(APIC_ON);
    return *apic_reg(SPURIOUS) == 0xff && *apic_reg(LVT_TIMER) == 0x10000 && *apic_reg(TPR) == 0;
}

BOOLEAN cpus_apic_modes(void)
{
    static const UINT32 modes[] = {0, APIC_ON, MODES, APIC_X2};
    BOOLEAN right = TRUE;
    fault_catch();
    other_bits = msr_get(APIC_BASE) & ~(UINT64)MODES;
    for (UINTN from = 0; from < 3; from++) {
        for (UINTN to = 0; to < 4; to++) {
            right &= moves(modes[from], modes[to]);
        }
    }
    return forgets() && right;
}
