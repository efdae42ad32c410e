/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8250 that a partition finds: enough for the drivers of kernels that poll it. It never interrupts, is always ready
 * to send, and holds 16 characters that it has received. Pure.
 */
#ifndef NESTOR_HV_GUEST_UART_H
#define NESTOR_HV_GUEST_UART_H

#include "hv/types.h"

enum { UART_PORTS = 8, UART_FIFO = 16, UART_MODEM_CONTROL = 4, UART_INTERRUPTS = 1 << 3 /* of it: OUT2 */ };

struct uart {
    u8 ier, lcr, mcr, scratch, divisor[2];
    bool fifo;
    bool sent;                      /* the transmitter has become empty, and nobody was told */
    u8 received[UART_FIFO];         /* `waiting` of them, from `first` on */
    u8 first, waiting;
};

/* Registers by their number, 0 to 7. */
u8 uart_read(struct uart *u, u32 reg);
/* True: the byte is sent. */
must_use bool uart_write(struct uart *u, u32 reg, u8 value);
/* A character arrives; false: there is no room for it. */
must_use bool uart_receive(struct uart *u, u8 value);

#endif
