/* SPDX-License-Identifier: BSD-2-Clause */
/* Not the guest's doing: memory that fails under Nestor, and what a fatal error looks like. */
#include "tests/efi/hostile.h"

void hostile_break_code(u64 offset, bool overflow)
{
    static const u8 undefined[] = {0x0f, 0x0b}, push_for_ever[] = {0x50, 0xeb, 0xfd};
    u32 a = 0, b, c = 0, d;
    hostile_status_previous();
    if (overflow) {
        bench_poke(machine.own_base + offset, push_for_ever, sizeof(push_for_ever));
    } else {
        bench_poke(machine.own_base + offset, undefined, sizeof(undefined));
    }
    print("efi: code at 0x%llx broken\n", machine.own_base + offset);
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    print("efi: fatal FAIL the guest goes on\n");
}
