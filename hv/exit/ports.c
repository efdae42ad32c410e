/* SPDX-License-Identifier: BSD-2-Clause */
/* See ports.h. All registers but those of the status window are bytes; a wider access touches none. */
#include "hv/exit/ports.h"

#include "hv/exit/io.h"
#include "hv/exit/status.h"
#include "hv/machine/access.h"
#include "hv/machine/time.h"
#include "hv/machine/x86.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/stop.h"
#include "iommu/port.h"

enum {
    RESET_BITS = 6,                     /* of port CF9h: reset the CPUs, now */
    SLEEP_TYPE_SHIFT = 2, SLEEP_TYPE = 7, SLEEP_ENABLE = 1 << 5,    /* ACPI 4.8.3.7 */
    SLEEP_NEVER = 0,                    /* WAK_STS: it has not slept */
};

static bool is_uart(const struct handover_partition *config, u16 port)
{
    return config->uart_port != 0 && (u32)port - config->uart_port < UART_PORTS;
}

static bool is_modem_control(const struct handover_partition *config, u16 port)
{
    return config->own_uart_port != 0 && port == config->own_uart_port + UART_MODEM_CONTROL;
}

static u32 in(struct vcpu *v, u16 port, u32 size)
{
    const struct handover_partition *config = v->partition->config;
    if (exit_status_is_port(v->partition, port, size)) {
        return exit_status_in(v, port, size);
    }
    if (size != 1) {
        return ~0u;
    }
    if (is_uart(config, port)) {
        return partition_uart_read(v->partition, (u32)port - config->uart_port);
    }
    if (is_modem_control(config, port)) {
        return access_in(port, 1);
    }
    u32 value;
    if (clock_read(&v->partition->clock, port, tsc_read(), &value)) {
        return value;
    }
    return port == config->sleep_status_port || port == config->sleep_control_port ? SLEEP_NEVER : ~0u;
}

static void drop(struct vcpu *v, u16 port, u32 value)
{
    if (limit_due(&v->partition->dropped_ports)) {
        port_log(LOG_WARNING, "partition %s, CPU %u: write of 0x%x to port 0x%x, which is not there, dropped",
                 v->partition->config->name, v->index, value, port);
    }
}

static void out(struct vcpu *v, u16 port, u32 size, u32 value)
{
    struct partition *p = v->partition;
    const struct handover_partition *config = p->config;
    if (exit_status_is_port(p, port, size)) {
        exit_status_out(v, port, size, value);
    } else if (size != 1) {
        drop(v, port, value);
    } else if (is_uart(config, port)) {
        partition_uart_write(p, (u32)port - config->uart_port, (u8)value);
    } else if (is_modem_control(config, port)) {
        access_out(port, 1, value & ~(u32)UART_INTERRUPTS);
    } else if (port == config->reset_port) {
        if ((value & RESET_BITS) == RESET_BITS) {
            stop_partition(v, "reset by its guest", true);
        }
    } else if (port == config->sleep_control_port) {
        if ((value & SLEEP_ENABLE) != 0 && (value >> SLEEP_TYPE_SHIFT & SLEEP_TYPE) == config->sleep_off) {
            stop_partition(v, "turned off by its guest", false);
        }
    } else if (port == config->watchdog_port) {
        p->life.fed_at = tsc_read();
    } else if (port != config->sleep_status_port &&
               !clock_write(&p->clock, port, (u8)value, tsc_read(), time_tsc_khz())) {
        drop(v, port, value);
    }
}

void exit_ports(struct vcpu *v)
{
    const struct io_access a = io_decode(vmcs_read(VMCS_QUALIFICATION));
    if (a.string) {
        drop(v, a.port, 0);
        vcpu_inject_error(VECTOR_GP, 0);
        return;
    }
    vcpu_note_access(a.port, a.size, BREAKPOINT_PORT);
    if (a.in) {
        io_return(v->regs, a.size, in(v, a.port, a.size));
    } else {
        out(v, a.port, a.size, (u32)(v->regs->gpr[REG_RAX] & bits_of_bytes(a.size)));
    }
    vcpu_advance();
}

/*
 * The machine has one there, but not for the root: ones are read, and nothing is written. Before boot services end no
 * partition runs, and the firmware may speak there.
 */
bool exit_ports_given(struct vcpu *v)
{
    const struct io_access a = io_decode(vmcs_read(VMCS_QUALIFICATION));
    u32 given = v->partition->given_uart_port;
    if (given == 0 || v->partition->boot_services || a.string || a.port + a.size <= given ||
        a.port >= given + UART_PORTS) {
        return false;
    }
    vcpu_note_access(a.port, a.size, BREAKPOINT_PORT);
    if (a.in) {
        io_return(v->regs, a.size, ~0ull);
    } else if (limit_due(&v->partition->dropped_ports)) {
        port_log(LOG_WARNING, "CPU %u: write to port 0x%x, of a UART that is a partition's, dropped", v->index, a.port);
    }
    vcpu_advance();
    return true;
}
