/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device registers in memory. Each access is written out as one MOV of exactly that width between
 * memory and a general register: a compiler may choose any instruction for a volatile access, and
 * gcc has loaded a register by MOVD in order to store two of them as one vector. Hardware does not
 * mind, but the emulator behind a device of a virtual machine (KVM's) knows only a few
 * instructions, and the machine stops. As far as the compiler is concerned, everything stored
 * before an access is in memory when it happens.
 */
#ifndef NESTOR_MMIO_H
#define NESTOR_MMIO_H

#include "hv/types.h"

#define MMIO_ACCESSORS(bits, move)                                                                              \
    static inline u##bits mmio_read##bits(u64 at)                                                               \
    {                                                                                                           \
        u##bits value;                                                                                          \
        __asm__ volatile(move " %1, %0" : "=r"(value) : "m"(*(const u##bits *)(uintptr_t)at) : "memory");       \
        return value;                                                                                           \
    }                                                                                                           \
    static inline void mmio_write##bits(u64 at, u##bits value)                                                  \
    {                                                                                                           \
        __asm__ volatile(move " %1, %0" : "=m"(*(u##bits *)(uintptr_t)at) : "r"(value) : "memory");             \
    }
MMIO_ACCESSORS(8, "movb")
MMIO_ACCESSORS(16, "movw")
MMIO_ACCESSORS(32, "movl")
MMIO_ACCESSORS(64, "movq")
#undef MMIO_ACCESSORS

#endif
