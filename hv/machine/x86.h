/* Single instructions and the bits of control registers. Nothing here keeps state. */
#ifndef NESTOR_HV_MACHINE_X86_H
#define NESTOR_HV_MACHINE_X86_H

#include "hv/types.h"

enum cr0_bit {
    CR0_PE = 1 << 0,
    CR0_TS = 1 << 3,
    CR0_ET = 1 << 4,
    CR0_NE = 1 << 5,
    CR0_WP = 1 << 16,
};
#define CR0_PG (1ull << 31)

enum cr4_bit {
    CR4_PAE = 1 << 5,
    CR4_PGE = 1 << 7,
    CR4_LA57 = 1 << 12,
    CR4_VMXE = 1 << 13,
    CR4_SMXE = 1 << 14,
    CR4_PCIDE = 1 << 17,
    CR4_OSXSAVE = 1 << 18,
    CR4_KL = 1 << 19,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
    CR4_CET = 1 << 23,
    CR4_UINTR = 1 << 25,
};
#define CR4_FRED (1ull << 32)
/* What hv/guest/cpuid_policy.c hides. */
#define CR4_HIDDEN (CR4_VMXE | CR4_SMXE | CR4_KL | CR4_UINTR | CR4_FRED)

enum debugctl_bit { DEBUGCTL_LBR = 1 << 0, DEBUGCTL_BTF = 1 << 1 };
enum dr6_bit { DR6_HIT = 0xf, DR6_BLD = 1 << 11, DR6_RTM = 1 << 16 };   /* BLD, RTM: 0 means yes */
enum dr7_bit { DR7_GD = 1 << 13 };
enum efer_bit { EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };
enum rflags_bit { RFLAGS_ONE = 1 << 1, RFLAGS_TF = 1 << 8, RFLAGS_IF = 1 << 9 };

enum msr {
    MSR_APIC_BASE = 0x1b,
    MSR_FEATURE_CONTROL = 0x3a,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
    MSR_DEBUGCTL = 0x1d9,
    MSR_PAT = 0x277,
    MSR_VMX_BASIC = 0x480,
    MSR_VMX_PIN = 0x481,
    MSR_VMX_CPU = 0x482,
    MSR_VMX_EXIT = 0x483,
    MSR_VMX_ENTRY = 0x484,
    MSR_VMX_MISC = 0x485,
    MSR_VMX_CR0_FIXED0 = 0x486,
    MSR_VMX_CR0_FIXED1 = 0x487,
    MSR_VMX_CR4_FIXED0 = 0x488,
    MSR_VMX_CR4_FIXED1 = 0x489,
    MSR_VMX_CPU2 = 0x48b,
    MSR_VMX_EPT_VPID = 0x48c,
    MSR_VMX_TRUE_PIN = 0x48d,
    MSR_VMX_TRUE_CPU = 0x48e,
    MSR_VMX_TRUE_EXIT = 0x48f,
    MSR_VMX_TRUE_ENTRY = 0x490,
    MSR_X2APIC_ICR = 0x830,
    MSR_S_CET = 0x6a2,
    MSR_SSP_TABLE = 0x6a8,
};
#define MSR_EFER 0xc0000080u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u

struct cpuid_regs { u32 eax, ebx, ecx, edx; };
struct __attribute__((packed)) table_register { u16 limit; u64 base; };

static inline u64 msr_read(u32 msr)
{
    u32 low;
    u32 high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (u64)high << 32 | low;
}

static inline void msr_write(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid_regs r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline u64 tsc_read(void)
{
    u32 low;
    u32 high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

#define X86_CR(name, reg)                                                                  \
    static inline u64 name##_read(void)                                                    \
    {                                                                                      \
        u64 v;                                                                             \
        __asm__ volatile("mov %%" reg ", %0" : "=r"(v));                                   \
        return v;                                                                          \
    }                                                                                      \
    static inline void name##_write(u64 v)                                                 \
    {                                                                                      \
        __asm__ volatile("mov %0, %%" reg : : "r"(v) : "memory");                          \
    }
X86_CR(cr0, "cr0")
X86_CR(cr2, "cr2")
X86_CR(cr3, "cr3")
X86_CR(cr4, "cr4")
#undef X86_CR

#define X86_SELECTOR(reg)                                                                  \
    static inline u16 reg##_read(void)                                                     \
    {                                                                                      \
        u16 v;                                                                             \
        __asm__ volatile("mov %%" #reg ", %0" : "=r"(v));                                  \
        return v;                                                                          \
    }
X86_SELECTOR(es)
X86_SELECTOR(cs)
X86_SELECTOR(ss)
X86_SELECTOR(ds)
X86_SELECTOR(fs)
X86_SELECTOR(gs)
#undef X86_SELECTOR

static inline u16 tr_read(void)
{
    u16 v;
    __asm__ volatile("str %0" : "=r"(v));
    return v;
}

static inline u16 ldtr_read(void)
{
    u16 v;
    __asm__ volatile("sldt %0" : "=r"(v));
    return v;
}

static inline struct table_register gdtr_read(void)
{
    struct table_register v;
    __asm__ volatile("sgdt %0" : "=m"(v));
    return v;
}

static inline struct table_register idtr_read(void)
{
    struct table_register v;
    __asm__ volatile("sidt %0" : "=m"(v));
    return v;
}

static inline u64 dr7_read(void)
{
    u64 v;
    __asm__ volatile("mov %%dr7, %0" : "=r"(v));
    return v;
}

static inline void wbinvd(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
}

static inline void port_out8(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void memory_fence(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

/* As msr_read() and msr_write(), XSETBV; false when the CPU answers with #GP (entry.asm). */
bool msr_read_checked(u32 msr, u64 *value);
bool msr_write_checked(u32 msr, u64 value);
bool xcr_write_checked(u32 index, u64 value);

#endif
