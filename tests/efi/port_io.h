/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O ports: in8() and out8(), in16() and out16(), in32() and out32(). */
#ifndef NESTOR_TESTS_EFI_PORT_IO_H
#define NESTOR_TESTS_EFI_PORT_IO_H

#include "hv/types.h"

#define PORT_IO(bits, suffix)                                                       \
    static inline void out##bits(u16 port, u##bits value)                           \
    {                                                                               \
        __asm__ volatile("out" suffix " %0, %1" : : "a"(value), "Nd"(port));        \
    }                                                                               \
    static inline u##bits in##bits(u16 port)                                        \
    {                                                                               \
        u##bits value;                                                              \
        __asm__ volatile("in" suffix " %1, %0" : "=a"(value) : "Nd"(port));         \
        return value;                                                               \
    }
PORT_IO(8, "b")
PORT_IO(16, "w")
PORT_IO(32, "l")
#undef PORT_IO

#endif
