/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi.h. ACPI 6.5 chapters 5.2.5 to 5.2.8; SPCR and MCFG have documents of their own. */
#include "boot/acpi_table.h"
#include "iommu/spec/dmar.h"

enum { RSDP_BYTES_1 = 20, RSDP_BYTES_2 = 36 };

u32 acpi_length(const struct acpi_memory *m, u64 table)
{
    u32 length;
    return acpi_open(m, table, &length) != NULL ? length : 0;
}

static void note_sum(const u8 *bytes, u32 length, u32 signature, struct acpi_tables *out)
{
    if (acpi_sum(bytes, length) != 0 && out->wrong_sum_count < ACPI_WRONG_SUMS) {
        out->wrong_sums[out->wrong_sum_count++] = signature;
    }
}

static void note_table(const struct acpi_memory *m, u64 table, struct acpi_tables *out)
{
    static const struct { u32 signature; size_t field; } wanted[] = {
        {ACPI_SIGNATURE('D', 'M', 'A', 'R'), offsetof(struct acpi_tables, dmar)},
        {ACPI_SIGNATURE('S', 'P', 'C', 'R'), offsetof(struct acpi_tables, spcr)},
        {ACPI_SIGNATURE('M', 'C', 'F', 'G'), offsetof(struct acpi_tables, mcfg)},
        {ACPI_SIGNATURE('A', 'P', 'I', 'C'), offsetof(struct acpi_tables, madt)},
        {ACPI_SIGNATURE('F', 'A', 'C', 'P'), offsetof(struct acpi_tables, fadt)},
        {ACPI_SIGNATURE('S', 'R', 'A', 'T'), offsetof(struct acpi_tables, srat)},
        {ACPI_SIGNATURE('C', 'E', 'D', 'T'), offsetof(struct acpi_tables, cedt)},
    };
    u32 length;
    const u8 *bytes = acpi_open(m, table, &length);
    u32 signature = acpi_signature(m, table);
    for (u32 i = 0; i < ARRAY_LEN(wanted); i++) {
        u64 *field = (u64 *)(void *)((u8 *)out + wanted[i].field);
        if (signature != wanted[i].signature || *field != 0) {
            continue;
        }
        *field = table;
        if (bytes != NULL) {
            note_sum(bytes, length, signature, out);
        }
    }
}

bool acpi_listed(const struct acpi_memory *m, const struct acpi_tables *tables, u32 index, u64 *table)
{
    u32 entry_bytes = tables->list == tables->xsdt ? 8 : 4;
    u32 length;
    const u8 *bytes = acpi_open(m, tables->list, &length);
    if (bytes == NULL || index >= (length - ACPI_HEADER) / entry_bytes) {
        return false;
    }
    *table = bytes_get(bytes, ACPI_HEADER + index * entry_bytes, entry_bytes);
    return true;
}

enum result acpi_find(const struct acpi_memory *m, u64 rsdp, struct acpi_tables *out,
                      const char **why)
{
    u32 length;
    *out = (struct acpi_tables){.rsdp = rsdp};
    const u8 *root = acpi_map(m, rsdp, RSDP_BYTES_1);
    if (root == NULL) {
        *why = "the firmware names no ACPI tables";
        return ERR_NOT_FOUND;
    }
    if (bytes_get(root, 0, 8) != 0x2052545020445352ull) {
        *why = "the ACPI root pointer has a wrong signature";
        return ERR_MALFORMED;
    }
    note_sum(root, RSDP_BYTES_1, (u32)bytes_get(root, 0, 4), out);
    out->rsdt = bytes_get(root, 16, 4);
    const u8 *longer = root[15] >= 2 ? acpi_map(m, rsdp, RSDP_BYTES_2) : NULL;
    if (longer != NULL) {
        out->xsdt = bytes_get(longer, 24, 8);
    }
    bool usable = acpi_signature(m, out->xsdt) == ACPI_SIGNATURE('X', 'S', 'D', 'T') &&
                  acpi_open(m, out->xsdt, &length) != NULL;
    out->list = usable ? out->xsdt : out->rsdt;
    const u8 *list = acpi_open(m, out->list, &length);
    if (list == NULL) {
        *why = "the list of ACPI tables is unreadable";
        return ERR_MALFORMED;
    }
    note_sum(list, length, (u32)bytes_get(list, 0, 4), out);
    u64 table;
    for (u32 i = 0; acpi_listed(m, out, i, &table); i++) {
        note_table(m, table, out);
    }
    return OK;
}

