/* SPDX-License-Identifier: BSD-2-Clause */
/* See status_port.h. Whatever decodes a port without saying so (a board's own registers) is not seen here. */
#include "boot/status_port.h"

#include "boot/acpi_ports.h"
#include "boot/console.h"
#include "boot/windows.h"
#include "hv/guest/status.h"

static bool is_of_console(u32 first)
{
    enum { UART_PORTS = 8 };
    const struct serial *serial = console_serial();
    return serial->kind == SERIAL_PORT && serial->base < first + STATUS_PORT_BYTES && first < serial->base + UART_PORTS;
}

u16 status_port_choose(struct machine *m, const struct config *config)
{
    u16 port = config->status_port;
    if (port == 0) {
        return 0;
    }
    struct acpi_memory memory = machine_memory(m);
    const char *user = acpi_ports_user(&memory, &m->tables, port, STATUS_PORT_BYTES);
    if (is_of_console(port)) {
        user = "the console";
    } else if (windows_have_ports(port, STATUS_PORT_BYTES)) {
        user = "PCI";
    }
    if (user == NULL) {
        return port;
    }
    console_log(LOG_WARNING, "I/O port 0x%x is used by %s: there is no status window; set status-port to another", port,
                user);
    return 0;
}
