/* SPDX-License-Identifier: BSD-2-Clause */
/* See serial.h. Registers and bits as in the 16550 data sheet. */
#include "drivers/serial.h"

#include "drivers/mmio.h"

enum {
    REG_DATA = 0,         /* divisor low while DLAB is set */
    REG_IER = 1,          /* divisor high while DLAB is set */
    REG_FCR = 2,
    REG_LCR = 3,
    REG_MCR = 4,
    REG_LSR = 5,
    REG_SCRATCH = 7,

    LCR_8N1 = 0x03,
    LCR_DLAB = 0x80,
    FCR_ENABLE = 0x01,
    FCR_ENABLE_AND_CLEAR = 0x07,
    MCR_DTR_RTS = 0x03,
    LSR_THR_EMPTY = 0x20,

    CLOCK_BAUD = 115200,
    /* A port read takes about a microsecond; a byte at 9600 baud takes 1042. */
    SPINS = 20000,
};

static u8 read_reg(const struct serial *s, u32 reg)
{
    u64 at = s->base + (u64)reg * s->stride;
    u8 value;
    if (s->kind == SERIAL_MMIO) {
        return s->stride == 4 ? (u8)mmio_read32(at) : mmio_read8(at);
    }
    __asm__ volatile("inb %w1, %b0" : "=a"(value) : "Nd"((u16)at));
    return value;
}

static void write_reg(const struct serial *s, u32 reg, u8 value)
{
    u64 at = s->base + (u64)reg * s->stride;
    if (s->kind == SERIAL_MMIO) {
        if (s->stride == 4) {
            mmio_write32(at, value);
        } else {
            mmio_write8(at, value);
        }
        return;
    }
    __asm__ volatile("outb %b0, %w1" : : "a"(value), "Nd"((u16)at));
}

static bool answers(const struct serial *s)
{
    u8 before = read_reg(s, REG_SCRATCH);
    write_reg(s, REG_SCRATCH, 0x5a);
    bool first = read_reg(s, REG_SCRATCH) == 0x5a;
    write_reg(s, REG_SCRATCH, 0xa5);
    bool second = read_reg(s, REG_SCRATCH) == 0xa5;
    write_reg(s, REG_SCRATCH, before);
    return first && second;
}

bool serial_set_up(struct serial *s, u32 baud)
{
    s->dead = false;
    if (s->kind == SERIAL_NONE || !answers(s)) {
        s->kind = SERIAL_NONE;
        return false;
    }
    write_reg(s, REG_LCR, LCR_DLAB | LCR_8N1);
    u32 divisor = read_reg(s, REG_DATA) | (u32)read_reg(s, REG_IER) << 8;
    if (baud != 0) {
        divisor = CLOCK_BAUD / baud;
    }
    divisor = divisor != 0 ? divisor : 1;
    write_reg(s, REG_DATA, (u8)divisor);
    write_reg(s, REG_IER, (u8)(divisor >> 8));
    write_reg(s, REG_LCR, LCR_8N1);
    write_reg(s, REG_IER, 0);
    write_reg(s, REG_FCR, FCR_ENABLE_AND_CLEAR);
    write_reg(s, REG_MCR, MCR_DTR_RTS);
    return true;
}

static void put_byte(struct serial *s, char c)
{
    for (u32 i = 0; i < SPINS; i++) {
        if ((read_reg(s, REG_LSR) & LSR_THR_EMPTY) != 0) {
            write_reg(s, REG_DATA, (u8)c);
            return;
        }
        __builtin_ia32_pause();
    }
    s->dead = true;
}

static void write_byte(struct serial *s, char c)
{
    write_reg(s, REG_DATA, (u8)c);
}

static void write_all(struct serial *s, const char *text, size_t length, void (*put)(struct serial *s, char c))
{
    if (s->kind == SERIAL_NONE || s->dead) {
        return;
    }
    /* The guest may be in the middle of setting the divisor. */
    u8 lcr = read_reg(s, REG_LCR);
    if ((lcr & LCR_DLAB) != 0) {
        write_reg(s, REG_LCR, (u8)(lcr & ~LCR_DLAB));
    }
    /* The guest's driver may have left it off, and all bytes but the first and the last would be lost. */
    if (put == write_byte) {
        write_reg(s, REG_FCR, FCR_ENABLE);
    }
    for (size_t i = 0; i < length && !s->dead; i++) {
        if (text[i] == '\n') {
            put(s, '\r');
        }
        put(s, text[i]);
    }
    if ((lcr & LCR_DLAB) != 0) {
        write_reg(s, REG_LCR, lcr);
    }
}

void serial_write(struct serial *s, const char *text, size_t length)
{
    write_all(s, text, length, put_byte);
}

bool serial_offer(struct serial *s, const char *text, size_t length)
{
    bool busy = s->kind != SERIAL_NONE && !s->dead && (read_reg(s, REG_LSR) & LSR_THR_EMPTY) == 0;
    if (!busy) {
        write_all(s, text, length, write_byte);
    }
    return !busy;
}
