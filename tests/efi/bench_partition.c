/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the root pays once there are partitions: configuration space by ports and by its window, and interrupts between
 * CPUs in x2APIC mode. The other CPU waits, each time for as long as one instruction takes (`quantum` of
 * tests/bochs/machine.py), so that the TSC counts those of this one; what is left over is divided among many.
 */
#include "tests/efi/bench.h"
#include "tests/efi/fault.h"
#include "tests/efi/msr.h"
#include "tests/efi/tsc.h"

enum {
    TIMES = 8, LOOPS = 256, VECTOR = 0xf0, X2APIC_ID = 0x802, X2APIC_ICR = 0x830, ALL_AND_SELF = 2 << 18,
    LOGICAL = 1 << 11,
    CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, CONFIG_WINDOW = 0xfe000000, DISK = 1 << 3 | 1, LINE = 0x3c,
};
#define CONFIG_ENABLED 0x80000000u

/* The operation finds `a` in EAX each time, c and d in ECX and EDX, `at` in RDI. */
#define LOOP(name, operation)                                                                                        \
    static u64 name(u32 a, u32 c, u32 d, volatile u32 *at)                                                           \
    {                                                                                                                \
        u32 left = LOOPS;                                                                                            \
        u64 began = read_tsc();                                                                                      \
        __asm__ volatile("1:\tmov %1, %%eax\n\t" operation "dec %0\n\tjnz 1b"                                        \
                         : "+r"(left)                                                                                \
                         : "r"(a), "c"(c), "d"(d), "D"(at)                                                           \
                         : "rax", "rbx", "cc", "memory");                                                           \
        return read_tsc() - began;                                                                                   \
    }
LOOP(nothing, "")
LOOP(leaf, "xor %%eax, %%eax\n\tcpuid\n\t")
LOOP(port_out, "out %%eax, %%dx\n\t")
LOOP(port_in, "in %%dx, %%eax\n\t")
LOOP(memory_read, "mov (%%rdi), %%eax\n\t")
LOOP(memory_write, "mov %%eax, (%%rdi)\n\t")
LOOP(msr_write, "wrmsr\n\t")

typedef u64 loop(u32 a, u32 c, u32 d, volatile u32 *at);

/* The lowest of some: Nestor polls the unit now and then. */
static void run(const char *name, loop *what, u32 a, u32 c, u32 d, volatile u32 *at)
{
    u64 best = ~0ull;
    for (u32 i = 0; i < TIMES; i++) {
        __asm__ volatile("cli");
        u64 empty = nothing(a, c, d, at);
        u64 ticks = what(a, c, d, at) - empty;
        __asm__ volatile("sti");
        best = ticks < best ? ticks : best;
    }
    bench_print(name, best / LOOPS);
}

/* Ends the interrupt that the CPU has sent itself. */
__attribute__((naked)) static void interrupted(void)
{
    __asm__ volatile("push %rax\n\tpush %rcx\n\tpush %rdx\n\t"
                     "mov $0x80b, %ecx\n\txor %eax, %eax\n\txor %edx, %edx\n\twrmsr\n\t"
                     "pop %rdx\n\tpop %rcx\n\tpop %rax\n\tiretq");
}

void bench_partition(void)
{
    volatile u32 *line = (volatile u32 *)(u64)(CONFIG_WINDOW + (DISK << 12) + LINE);
    run("cpuid beside a partition", leaf, 0, 0, 0, NULL);
    run("configuration address, written", port_out, CONFIG_ENABLED | DISK << 8, 0, CONFIG_ADDRESS, NULL);
    run("configuration data, read", port_in, 0, 0, CONFIG_DATA, NULL);
    run("configuration data, written", port_out, 0, 0, CONFIG_DATA, NULL);
    run("configuration window, read", memory_read, 0, 0, 0, line);
    run("configuration window, written", memory_write, *line, 0, 0, line);
    u32 self = (u32)msr_get(X2APIC_ID);
    (void)fault_gate(VECTOR, (UINT64)(UINTN)interrupted);
    run("interrupt to one CPU", msr_write, VECTOR, X2APIC_ICR, self, NULL);
    run("interrupt to a cluster", msr_write, VECTOR | LOGICAL, X2APIC_ICR, 1u << self, NULL);
    run("interrupt to all CPUs", msr_write, VECTOR | ALL_AND_SELF, X2APIC_ICR, 0, NULL);
}