bool acpi_spcr_serial(const struct acpi_memory *m, u64 spcr, struct serial *out, u32 *baud)
{
    static const u32 bauds[] = {[3] = 9600, [4] = 19200, [6] = 57600, [7] = 115200};
    enum { SPACE_MEMORY, SPACE_PORT };
    u32 length;
    const u8 *bytes = acpi_open(m, spcr, &length);
    if (bytes == NULL || length < 59) {
        return false;
    }
    /* Interface types 0 and 1 are the 16550 and its subset; 12h is a 16550 whose registers the address describes. */
    u8 type = bytes[36];
    u8 space = bytes[40];
    u64 base = bytes_get(bytes, 44, 8);
    bool known = type == 0 || type == 1 || type == 0x12;
    if (!known || base == 0 || space > SPACE_PORT) {
        return false;
    }
    u8 access = bytes[43];
    u8 width = bytes[41];
    out->kind = space == SPACE_PORT ? SERIAL_PORT : SERIAL_MMIO;
    out->base = base;
    out->stride = space == SPACE_MEMORY && (access == 3 || width == 32) ? 4 : 1;
    *baud = bytes[58] < ARRAY_LEN(bauds) ? bauds[bytes[58]] : 0;
    return true;
}

bool acpi_mcfg_window(const struct acpi_memory *m, u64 mcfg, u32 index, struct acpi_ecam *out)
{
    u32 length;
    const u8 *bytes = acpi_open(m, mcfg, &length);
    u64 at = 44 + (u64)index * 16;
    if (bytes == NULL || at + 16 > length) {
        return false;
    }
    const u8 *window = bytes + at;
    *out = (struct acpi_ecam){.base = bytes_get(window, 0, 8), .segment = (u16)bytes_get(window, 8, 2),
                              .first_bus = window[10], .last_bus = window[11]};
    return true;
}

struct acpi_ecam acpi_mcfg_segment(const struct acpi_memory *m, u64 mcfg, u16 segment)
{
    struct acpi_ecam window;
    for (u32 i = 0; acpi_mcfg_window(m, mcfg, i, &window); i++) {
        if (window.segment == segment) {
            return window;
        }
    }
    return (struct acpi_ecam){0};
}

static void remove_from_list(const struct acpi_memory *m, u64 list, u32 entry_bytes, u64 table)
{
    u32 length;
    u8 *bytes = list == 0 ? NULL : acpi_open(m, list, &length);
    if (bytes == NULL) {
        return;
    }
    u32 to = ACPI_HEADER;
    for (u32 at = ACPI_HEADER; at + entry_bytes <= length; at += entry_bytes) {
        if (bytes_get(bytes, at, entry_bytes) == table) {
            continue;
        }
        for (u32 i = 0; i < entry_bytes; i++) {
            bytes[to + i] = bytes[at + i];
        }
        to += entry_bytes;
    }
    bytes_put(bytes + 4, to, 4);
    acpi_fix_sum(bytes, to);
}

void acpi_hide_dmar(const struct acpi_memory *m, const struct acpi_tables *tables)
{
    remove_from_list(m, tables->xsdt, 8, tables->dmar);
    remove_from_list(m, tables->rsdt, 4, tables->dmar);
    u32 length;
    u8 *bytes = acpi_open(m, tables->dmar, &length);
    if (bytes != NULL) {
        bytes[0] = 'X';
        acpi_fix_sum(bytes, length);
    }
}

void acpi_clear_intr_remap(const struct acpi_memory *m, const struct acpi_tables *tables)
{
    u32 length;
    u8 *bytes = acpi_open(m, tables->dmar, &length);
    if (bytes != NULL && length > VTD_DMAR_FLAGS_AT) {
        bytes[VTD_DMAR_FLAGS_AT] &= (u8)~VTD_DMAR_INTR_REMAP;
        acpi_fix_sum(bytes, length);
    }
}
