/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8250 that a partition finds: enough for the drivers of kernels that poll it. It never interrupts, is always ready
 * to send, and receives nothing. Pure.
 */
#ifndef NESTOR_HV_GUEST_UART_H
#define NESTOR_HV_GUEST_UART_H

#include "hv/types.h"

enum { UART_PORTS = 8 };

struct uart {
    u8 ier, lcr, mcr, scratch, divisor[2];
    bool fifo;
};

/* Registers by their number, 0 to 7. */
u8 uart_read(const struct uart *u, u32 reg);
/* True: the byte is sent. */
must_use bool uart_write(struct uart *u, u32 reg, u8 value);

#endif
