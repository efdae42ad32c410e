/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi_blocks.h. ACPI 6.5 chapter 5.2.9 (FADT) and 5.2.11 (definition blocks). */
#include "boot/acpi_blocks.h"

#include "boot/acpi_table.h"

static u64 dsdt(const struct acpi_memory *m, const struct acpi_tables *tables, u32 which)
{
    enum { DSDT = 40, X_DSDT = 140 };
    struct acpi_fadt f = acpi_fadt_open(m, tables);
    u64 narrow = acpi_fadt_field(&f, DSDT, 4);
    u64 wide = acpi_fadt_field(&f, X_DSDT, 8);
    if (which == 0) {
        return wide != 0 ? wide : narrow;
    }
    return wide != 0 && narrow != wide ? narrow : 0;
}

const u8 *acpi_next_block(const struct acpi_memory *m, const struct acpi_tables *tables, u32 *next, u32 *length)
{
    enum { DSDTS = 2 };
    for (;;) {
        u32 i = (*next)++;
        u64 table;
        if (i < DSDTS) {
            table = dsdt(m, tables, i);
        } else if (!acpi_listed(m, tables, i - DSDTS, &table)) {
            return NULL;
        } else {
            u32 signature = acpi_signature(m, table);
            bool is_block = signature == ACPI_SIGNATURE('S', 'S', 'D', 'T') ||
                            signature == ACPI_SIGNATURE('P', 'S', 'D', 'T');
            table = is_block ? table : 0;
        }
        const u8 *bytes = acpi_open(m, table, length);
        if (bytes != NULL) {
            return bytes;
        }
    }
}

bool acpi_units_may_come(const struct acpi_memory *m, const struct acpi_tables *tables)
{
    /* d8c1a3a6-be9b-4c9b-91bf-c3cb81fc5daf, as ToUUID stores it. */
    static const u8 id[] = {0xa6, 0xa3, 0xc1, 0xd8, 0x9b, 0xbe, 0x9b, 0x4c,
                            0x91, 0xbf, 0xc3, 0xcb, 0x81, 0xfc, 0x5d, 0xaf};
    u32 length;
    const u8 *bytes;
    for (u32 next = 0; (bytes = acpi_next_block(m, tables, &next, &length)) != NULL;) {
        for (u32 at = ACPI_HEADER; at + sizeof(id) <= length; at++) {
            u32 same = 0;
            while (same < sizeof(id) && bytes[at + same] == id[same]) {
                same++;
            }
            if (same == sizeof(id)) {
                return true;
            }
        }
    }
    return false;
}
