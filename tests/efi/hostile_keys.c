/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory-encryption key ids: bits of a physical address above those that CPUID shows. With them each byte of memory has
 * further names; Nestor's memory must not be reached by one of them.
 */
#include "tests/efi/hostile.h"

enum { ADDRESS_WIDTH = 0x80000008, KEY_ID_BITS = 4, MTRR_LAST_MASK = 0x20f };

static u32 address_width(void)
{
    u32 a = ADDRESS_WIDTH, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return a & 0xff;
}

static void use(void *wrong)
{
    u32 width = address_width();
    for (u32 bit = 0; bit < KEY_ID_BITS; bit++) {
        for (u32 i = 0; i < 2; i++) {
            u64 name = (machine.own_base + i * (machine.own_size - 4096)) | 1ull << (width + bit);
            volatile u64 *at = (volatile u64 *)(uintptr_t)map_page(name, MAP_PAGE);
            *(u32 *)wrong += *at != ~0ull;
            *at = 0x5a5a;
        }
    }
}

void hostile_keys(void)
{
    u32 width = address_width(), wrong = 0;
    u64 got, mask = (1ull << width) - (1ull << 21);
    result("keys-width", width >= 36, "%u", width);
    got = trap_call(use, &wrong);
    result("keys-alias", got == NO_TRAP && wrong == 0, "vector %llu, %u wrong values", got, wrong);
    msr_expect_write("keys-mtrr", MTRR_LAST_MASK, mask, NO_TRAP);
    msr_expect_write("keys-mtrr-beyond", MTRR_LAST_MASK, mask | 1ull << width, VECTOR_GP);
}
