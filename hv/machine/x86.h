/* SPDX-License-Identifier: BSD-2-Clause */
/* Single instructions. Nothing here keeps state. */
#ifndef NESTOR_HV_MACHINE_X86_H
#define NESTOR_HV_MACHINE_X86_H

#include "drivers/cpuid.h"
#include "drivers/tsc.h"
#include "hv/machine/x86_bits.h"
#include "hv/types.h"

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

/* DR0 to DR3. */
static inline void dr_read(u64 dr[4])
{
    __asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
                     : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
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

#endif
