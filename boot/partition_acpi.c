/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See partition_acpi.h. ACPI 6.5: 5.2.5 RSDP, 5.2.8 XSDT, 5.2.9 FADT, 5.2.12 MADT; Serial Port Console Redirection
 * Table 1.07. Ports are those that Nestor emulates, as the partition's record has them.
 *
 * No DMAR where it has no unit of its own, no MCFG where it has no devices, and no I/O APIC. MADT lists its CPUs by the
 * ids that they really have, so that reading and writing them needs no help of Nestor's.
 */
#include "boot/acpi_table.h"
#include "boot/partition_acpi.h"
#include "boot/partition_check.h"
#include "boot/partition_dmar.h"

enum {
    RSDP_BYTES_1 = 20,
    RSDP_BYTES = 36,
    XSDT_ENTRIES = 5,
    FADT_BYTES = 276,
    MADT_ENTRIES_AT = 44,
    MADT_X2APIC = 9,
    MADT_X2APIC_BYTES = 16,
    SPCR_BYTES = 80,

    SPACE_PORT = 1,
    BYTE_ACCESS = 1,

    WBINVD = 1 << 0,
    NO_POWER_BUTTON = 1 << 4,
    NO_SLEEP_BUTTON = 1 << 5,
    RESET_SUPPORTED = 1 << 10,
    PHYSICAL_DESTINATIONS = 1 << 19,    /* messages without remapping reach single CPUs only */
    REDUCED_HARDWARE = 1 << 20,

    NO_VGA = 1 << 2,
    NO_CMOS_RTC = 1 << 5,

    RESET_VALUE = 6,
};

/*
 *  Name (\_S5, Package (4) {n, n, 0, 0})
 *  Device (\_SB.COM1) {
 *      Name (_HID, EisaId ("PNP0501"))
 *      Name (_UID, 1)
 *      Name (_CRS, ResourceTemplate () {IO (Decode16, port, port, 1, 8)})
 *  }
 */
static const u8 aml_sleep[] = {0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, 0, 0x0a, 0, 0x00, 0x00};
static const u8 aml_uart[] = {
    0x5b, 0x82, 0x2d, 0x2e, '_', 'S', 'B', '_', 'C', 'O', 'M', '1', 0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x05,
    0x01, 0x08, '_', 'U', 'I', 'D', 0x01, 0x08, '_', 'C', 'R', 'S', 0x11, 0x0d, 0x0a, 0x0a, 0x47, 0x01, 0, 0, 0, 0,
    0x01, 0x08, 0x79, 0x00};
enum { AML_SLEEP_1 = 9, AML_SLEEP_2 = 11, AML_PORT_1 = 39, AML_PORT_2 = 41 };

static void put_bytes(u8 *to, const void *from, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        to[i] = ((const u8 *)from)[i];
    }
}

/* At the end, on 16 bytes; its guest-physical address is in *at. */
static u8 *begin(struct partition_tables *out, const char signature[4], u32 revision, u32 length, u64 *at)
{
    u8 *table = out->bytes + out->size;
    *at = PARTITION_TABLES + out->size;
    put_bytes(table, signature, 4);
    bytes_put(table + 4, length, 4);
    bytes_put(table + 8, revision, 1);
    put_bytes(table + 10, "NESTOR", 6);
    put_bytes(table + 16, "NESTOR  ", 8);
    bytes_put(table + 24, 1, 4);
    put_bytes(table + 28, "NEST", 4);
    bytes_put(table + 32, 1, 4);
    out->size = (out->size + length + 15) & ~15u;
    return table;
}

static void end(u8 *table)
{
    acpi_fix_sum(table, (u32)bytes_get(table, 4, 4));
}

/* A generic address of a register of one byte, 5.2.3.2. */
static void put_port(u8 *to, u16 port)
{
    bytes_put(to, SPACE_PORT | 8u << 8 | (u32)BYTE_ACCESS << 24, 4);
    bytes_put(to + 4, port, 8);
}

static u16 uart_port(const struct handover_partition *p)
{
    return p->uart_port != 0 ? p->uart_port : p->own_uart_port;
}

static u64 put_dsdt(const struct handover_partition *p, const struct partition_pci *pci, struct partition_tables *out)
{
    static u8 devices[PARTITION_PCI_AML];
    u64 at;
    u32 uart = uart_port(p) != 0 ? sizeof(aml_uart) : 0;
    u32 bridges = partition_pci_aml(pci, devices);
    u8 *table = begin(out, "DSDT", 2, ACPI_HEADER + (u32)sizeof(aml_sleep) + uart + bridges, &at);
    u8 *aml = table + ACPI_HEADER;
    put_bytes(aml, aml_sleep, sizeof(aml_sleep));
    aml[AML_SLEEP_1] = p->sleep_off;
    aml[AML_SLEEP_2] = p->sleep_off;
    aml += sizeof(aml_sleep);
    put_bytes(aml, aml_uart, uart);
    if (uart != 0) {
        bytes_put(aml + AML_PORT_1, uart_port(p), 2);
        bytes_put(aml + AML_PORT_2, uart_port(p), 2);
    }
    put_bytes(aml + uart, devices, bridges);
    end(table);
    return at;
}

