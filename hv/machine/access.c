/* SPDX-License-Identifier: BSD-2-Clause */
/* See access.h. */
#include "hv/machine/access.h"

#include "drivers/mmio.h"

u64 access_read(u64 at, u32 width)
{
    switch (width) {
    case 1:
        return mmio_read8(at);
    case 2:
        return mmio_read16(at);
    case 4:
        return mmio_read32(at);
    default:
        return mmio_read64(at);
    }
}

void access_write(u64 at, u32 width, u64 value)
{
    switch (width) {
    case 1:
        mmio_write8(at, (u8)value);
        break;
    case 2:
        mmio_write16(at, (u16)value);
        break;
    case 4:
        mmio_write32(at, (u32)value);
        break;
    default:
        mmio_write64(at, value);
        break;
    }
}

u32 access_in(u16 port, u32 width)
{
    u32 value = 0;
    switch (width) {
    case 1:
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "Nd"(port));
        break;
    case 2:
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "Nd"(port));
        break;
    default:
        __asm__ volatile("inl %1, %0" : "+a"(value) : "Nd"(port));
        break;
    }
    return value;
}

void access_out(u16 port, u32 width, u32 value)
{
    switch (width) {
    case 1:
        __asm__ volatile("outb %b0, %1" : : "a"(value), "Nd"(port));
        break;
    case 2:
        __asm__ volatile("outw %w0, %1" : : "a"(value), "Nd"(port));
        break;
    default:
        __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
        break;
    }
}
