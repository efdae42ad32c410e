/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's page tables, and two linear addresses of choice on top. */
#include "tests/efi/hostile.h"

enum { PRESENT_WRITABLE = 3, FREE_SLOT = 300, WORDS = 512 };
#define SLOT_ADDRESS (0xffff000000000000ull | (u64)FREE_SLOT << 39)

static u64 *table(u32 i)
{
    return (u64 *)(void *)(machine.tables + PAGE_SIZE * i);
}

/* A copy of the top table, so that the firmware's is never written. */
static void use_own_top(void)
{
    u64 cr3;
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    if (cr3 == (u64)(uintptr_t)table(0)) {
        return;
    }
    for (u32 i = 0; i < WORDS; i++) {
        table(0)[i] = ((u64 *)(uintptr_t)(cr3 & ~PAGE_MASK))[i];
    }
    __asm__ volatile("mov %0, %%cr3" : : "r"(table(0)) : "memory");
}

volatile u8 *map_page(u64 physical, u32 how)
{
    use_own_top();
    if (how == MAP_TABLE) {
        table(0)[FREE_SLOT] = physical | PRESENT_WRITABLE;
    } else {
        table(0)[FREE_SLOT] = (u64)(uintptr_t)table(1) | PRESENT_WRITABLE;
        table(1)[0] = (u64)(uintptr_t)table(2) | PRESENT_WRITABLE;
        table(2)[0] = (u64)(uintptr_t)table(3) | PRESENT_WRITABLE;
        table(3)[0] = physical | PRESENT_WRITABLE;
    }
    __asm__ volatile("invlpg (%0)" : : "r"(SLOT_ADDRESS) : "memory");
    __asm__ volatile("mov %0, %%cr3" : : "r"(table(0)) : "memory");
    return (volatile u8 *)(uintptr_t)SLOT_ADDRESS;
}
