/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nestor.efi: look at the machine, report what was found, become its hypervisor if that is
 * possible, and start what would have been started anyway. A step that fails says so and leads
 * straight to the last one: Nestor must never make a machine unbootable.
 */
#include "boot/uefi.h"

#include "boot/console.h"
#include "boot/launch.h"
#include "boot/machine.h"
#include "boot/next.h"
#include "boot/report.h"
#include "boot/room.h"
#include "boot/settings.h"

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

enum { UART_REGISTERS = 8 };

static struct machine machine;
static struct config config;

static u64 read_tsc(void)
{
    u32 low;
    u32 high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

/* The configured UART, else the one that SPCR names, else COM1. */
static void open_console(bool tables_read)
{
    struct acpi_memory memory = machine_memory(&machine);
    struct serial serial = {.kind = SERIAL_PORT, .base = SERIAL_PORT_COM1, .stride = 1};
    u32 baud = 0;
    if (config.serial_choice == CONFIG_SERIAL_GIVEN) {
        serial = config.serial;
    } else if (config.serial_choice == CONFIG_SERIAL_NONE) {
        serial.kind = SERIAL_NONE;
    } else if (tables_read) {
        (void)acpi_spcr_serial(&memory, machine.tables.spcr, &serial, &baud);
    }
    bool possible = serial.kind != SERIAL_MMIO ||
                    (tables_read && room_is_for_device(&machine.ranges, machine.cpu.physical_bits, serial.base,
                                                       (u64)serial.stride * UART_REGISTERS));
    u64 address = serial.base;
    serial.kind = possible ? serial.kind : SERIAL_NONE;
    console_set_level(config.level);
    console_set_serial(&serial, baud);
    if (!possible) {
        console_log(LOG_ERROR,
                    "no serial console: 0x%llx (nestor.conf or SPCR) is memory or no address of this CPU", address);
    }
}

static void run(EFI_HANDLE self, u64 boot_tsc)
{
    char wrong[SETTINGS_WHY];
    const char *why = "";
    struct verdict verdict;
    bool settings_right = settings_read(self, &config, wrong);
    bool machine_known = machine_read(&machine, &why);
    open_console(machine_known);
    console_log(LOG_INFO, "Nestor " NESTOR_VERSION);
    if (!settings_right) {
        console_log(LOG_ERROR, "%s", wrong);
    }
    report_cpu(&machine);
    if (!machine_known) {
        console_log(LOG_ERROR, "%s; booting natively", why);
        return;
    }
    report_tables(&machine);
    report_units(&machine);
    report_doubts(&machine);
    verdict_reach(&machine, &config, &verdict);
    report_verdict(&verdict);
    if (!settings_right) {
        console_log(LOG_ERROR, "booting natively because of the configuration");
        return;
    }
    (void)launch(&machine, &config, &verdict, boot_tsc);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    u64 boot_tsc = read_tsc();
    InitializeLib(self, system);
    run(self, boot_tsc);
    return next_start(self, &config);
}
