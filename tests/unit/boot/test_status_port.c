/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever uses the ports of the status window, FADT, SPCR, the console or PCI, is named, and there is no window then.
 * What tables and descriptors say is in test_acpi_ports and test_areas; here is that each of them is asked.
 */
#include "boot/console.h"
#include "boot/status_port.h"
#include "boot/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { FADT = 0x400, SPCR = 0x800, MEMORY = 0x1000, PORT = CONFIG_STATUS_PORT };

static u8 memory[MEMORY];
static struct serial serial;
static u32 pci_first;
static char said[160];

static void *at(void *ctx, u64 addr, u64 size)
{
    (void)ctx;
    return addr < MEMORY && size <= MEMORY - addr ? memory + addr : NULL;
}

struct acpi_memory machine_memory(struct machine *m)
{
    (void)m;
    return (struct acpi_memory){at, NULL};
}

const struct serial *console_serial(void)
{
    return &serial;
}

/* Eight ports of a BAR. */
bool windows_have_ports(u32 first, u32 count)
{
    return pci_first != 0 && pci_first < first + count && first < pci_first + 8;
}

void console_log(enum log_level level, const char *fmt, ...)
{
    va_list args;
    assert_int_equal(level, LOG_WARNING);
    va_start(args, fmt);
    vsnprintf(said, sizeof(said), fmt, args);
    va_end(args);
}

static u16 choose(u16 port)
{
    static struct machine machine;
    static struct config config;
    machine.tables = (struct acpi_tables){.fadt = FADT, .spcr = SPCR};
    config.status_port = port;
    said[0] = '\0';
    return status_port_choose(&machine, &config);
}

static void put(u32 where, u64 value, u32 bytes)
{
    memcpy(memory + where, &value, bytes);
}

static void clear(void)
{
    memset(memory, 0, sizeof(memory));
    put(FADT + 4, 276, 4);
    put(SPCR + 4, 80, 4);
    serial = (struct serial){.kind = SERIAL_NONE};
    pci_first = 0;
}

static void refused(const char *user)
{
    char expected[160];
    snprintf(expected, sizeof(expected), "I/O port 0x9c0 is used by %s: there is no status window; set status-port to "
             "another", user);
    assert_int_equal(choose(PORT), 0);
    assert_string_equal(said, expected);
    assert_int_equal(choose(PORT + 16), PORT + 16);
    assert_string_equal(said, "");
}

static void nobody_uses_it(void **state)
{
    (void)state;
    clear();
    assert_int_equal(choose(PORT), PORT);
    assert_true(PORT < 0x1000 && PORT % 8 == 0);
    assert_int_equal(choose(0), 0);
    assert_string_equal(said, "");
}

static void each_user_is_named(void **state)
{
    (void)state;
    clear();
    put(FADT + 64, PORT + 4, 4);
    memory[FADT + 89] = 2;
    refused("FADT");
    clear();
    memory[SPCR + 40] = 1;
    put(SPCR + 44, PORT - 4, 8);
    refused("SPCR");
    clear();
    serial = (struct serial){.kind = SERIAL_PORT, .base = PORT + 7};
    refused("the console");
    serial.base = PORT - 7;
    refused("the console");
    clear();
    pci_first = PORT + 4;
    refused("PCI");
}

/* A UART in memory has no ports, whatever its address. */
static void a_console_in_memory(void **state)
{
    (void)state;
    clear();
    serial = (struct serial){.kind = SERIAL_MMIO, .base = PORT};
    assert_int_equal(choose(PORT), PORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_uses_it),
        cmocka_unit_test(each_user_is_named),
        cmocka_unit_test(a_console_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
