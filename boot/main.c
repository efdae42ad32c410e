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
#include "drivers/tsc.h"

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);

enum { UART_REGISTERS = 8 };

static struct machine machine;
static struct settings settings;

/* The configured UART, else the one that SPCR names, else COM1. */
static void open_console(bool tables_read)
{
    struct acpi_memory memory = machine_memory(&machine);
    struct serial serial = {.kind = SERIAL_PORT, .base = SERIAL_PORT_COM1, .stride = 1};
    u32 baud = 0;
    if (settings.config.serial_choice == CONFIG_SERIAL_GIVEN) {
        serial = settings.config.serial;
    } else if (settings.config.serial_choice == CONFIG_SERIAL_NONE) {
        serial.kind = SERIAL_NONE;
    } else if (tables_read) {
        (void)acpi_spcr_serial(&memory, machine.tables.spcr, &serial, &baud);
    }
    bool possible = serial.kind != SERIAL_MMIO ||
                    (tables_read && room_is_for_device(&machine.ranges, machine.cpu.physical_bits, serial.base,
                                                       (u64)serial.stride * UART_REGISTERS));
    u64 address = serial.base;
    serial.kind = possible ? serial.kind : SERIAL_NONE;
    console_set_level(settings.config.level);
    console_set_serial(&serial, baud);
    if (!possible) {
        console_log(LOG_ERROR,
                    "no serial console: 0x%llx (nestor.conf or SPCR) is memory or no address of this CPU", address);
    }
}

static void say_settings(EFI_STATUS watchdog)
{
    if (settings.why[0] != '\0') {
        console_log(LOG_ERROR, "%s", settings.why);
    }
    if (settings.config.partition_error.line != 0) {
        char text[CONFIG_ERROR_TEXT];
        config_error_text(&settings.config.partition_error, text);
        console_log(LOG_ERROR, "the configuration, %s; there are no partitions", text);
    }
    if (settings.embedded) {
        console_log(LOG_INFO, "the configuration is the one embedded in nestor.efi");
    }
    if (settings.measured == EFI_SUCCESS) {
        console_log(LOG_INFO, "the configuration is measured in PCR 12");
    } else if (settings.measured != EFI_UNSUPPORTED) {
        console_log(LOG_WARNING, "the configuration is not measured, status %llx: the TPM's log does not have it",
                    (u64)settings.measured);
    }
    console_log(LOG_DEBUG, "nestor.efi is at %llx", (u64)settings.image);
    if (settings.once) {
        console_log(LOG_INFO, "once: a fatal error resets the machine, and %s",
                    EFI_ERROR(watchdog) ? "for a hang the firmware has no watchdog"
                                        : "so does a hang of 5 minutes before the operating system takes over");
    }
}

static void run(EFI_HANDLE self, u64 boot_tsc)
{
    const char *why = "";
    struct verdict verdict;
    settings_read(self, &settings);
    EFI_STATUS watchdog = settings.once ? next_arm_watchdog() : EFI_UNSUPPORTED;
    bool settings_right = settings.why[0] == '\0';
    bool machine_known = machine_read(&machine, &why);
    open_console(machine_known);
    console_log(LOG_INFO, "Nestor " NESTOR_VERSION);
    say_settings(watchdog);
    report_cpu(&machine);
    if (!machine_known) {
        console_log(LOG_ERROR, "%s; booting natively", why);
        return;
    }
    report_tables(&machine);
    report_units(&machine);
    report_doubts(&machine);
    verdict_reach(&machine, &settings.config, &verdict);
    report_verdict(&verdict);
    if (!settings_right) {
        console_log(LOG_ERROR, "booting natively because of the configuration");
        return;
    }
    (void)launch(&machine, &settings.config, &verdict, settings.volume, boot_tsc);
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
    u64 boot_tsc = tsc_read();
    InitializeLib(self, system);
    run(self, boot_tsc);
    return next_start(self, &settings.config);
}
