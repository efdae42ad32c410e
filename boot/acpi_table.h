/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the readers of ACPI tables share: bytes, lengths, checksums. A table with a wrong checksum
 * is used all the same, because kernels do that, too: if Nestor left it out, the guest would still
 * find it.
 */
#ifndef NESTOR_BOOT_ACPI_TABLE_H
#define NESTOR_BOOT_ACPI_TABLE_H

#include "boot/acpi.h"
#include "boot/bytes.h"

enum {
    ACPI_HEADER = 36,
    ACPI_TABLE_LIMIT = 16 << 20,   /* longer than any table: a broken length field */
};

#define ACPI_SIGNATURE(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

static inline u8 acpi_sum(const u8 *bytes, u32 count)
{
    u8 sum = 0;
    for (u32 i = 0; i < count; i++) {
        sum = (u8)(sum + bytes[i]);
    }
    return sum;
}

/* Of a table; the RSDP's are elsewhere. */
static inline void acpi_fix_sum(u8 *table, u32 length)
{
    enum { SUM = 9 };
    table[SUM] = 0;
    table[SUM] = (u8)(0 - acpi_sum(table, length));
}

static inline u8 *acpi_map(const struct acpi_memory *m, u64 addr, u64 size)
{
    if (addr == 0 || addr + size < addr) {
        return NULL;
    }
    return m->at(m->ctx, addr, size);
}

/* 0: unreadable. */
static inline u32 acpi_signature(const struct acpi_memory *m, u64 table)
{
    const u8 *header = acpi_map(m, table, ACPI_HEADER);
    return header == NULL ? 0 : (u32)bytes_get(header, 0, 4);
}

/* The whole table, as long as its header says, or NULL. */
static inline u8 *acpi_open(const struct acpi_memory *m, u64 table, u32 *length)
{
    const u8 *header = acpi_map(m, table, ACPI_HEADER);
    *length = header == NULL ? 0 : (u32)bytes_get(header, 4, 4);
    return *length < ACPI_HEADER || *length > ACPI_TABLE_LIMIT ? NULL : acpi_map(m, table, *length);
}

/* FADT as far as it goes: older ones are shorter. bytes is NULL where it is unreadable. */
struct acpi_fadt {
    const u8 *bytes;
    u32 length;
};

static inline struct acpi_fadt acpi_fadt_open(const struct acpi_memory *m, const struct acpi_tables *tables)
{
    struct acpi_fadt f;
    f.bytes = acpi_open(m, tables->fadt, &f.length);
    return f;
}

/* 0: there is no such field. */
static inline u64 acpi_fadt_field(const struct acpi_fadt *f, u32 at, u32 bytes)
{
    return f->bytes != NULL && at + bytes <= f->length ? bytes_get(f->bytes, at, bytes) : 0;
}

/* Table number `index` of the firmware's list; false past its end. */
bool acpi_listed(const struct acpi_memory *m, const struct acpi_tables *tables, u32 index, u64 *table);

#endif
