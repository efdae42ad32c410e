/* SPDX-License-Identifier: BSD-2-Clause */
/* See uart.h. Registers and bits as in the 16550 data sheet. */
#include "hv/guest/uart.h"

enum {
    REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCRATCH,

    IER_BITS = 0xf, IER_RECEIVED = 1, IER_SENT = 2,
    IIR_NONE = 1, IIR_SENT = 2, IIR_RECEIVED = 4, IIR_FIFO = 0xc0, FCR_ENABLE = 1, FCR_CLEAR = 2,
    LCR_DLAB = 0x80,
    MCR_DTR = 1, MCR_RTS = 2, MCR_OUTPUTS = 0xc, MCR_LOOP = 0x10, MCR_BITS = 0x1f,
    LSR_RECEIVED = 1, LSR_SENT = 0x60,
    MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_DCD = 0x80, MSR_INPUTS_SHIFT = 4,
};

/* In loopback mode the modem's inputs are the outputs. */
static u8 modem(const struct uart *u)
{
    if ((u->mcr & MCR_LOOP) == 0) {
        return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return (u8)((u->mcr & MCR_OUTPUTS) << MSR_INPUTS_SHIFT | (u->mcr & MCR_RTS ? MSR_CTS : 0) |
                (u->mcr & MCR_DTR ? MSR_DSR : 0));
}

/* What a driver that polls asks for; nothing is raised. To be told that a byte is sent ends that. */
static u8 pending(struct uart *u)
{
    u8 which = u->waiting != 0 && (u->ier & IER_RECEIVED) != 0 ? IIR_RECEIVED
               : u->sent && (u->ier & IER_SENT) != 0           ? IIR_SENT
                                                               : IIR_NONE;
    u->sent = u->sent && which != IIR_SENT;
    return (u8)((u->fifo ? IIR_FIFO : 0) | which);
}

static u8 take(struct uart *u)
{
    u8 value = u->received[u->first % UART_FIFO];
    if (u->waiting == 0) {
        return 0;
    }
    u->first++;
    u->waiting--;
    return value;
}

bool uart_receive(struct uart *u, u8 value)
{
    if (u->waiting == UART_FIFO) {
        return false;
    }
    u->received[(u->first + u->waiting++) % UART_FIFO] = value;
    return true;
}

u8 uart_read(struct uart *u, u32 reg)
{
    if (reg <= REG_IER && (u->lcr & LCR_DLAB) != 0) {
        return u->divisor[reg];
    }
    switch (reg) {
    case REG_DATA: return take(u);
    case REG_IER: return u->ier;
    case REG_IIR_FCR: return pending(u);
    case REG_LCR: return u->lcr;
    case REG_MCR: return u->mcr;
    case REG_LSR: return (u8)(LSR_SENT | (u->waiting != 0 ? LSR_RECEIVED : 0));
    case REG_MSR: return modem(u);
    case REG_SCRATCH: return u->scratch;
    default: return 0;
    }
}

bool uart_write(struct uart *u, u32 reg, u8 value)
{
    if (reg <= REG_IER && (u->lcr & LCR_DLAB) != 0) {
        u->divisor[reg] = value;
        return false;
    }
    switch (reg) {
    case REG_DATA:
        u->sent = true;
        return (u->mcr & MCR_LOOP) == 0;
    case REG_IER:
        u->sent = u->sent || (value & ~u->ier & IER_SENT) != 0;
        u->ier = value & IER_BITS;
        break;
    case REG_IIR_FCR:
        u->fifo = (value & FCR_ENABLE) != 0;
        u->waiting = (value & FCR_CLEAR) != 0 ? 0 : u->waiting;
        break;
    case REG_LCR: u->lcr = value; break;
    case REG_MCR: u->mcr = value & MCR_BITS; break;
    case REG_SCRATCH: u->scratch = value; break;
    default: break;
    }
    return false;
}
