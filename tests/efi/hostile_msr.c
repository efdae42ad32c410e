/* SPDX-License-Identifier: BSD-2-Clause */
/* Model-specific registers: those that would undo Nestor, and every number there is. */
#include "tests/efi/hostile.h"

struct access { u32 msr; u64 value; };

static void do_read(void *arg)
{
    struct access *a = arg;
    u32 low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(a->msr));
    a->value = (u64)high << 32 | low;
}

static void do_write(void *arg)
{
    const struct access *a = arg;
    __asm__ volatile("wrmsr" : : "c"(a->msr), "a"((u32)a->value), "d"((u32)(a->value >> 32)));
}

/* Hidden: neither read nor written. */
static void hidden(const char *name, u32 first, u32 last)
{
    u32 wrong = 0, which = 0;
    for (u32 msr = first; msr <= last; msr++) {
        struct access a = {msr, 0};
        if (trap_call(do_read, &a) != VECTOR_GP || trap_call(do_write, &a) != VECTOR_GP) {
            wrong++;
            which = msr;
        }
    }
    result(name, wrong == 0, "%u of %u, the last 0x%x", wrong, last - first + 1, which);
}

void msr_expect_write(const char *name, u32 msr, u64 value, u64 vector)
{
    struct access a = {msr, value};
    u64 got = trap_call(do_write, &a);
    result(name, got == vector, "vector %llu", got);
}

static u64 value_of(u32 msr)
{
    struct access a = {msr, 0};
    (void)trap_call(do_read, &a);
    return a.value;
}

/* Every number, and the edges of what the bitmap covers. */
static void read_all(void)
{
    static const u32 edges[] = {0x2000, 0x3fff, 0x40000000, 0x400000ff, 0x7fffffff, 0xbfffffff,
                                0xc0002000, 0xffffffff};
    u32 shown = 0, wrong = 0;
    for (u32 i = 0; i < 0x4000; i++) {
        struct access a = {i < 0x2000 ? i : 0xc0000000 + i - 0x2000, 0};
        shown += trap_call(do_read, &a) == NO_TRAP;
    }
    for (u32 i = 0; i < ARRAY_LEN(edges); i++) {
        struct access a = {edges[i], 0};
        wrong += trap_call(do_read, &a) != VECTOR_GP || trap_call(do_write, &a) != VECTOR_GP;
    }
    result("msr-all", wrong == 0 && shown > 50, "%u shown, %u wrong", shown, wrong);
}

void hostile_msr(void)
{
    u64 apic = value_of(0x1b), control = value_of(0x3a), efer = value_of(0xc0000080);
    hidden("msr-vmx", 0x480, 0x493);
    hidden("msr-smrr", 0x1f2, 0x1f3);
    hidden("msr-smm", 0x9b, 0x9b);
    hidden("msr-processor-trace", 0x560, 0x587);
    hidden("msr-pasid", 0xd93, 0xd93);
    hidden("msr-hardware-feedback", 0x17d0, 0x17da);
    hidden("msr-memory-encryption", 0x981, 0x987);
    hidden("msr-foreign", 0x11, 0x12);
    hidden("msr-foreign", 0x4b564d00, 0x4b564dff);
    hidden("msr-foreign", 0x40000000, 0x400001ff);
    msr_expect_write("msr-apic-same", 0x1b, apic, NO_TRAP);
    msr_expect_write("msr-apic-moves", 0x1b, (apic & 0xfff) | machine.own_base, VECTOR_GP);
    msr_expect_write("msr-apic-bsp", 0x1b, apic ^ 0x100, VECTOR_GP);
    result("msr-apic", value_of(0x1b) == apic, "0x%llx", value_of(0x1b));
    result("msr-feature-control", (control & 7) == 1, "0x%llx", control);
    msr_expect_write("msr-feature-control-write", 0x3a, 7, VECTOR_GP);
    msr_expect_write("msr-microcode", 0x79, machine.own_base, NO_TRAP);
    msr_expect_write("msr-efer-reserved", 0xc0000080, efer | 1ull << 40, VECTOR_GP);
    msr_expect_write("msr-efer-no-lme", 0xc0000080, efer & ~0x100ull, VECTOR_GP);
    result("msr-efer", value_of(0xc0000080) == efer, "0x%llx", efer);
    msr_expect_write("msr-pat-reserved", 0x277, 0x0202020202020202ull, VECTOR_GP);
    msr_expect_write("msr-sysenter", 0x176, 1ull << 63, VECTOR_GP);
    msr_expect_write("msr-xss", 0xda0, 1 << 8, VECTOR_GP);
    read_all();
}