static u64 put_fadt(const struct handover_partition *p, u64 dsdt, struct partition_tables *out)
{
    u64 at;
    u8 *table = begin(out, "FACP", 6, FADT_BYTES, &at);
    bytes_put(table + 40, dsdt, 4);
    bytes_put(table + 109, NO_VGA | NO_CMOS_RTC, 2);
    bytes_put(table + 112, WBINVD | NO_POWER_BUTTON | NO_SLEEP_BUTTON | RESET_SUPPORTED | PHYSICAL_DESTINATIONS |
              REDUCED_HARDWARE, 4);
    put_port(table + 116, p->reset_port);
    table[128] = RESET_VALUE;
    bytes_put(table + 140, dsdt, 8);
    put_port(table + 244, p->sleep_control_port);
    put_port(table + 256, p->sleep_status_port);
    end(table);
    return at;
}

static u64 put_madt(const struct handover_partition *p, const u32 *apic_ids, u32 cpus, struct partition_tables *out)
{
    u64 at;
    u32 count = 0;
    for (u32 i = 0; i < cpus; i++) {
        count += partition_has_cpu(p->cpus, i) ? 1 : 0;
    }
    u8 *table = begin(out, "APIC", 5, MADT_ENTRIES_AT + count * MADT_X2APIC_BYTES, &at);
    u8 *entry = table + MADT_ENTRIES_AT;
    bytes_put(table + 36, 0xfee00000, 4);
    for (u32 i = 0, uid = 0; i < cpus; i++) {
        if (partition_has_cpu(p->cpus, i)) {
            bytes_put(entry, MADT_X2APIC | MADT_X2APIC_BYTES << 8, 4);
            bytes_put(entry + 4, apic_ids[i], 4);
            bytes_put(entry + 8, 1, 4);
            bytes_put(entry + 12, uid++, 4);
            entry += MADT_X2APIC_BYTES;
        }
    }
    end(table);
    return at;
}

/* Eight bytes behind the header are reserved. */
static u64 put_mcfg(const u8 *entries, u32 bytes, struct partition_tables *out)
{
    u64 at;
    u8 *table = begin(out, "MCFG", 1, ACPI_HEADER + 8 + bytes, &at);
    put_bytes(table + ACPI_HEADER + 8, entries, bytes);
    end(table);
    return at;
}

static u64 put_units(const u8 *body, u32 bytes, struct partition_tables *out)
{
    u64 at;
    u8 *table = begin(out, "DMAR", 1, ACPI_HEADER + bytes, &at);
    put_bytes(table + ACPI_HEADER, body, bytes);
    end(table);
    return at;
}

static u64 put_spcr(const struct handover_partition *p, struct partition_tables *out)
{
    enum { BAUD_115200 = 7, STOP_BITS_1 = 1, TERMINAL_ANSI = 3 };
    u64 at;
    u8 *table = begin(out, "SPCR", 2, SPCR_BYTES, &at);
    put_port(table + 40, uart_port(p));
    table[58] = BAUD_115200;
    table[60] = STOP_BITS_1;
    table[62] = TERMINAL_ANSI;
    bytes_put(table + 64, 0xffffffff, 4);       /* no PCI device */
    end(table);
    return at;
}

static void put_root(u64 xsdt, struct partition_tables *out)
{
    u8 *root = out->bytes;
    put_bytes(root, "RSD PTR ", 8);
    put_bytes(root + 9, "NESTOR", 6);
    root[15] = 2;
    bytes_put(root + 20, RSDP_BYTES, 4);
    bytes_put(root + 24, xsdt, 8);
    root[8] = (u8)(0 - acpi_sum(root, RSDP_BYTES_1));
    root[32] = (u8)(0 - acpi_sum(root, RSDP_BYTES));
}

void partition_acpi_build(const struct handover_partition *partition, const u32 *apic_ids, u32 cpus,
                          const struct partition_pci *pci, struct partition_tables *out)
{
    u64 list[XSDT_ENTRIES];
    u64 xsdt;
    u8 mcfg[PARTITION_PCI_MCFG];
    u8 units[PARTITION_DMAR];
    u32 mcfg_bytes = partition_pci_mcfg(pci, mcfg);
    u32 units_bytes = partition_dmar(pci, units);
    u32 count = 0;
    out->size = (RSDP_BYTES + 15) & ~15u;
    for (u32 i = 0; i < sizeof(out->bytes); i++) {
        out->bytes[i] = 0;
    }
    u64 dsdt = put_dsdt(partition, pci, out);
    list[count++] = put_fadt(partition, dsdt, out);
    list[count++] = put_madt(partition, apic_ids, cpus, out);
    if (uart_port(partition) != 0) {
        list[count++] = put_spcr(partition, out);
    }
    if (mcfg_bytes != 0) {
        list[count++] = put_mcfg(mcfg, mcfg_bytes, out);
    }
    if (units_bytes != 0) {
        list[count++] = put_units(units, units_bytes, out);
    }
    u8 *table = begin(out, "XSDT", 1, ACPI_HEADER + count * 8, &xsdt);
    for (u32 i = 0; i < count; i++) {
        bytes_put(table + ACPI_HEADER + i * 8, list[i], 8);
    }
    end(table);
    put_root(xsdt, out);
}
