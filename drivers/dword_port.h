/* SPDX-License-Identifier: BSD-2-Clause */
/* The window's ports: by double words, as it asks for. */
#ifndef NESTOR_DRIVERS_DWORD_PORT_H
#define NESTOR_DRIVERS_DWORD_PORT_H

#include "hv/types.h"

static inline u32 dword_port_in(u16 port)
{
    u32 value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void dword_port_out(u16 port, u32 value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

#endif
