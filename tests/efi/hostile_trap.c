/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables of the hostile guest: every exception runs on a stack of its own. */
#include "tests/efi/hostile.h"

enum { GDT_ENTRIES = 6, EXCEPTIONS = 32, VECTORS = 256, STACK = 8192, GATE_INTERRUPT = 0x8e, TSS_LIMIT = 103 };

struct __attribute__((packed)) table { u16 limit; u64 base; };
struct __attribute__((packed)) gate { u16 low, selector; u8 ist, type; u16 middle; u32 high, zero; };

struct hostile_trap trap;
static u64 gdt[GDT_ENTRIES];
static struct gate idt[VECTORS];
static u32 tss[26];
static u8 stack[STACK] __attribute__((aligned(16)));

extern const u8 trap_interrupt[] __attribute__((visibility("hidden")));
extern const u8 trap_first_stub[] __attribute__((visibility("hidden")));
void trap_load(const struct table *gdtr, const struct table *idtr) __attribute__((visibility("hidden")));
_Noreturn void trap_unexpected(void);

_Noreturn void trap_unexpected(void)
{
    print("efi: unexpected-trap FAIL vector %llu error 0x%llx address 0x%llx rip 0x%llx\nefi-test: end\n",
          trap.vector, trap.error, trap.address, trap.rip);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

static void set_gate(u32 vector)
{
    u64 at = vector < EXCEPTIONS ? (u64)(uintptr_t)trap_first_stub + 16 * vector
                                 : (u64)(uintptr_t)trap_interrupt;
    idt[vector] = (struct gate){.low = (u16)at, .selector = 0x08, .ist = 1, .type = GATE_INTERRUPT,
                                .middle = (u16)(at >> 16), .high = (u32)(at >> 32)};
}

static void set_tss(void)
{
    u64 base = (u64)(uintptr_t)tss;
    u64 top = (u64)(uintptr_t)(stack + STACK);
    tss[9] = (u32)top;                              /* IST1 */
    tss[10] = (u32)(top >> 32);
    tss[25] = (TSS_LIMIT + 1) << 16;                /* no I/O bitmap */
    gdt[4] = TSS_LIMIT | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    gdt[5] = base >> 32;
}

void trap_own_stack(u32 vector, bool own)
{
    idt[vector].ist = own ? 1 : 0;
}

void trap_set_idt(u64 base)
{
    const struct table idtr = {sizeof(idt) - 1, base != 0 ? base : (u64)(uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

void trap_init(void)
{
    const struct table gdtr = {sizeof(gdt) - 1, (u64)(uintptr_t)gdt};
    const struct table idtr = {sizeof(idt) - 1, (u64)(uintptr_t)idt};
    gdt[1] = 0x00af9b000000ffff;                    /* 64-bit code */
    gdt[2] = 0x00cf93000000ffff;
    gdt[3] = 0x00cf9b000000ffff;                    /* 32-bit code */
    set_tss();
    for (u32 i = 0; i < VECTORS; i++) {
        set_gate(i);
    }
    trap_load(&gdtr, &idtr);
}
