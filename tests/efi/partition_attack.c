/* SPDX-License-Identifier: BSD-2-Clause */
/* See partition_attack.h. */
#include "tests/efi/partition_attack.h"

#include "tests/efi/bench_page.h"
#include "tests/efi/msr.h"
#include "tests/efi/port_io.h"

enum {
    MSR_ICR = 0x830, SELF = 1 << 18, ALL = 2 << 18, OTHERS = 3 << 18, LOGICAL = 1 << 11, MODE = 7 << 8, INIT = 5 << 8,
    TARGET = 0x41,                      /* the partition has nothing for that */
    CPUS = 4, EDU = 0x40, GATE = 0x8e00,
    MEMORY = 0x8000000,                 /* the partition's, by the test's configuration */
};

/* What comes back to the sender. */
__asm__(".text\n"
        "taken:\n\tpush %rax\n\tpush %rcx\n\tpush %rdx\n\txor %eax, %eax\n\txor %edx, %edx\n\tmov $0x80b, %ecx\n\t"
        "wrmsr\n\tpop %rdx\n\tpop %rcx\n\tpop %rax\n\tiretq\n");
extern const UINT8 taken[] __attribute__((visibility("hidden")));

static void take_target(void)
{
    struct { UINT16 limit; UINT64 base; } __attribute__((packed)) table;
    UINT16 selector;
    UINT64 at = (UINT64)taken;
    __asm__ volatile("sidt %0; mov %%cs, %1" : "=m"(table), "=r"(selector));
    volatile UINT64 *gate = (UINT64 *)(table.base + TARGET * 16);
    gate[0] = (at & 0xffff) | (UINT64)selector << 16 | (UINT64)GATE << 32 | (at >> 16 & 0xffff) << 48;
    gate[1] = at >> 32;
}

/* The partition's CPUs are 2 and 3; this one is 0, and the other of the root's stays in its wait for a SIPI. */
static void send(UINT32 kind)
{
    for (UINT64 id = CPUS / 2; id < CPUS; id++) {
        msr_put(MSR_ICR, id << 32 | kind);
        msr_put(MSR_ICR, (1ull << id) << 32 | LOGICAL | kind);
    }
    msr_put(MSR_ICR, 0xcull << 32 | LOGICAL | kind);
    msr_put(MSR_ICR, 0xffff000cull << 32 | LOGICAL | kind);
    msr_put(MSR_ICR, OTHERS | kind);
}

void attack_cpus(void)
{
    static const UINT32 kinds[] = {0x4500, 0xc500, 0x8500, 0x4400, 0x4200, 0x4341, 0x4700, 0x4041, 0xc041, 0x4141,
                                   0x4608};
    take_target();
    for (UINT32 k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        send(kinds[k]);
        if ((kinds[k] & MODE) == 0) {
            msr_put(MSR_ICR, SELF | kinds[k]);
            msr_put(MSR_ICR, ALL | kinds[k]);
            msr_put(MSR_ICR, 0xffffffffull << 32 | kinds[k]);
            msr_put(MSR_ICR, 0xffffffffull << 32 | LOGICAL | kinds[k]);
        }
        for (UINT64 id = CPUS / 2; id < CPUS; id++) {   /* as in xAPIC mode */
            *(volatile UINT32 *)0xfee00310 = (UINT32)id << 24;
            *(volatile UINT32 *)0xfee00300 = kinds[k];
        }
        *(volatile UINT32 *)0xfee00300 = OTHERS | kinds[k];
    }
    msr_put(MSR_ICR, 0xffffffffull << 32 | 0x4500 | OTHERS);
}

BOOLEAN message_passes(UINT64 address, UINT32 data)
{
    return bench_message(0x10, address, data);
}

BOOLEAN devices_are_refused(void)
{
    static const UINT32 kinds[] = {0x41, 0x141, 0x200, 0x341, 0x400, 0x500, 0x600, 0x700};
    BOOLEAN passed = FALSE;
    for (UINT32 k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (UINT64 id = CPUS / 2; id < CPUS; id++) {
            passed |= message_passes(0xfee00000 | id << 12, kinds[k]);
            passed |= message_passes(0xfee0000c | 1ull << id << 12, kinds[k]);
        }
        passed |= message_passes(0xfeeff000, kinds[k]);
        passed |= message_passes(0xfee00010 | k << 5, 0);
    }
    return !passed;
}

BOOLEAN memory_is_no_devices(void)
{
    BOOLEAN passed = FALSE;
    for (UINT16 sid = 0; sid < 0x100; sid++) {
        if (sid != EDU) {
            passed |= bench_dma(sid, BENCH_NO_PASID, MEMORY + 0x1000, false, 0);
            passed |= bench_dma(sid, BENCH_NO_PASID, MEMORY + 0x3ff000, true, 0);
        }
    }
    return !passed;
}

/* Masks of interrupts, and how the machine sleeps. */
UINT64 shared_ports(void)
{
    enum { MASKS = 0x21, MASKS_2 = 0xa1, EDGES = 0x4d0, PM1_ENABLE = 0xb002, PM1_CONTROL = 0xb004 };
    return in8(MASKS) | in8(MASKS_2) << 8 | (UINT64)in16(EDGES) << 16 | (UINT64)in16(PM1_ENABLE) << 32 |
           (UINT64)in16(PM1_CONTROL) << 48;
}
