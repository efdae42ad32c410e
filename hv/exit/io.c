/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O ports that exit: those of sleep registers (sleep.h), where all that is harmless goes to the port and comes from
 * it, and those of the status window (status.h). Others: pci.h, ports.h.
 */
#include "hv/exit/handlers.h"

#include "hv/exit/io.h"
#include "hv/exit/sleep.h"
#include "hv/exit/status.h"
#include "hv/machine/access.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

static void out(struct vcpu *v, u16 port, u32 size, bool status)
{
    u32 value = (u32)(v->regs->gpr[REG_RAX] & bits_of_bytes(size));
    if (status) {
        exit_status_out(v, port, size, value);
    } else if (exit_sleep_write(v, false, port, size, value)) {
        access_out(port, size, value);
    }
}

static void in(struct vcpu *v, u16 port, u32 size, bool status)
{
    u64 value = status ? exit_status_in(v, port, size) : exit_sleep_read(v, false, port, size, access_in(port, size));
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
            port_log(LOG_WARNING, "CPU %u: string I/O on port 0x%x refused with #GP", v->index, port);
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
