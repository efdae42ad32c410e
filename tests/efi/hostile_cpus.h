/* SPDX-License-Identifier: BSD-2-Clause */
/* The hostile guest's other CPUs, whose APIC ids are 1 to OTHER_CPUS: INIT and start-up IPIs at any time. */
#ifndef NESTOR_TESTS_EFI_HOSTILE_CPUS_H
#define NESTOR_TESTS_EFI_HOSTILE_CPUS_H

#include "tests/efi/hostile.h"

enum { OTHER_CPUS = 3, IPI_INIT = 0x4500, IPI_SIPI = 0x4600 };

/* Offsets: hostile_start.asm. */
struct start_page {
    u8 code[0x800];
    u16 gdt_limit;
    u8 gdt_base[8], reserved0[6];
    u32 target, selector;
    u64 root, entry, stack, arg;
    u32 unit, reserved1;
    volatile u32 found[8];
    volatile u32 faults, done, resume;
    u8 reserved2[PAGE_SIZE - 0x86c];
};
_Static_assert(offsetof(struct start_page, target) == 0x810, "hostile_start.asm");
_Static_assert(offsetof(struct start_page, unit) == 0x838, "hostile_start.asm");
_Static_assert(offsetof(struct start_page, resume) == 0x868, "hostile_start.asm");
_Static_assert(sizeof(struct start_page) == PAGE_SIZE, "a start-up IPI names a page");

/* How many #GP they met. */
extern volatile u32 cpu_faults __attribute__((visibility("hidden")));

void cpu_send(u32 cpu, u32 command);
/* Takes it from whatever it does to fn, in 64-bit mode with the caller's page tables and gates of its own. */
void cpu_start(u32 cpu, void (*fn)(void *arg), void *arg);
/* Takes it to the code for real mode. */
volatile struct start_page *cpu_start_real(u32 cpu);
/* Ends them all: their functions must return meanwhile, then they wait for a start-up IPI. */
extern volatile bool cpus_end;
void cpus_stop(void);

#endif
