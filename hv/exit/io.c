/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O ports that exit: those of sleep registers (sleep.h), where all that is harmless goes to the port and comes from
 * it, and those of the status window (status.h).
 */
#include "hv/exit/handlers.h"

#include "hv/exit/io.h"
#include "hv/exit/sleep.h"
#include "hv/exit/status.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

static u32 port_in(u16 port, u32 size)
{
    u32 value = 0;
    switch (size) {
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

static void port_out(u16 port, u32 size, u32 value)
{
    switch (size) {
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

static void out(struct vcpu *v, u16 port, u32 size, bool status)
{
    u32 value = (u32)(v->regs->gpr[REG_RAX] & bits_of_bytes(size));
    if (status) {
        exit_status_out(v, port, size, value);
    } else if (exit_sleep_write(v, false, port, size, value)) {
        port_out(port, size, value);
    }
}

static void in(struct vcpu *v, u16 port, u32 size, bool status)
{
    u64 value = status ? exit_status_in(v, port, size) : exit_sleep_read(v, false, port, size, port_in(port, size));
    io_return(v->regs, size, value);
}

void exit_io(struct vcpu *v)
{
    const struct io_access a = io_decode(vmcs_read(VMCS_QUALIFICATION));
    u32 size = a.size;
    u16 port = a.port;
    bool status = exit_status_is_port(v->partition, port, size);
    if (a.string) {
        /* Not even ones are read at a port of the window: that would be a store to the guest's memory. */
        if (status) {
            exit_status_refuse(v, port, size);
        } else if (limit_due(&v->partition->refused_strings)) {
            port_log(LOG_WARNING, "CPU %u: string I/O on port 0x%x, a sleep register, refused with #GP", v->index,
                     port);
        }
        vcpu_inject_error(VECTOR_GP, 0);
        return;
    }
    vcpu_note_access(port, size, BREAKPOINT_PORT);
    if (a.in) {
        in(v, port, size, status);
    } else {
        out(v, port, size, status);
    }
    vcpu_advance();
}
