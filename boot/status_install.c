/* SPDX-License-Identifier: BSD-2-Clause */
/* See status_table.h. The firmware's part: EFI_ACPI_TABLE_PROTOCOL (UEFI 2.10, 20.2), which GNU-EFI does not know. */
#include "boot/uefi.h"

#include "boot/status_table.h"
#include "drivers/dword_port.h"

struct acpi_table_protocol {
    EFI_STATUS (EFIAPI *install)(struct acpi_table_protocol *self, VOID *table, UINTN bytes, UINTN *key);
    EFI_STATUS (EFIAPI *uninstall)(struct acpi_table_protocol *self, UINTN key);
};

bool status_table_install(u16 port)
{
    static EFI_GUID guid = {0xffe06bdd, 0x6107, 0x46a6, {0x7b, 0xb2, 0x5a, 0x9c, 0x7e, 0xc5, 0x27, 0x5c}};
    static struct status_client client = {.in = dword_port_in, .out = dword_port_out};
    static u8 table[STATUS_TABLE_BYTES];
    struct acpi_table_protocol *protocol;
    UINTN key;
    client.port = port;
    if (port == 0 || EFI_ERROR(BS->LocateProtocol(&guid, NULL, (VOID **)&protocol)) ||
        !status_client_take_from(&client, STATUS_REPORT_MACHINE, 0)) {
        return false;
    }
    return !EFI_ERROR(protocol->install(protocol, table, status_table_build(&client, table), &key));
}
