/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi_ports.h. ACPI 6.5: FADT 5.2.9, generic addresses 5.2.3.2. */
#include "boot/acpi_ports.h"

#include "boot/acpi_table.h"

enum { SPACE_PORT = 1, GENERIC_BYTES = 12, SPCR_ADDRESS = 40, UART_PORTS = 8, WIDEST = 8 };

static bool meet(u64 a, u64 a_count, u64 b, u64 b_count)
{
    return a < b + b_count && b < a + a_count;
}

/* A port or block of ports in four bytes, and where its length stands; 0: it has that of a register. */
static bool fadt_names(const struct acpi_fadt *f, u32 first, u32 count)
{
    enum { REGISTER_BYTES = 4 };
    static const struct { u8 at, length_at; } blocks[] = {
        {48, 0},             /* SMI_CMD */
        {56, 88}, {60, 88},  /* PM1 event */
        {64, 89}, {68, 89},  /* PM1 control */
        {72, 90}, {76, 91},  /* PM2 control, PM timer */
        {80, 92}, {84, 93},  /* general-purpose events */
    };
    bool found = false;
    for (u32 i = 0; i < ARRAY_LEN(blocks); i++) {
        u64 base = acpi_fadt_field(f, blocks[i].at, 4);
        u64 size = blocks[i].length_at != 0 ? acpi_fadt_field(f, blocks[i].length_at, 1) : REGISTER_BYTES;
        found |= base != 0 && meet(base, size, first, count);
    }
    return found;
}

static bool generic_names(const u8 *generic, u32 size, u32 first, u32 count)
{
    u64 base = bytes_get(generic, 4, 8);
    return generic[0] == SPACE_PORT && base != 0 && meet(base, size, first, count);
}

/* The generic addresses: reset register, blocks as above in 64 bits, sleep registers of reduced hardware. */
static bool fadt_names_wide(const struct acpi_fadt *f, u32 first, u32 count)
{
    static const u16 places[] = {116, 148, 160, 172, 184, 196, 208, 220, 232, 244, 256};
    bool found = false;
    for (u32 i = 0; i < ARRAY_LEN(places) && f->bytes != NULL && places[i] + (u32)GENERIC_BYTES <= f->length; i++) {
        u32 bytes = f->bytes[places[i] + 1] / 8u;
        found |= generic_names(f->bytes + places[i], bytes > WIDEST ? bytes : WIDEST, first, count);
    }
    return found;
}

const char *acpi_ports_user(const struct acpi_memory *m, const struct acpi_tables *tables, u32 first, u32 count)
{
    struct acpi_fadt f = acpi_fadt_open(m, tables);
    if (fadt_names(&f, first, count) || fadt_names_wide(&f, first, count)) {
        return "FADT";
    }
    u32 length;
    const u8 *spcr = acpi_open(m, tables->spcr, &length);
    bool named = spcr != NULL && length >= SPCR_ADDRESS + GENERIC_BYTES;
    return named && generic_names(spcr + SPCR_ADDRESS, UART_PORTS, first, count) ? "SPCR" : NULL;
}
