/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * S3: resume would run without VMX and without the units. PM1 control, ACPI 4.8.3.2.1; whoever asked for it is shown
 * WAK_STS in PM1 status (4.8.3.1.1) until it clears the bit.
 */
#include "tests/efi/hostile.h"

enum { S3_TYPE = 1, SLEEP = 1 << 13 | S3_TYPE << 10, WOKEN = 1 << 15 };

static void string_out(void *unused)
{
    const void *from = machine.page;
    u64 count = 4;
    (void)unused;
    __asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(machine.pm1a_control) : "memory");
}

void hostile_sleep(void)
{
    u16 port = machine.pm1a_control, status = machine.pm1a_status, before = in16(port), asleep = in16(status), woken;
    u64 got;
    out16(port, (u16)(before | SLEEP));
    result("s3-word", true, "port 0x%x", port);
    woken = in16(status);
    out16(status, WOKEN - 1);
    result("s3-woken", (asleep & WOKEN) == 0 && (woken & WOKEN) != 0 && (in16(status) & WOKEN) != 0,
           "port 0x%x: 0x%x, then 0x%x", status, asleep, woken);
    out16(status, WOKEN);
    result("s3-cleared", (in16(status) & WOKEN) == 0, "0x%x", in16(status));
    out8((u16)(port + 1), (u8)(SLEEP >> 8));
    result("s3-byte", true, "%s", "");
    out32(port, before | SLEEP);
    result("s3-long", true, "%s", "");
    out32((u16)(port - 2), (u32)SLEEP << 16);
    result("s3-across", true, "%s", "");
    got = trap_call(string_out, NULL);
    result("s3-string", got == VECTOR_GP, "vector %llu", got);
    result("s3-unchanged", in16(port) == before, "0x%x, was 0x%x", in16(port), before);
}
