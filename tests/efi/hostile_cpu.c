/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions and control registers that VMX operation gives another meaning. */
#include "tests/efi/hostile.h"

static u64 operand[4] __attribute__((aligned(4096)));

#define INSTRUCTION(name, text, ...)                                                        \
    static void name(void *unused)                                                          \
    {                                                                                       \
        (void)unused;                                                                       \
        __asm__ volatile(text : : "m"(operand), ##__VA_ARGS__ : "memory", "cc");            \
    }

INSTRUCTION(do_vmxon, "vmxon %0")
INSTRUCTION(do_vmxoff, "vmxoff")
INSTRUCTION(do_vmclear, "vmclear %0")
INSTRUCTION(do_vmptrld, "vmptrld %0")
INSTRUCTION(do_vmptrst, "vmptrst %0")
INSTRUCTION(do_vmlaunch, "vmlaunch")
INSTRUCTION(do_vmresume, "vmresume")
INSTRUCTION(do_vmread, "vmread %1, %2", "r"(0ull), "r"(0ull))
INSTRUCTION(do_vmwrite, "vmwrite %1, %2", "r"(0ull), "r"(0ull))
INSTRUCTION(do_vmcall, "vmcall", "a"(0ull))
INSTRUCTION(do_vmfunc, "vmfunc", "a"(0ull), "c"(0ull))
INSTRUCTION(do_invept, "invept %0, %1", "r"(1ull))
INSTRUCTION(do_invvpid, "invvpid %0, %1", "r"(1ull))
INSTRUCTION(do_getsec, "getsec", "a"(0ull), "b"(0ull))
INSTRUCTION(do_rsm, "rsm")
INSTRUCTION(do_encls, ".byte 0x0f, 0x01, 0xcf", "a"(0ull))
INSTRUCTION(do_invd, "invd")

static void set_cr4(void *bits)
{
    u64 cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | *(u64 *)bits));
}

static void set_cr0(void *value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(*(u64 *)value));
}

struct xcr { u32 index; u64 value; };

static void set_xcr(void *arg)
{
    const struct xcr *x = arg;
    __asm__ volatile("xsetbv" : : "c"(x->index), "a"((u32)x->value), "d"((u32)(x->value >> 32)));
}

static void expect(const char *name, void (*fn)(void *), void *arg, u64 vector)
{
    u64 got = trap_call(fn, arg);
    result(name, got == vector, "vector %llu", got);
}

static void undefined(void)
{
    static const struct { const char *name; void (*fn)(void *); } all[] = {
        {"vmxon", do_vmxon}, {"vmxoff", do_vmxoff}, {"vmclear", do_vmclear},
        {"vmptrld", do_vmptrld}, {"vmptrst", do_vmptrst}, {"vmlaunch", do_vmlaunch},
        {"vmresume", do_vmresume}, {"vmread", do_vmread}, {"vmwrite", do_vmwrite},
        {"vmcall", do_vmcall}, {"vmfunc", do_vmfunc}, {"invept", do_invept},
        {"invvpid", do_invvpid}, {"getsec", do_getsec}, {"rsm", do_rsm}, {"encls", do_encls},
    };
    for (u32 i = 0; i < ARRAY_LEN(all); i++) {
        expect(all[i].name, all[i].fn, NULL, VECTOR_UD);
    }
}

/* With write-back caches, a line that INVD throws away is gone. */
static void invd(void)
{
    u64 got;
    u32 wrong = 0;
    for (u32 i = 0; i < PAGE_SIZE; i++) {
        machine.page[i] = (u8)(i * 7);
    }
    got = trap_call(do_invd, NULL);
    for (u32 i = 0; i < PAGE_SIZE; i++) {
        wrong += machine.page[i] != (u8)(i * 7);
    }
    result("invd", got == NO_TRAP && wrong == 0, "vector %llu, %u bytes lost", got, wrong);
}

static void control_registers(void)
{
    u64 vmxe = 1 << 13, reserved = 1ull << 30, osxsave = 1 << 18, cr0, value;
    struct xcr x = {0, 0};
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    expect("cr4-vmxe", set_cr4, &vmxe, VECTOR_GP);
    expect("cr4-reserved", set_cr4, &reserved, VECTOR_GP);
    value = cr0 & ~0x20ull;
    expect("cr0-ne-clear", set_cr0, &value, NO_TRAP);
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    result("cr0-ne-reads", (value & 0x20) == 0, "cr0 0x%llx", value);
    expect("cr0-restored", set_cr0, &cr0, NO_TRAP);
    value = cr0 & ~1ull;
    expect("cr0-pe-with-pg", set_cr0, &value, VECTOR_GP);
    value = cr0 | 1ull << 40;
    expect("cr0-reserved", set_cr0, &value, VECTOR_GP);
    expect("cr4-osxsave", set_cr4, &osxsave, NO_TRAP);
    expect("xcr0-none", set_xcr, &x, VECTOR_GP);
    x.value = 5;
    expect("xcr0-avx-alone", set_xcr, &x, VECTOR_GP);
    x.value = 1ull << 63 | 3;
    expect("xcr0-reserved", set_xcr, &x, VECTOR_GP);
    x = (struct xcr){7, 1};
    expect("xcr7", set_xcr, &x, VECTOR_GP);
    x = (struct xcr){0, 3};
    expect("xcr0-valid", set_xcr, &x, NO_TRAP);
}

static void cpuid(u32 leaf, u32 subleaf, u32 *r)
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(subleaf));
}

static void cpuid_leaves(void)
{
    u32 r[4], wrong = 0;
    cpuid(1, 0, r);
    /* The hypervisor bit is the CPU's own, and here it has none. */
    result("cpuid-1", (r[2] & 0x60) == 0 && r[2] >> 31 == 0, "ecx 0x%x", r[2]);
    cpuid(0x40000000, 0, r);
    result("cpuid-name", r[1] == 0x7473654e && r[2] == 0x654e726f && r[3] == 0x726f7473,
           "last leaf 0x%x", r[0]);
    cpuid(0x40000001, 0, r);
    result("cpuid-features", (r[1] & 1) != 0, "version 0x%x features 0x%x", r[0], r[1]);
    for (u32 leaf = 0x40000002; leaf < 0x40000100; leaf++) {
        cpuid(leaf, leaf, r);
        wrong += (r[0] | r[1] | r[2] | r[3]) != 0;
    }
    for (u32 i = 0; i < 10000; i++) {
        cpuid(i * 0x01010101u, i, r);
    }
    cpuid(0x14, 0, r);
    wrong += (r[0] | r[1] | r[2] | r[3]) != 0;
    result("cpuid-others", wrong == 0, "%u wrong", wrong);
}

void hostile_cpu(void)
{
    undefined();
    invd();
    control_registers();
    cpuid_leaves();
}
