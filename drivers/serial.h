/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550-compatible UART, in I/O ports or in memory. The guest's OS may drive the same one, so
 * nothing is assumed about its state between two lines. A UART that stops taking bytes is waited
 * for once, for a bounded time.
 */
#ifndef NESTOR_SERIAL_H
#define NESTOR_SERIAL_H

#include "hv/types.h"

enum serial_kind { SERIAL_NONE, SERIAL_PORT, SERIAL_MMIO };

struct serial {
    enum serial_kind kind;
    u64 base;        /* port number, or the *virtual* address of the registers */
    u8 stride;       /* bytes between registers: 1, 2 or 4 */
    bool dead;       /* it stopped taking bytes; set by serial_write() */
};

enum { SERIAL_PORT_COM1 = 0x3f8, SERIAL_PORT_COM2 = 0x2f8 };

/*
 * Called once, by whoever finds the UART: 8 data bits, no parity, no interrupts. baud 0 keeps the
 * rate that firmware set. If nothing answers, kind becomes SERIAL_NONE and the result is false.
 */
bool serial_set_up(struct serial *s, u32 baud);

/* Sends the bytes, with a carriage return before each line feed. */
void serial_write(struct serial *s, const char *text, size_t length);

/*
 * The same without waiting: false, and nothing was sent, if the UART has not sent all of before. They fit its FIFO,
 * which is turned on for that; whoever receives has an interrupt for each byte from then on.
 */
enum { SERIAL_FIFO = 16 };
must_use bool serial_offer(struct serial *s, const char *text, size_t length);

#endif
