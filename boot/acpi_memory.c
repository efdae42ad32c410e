/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi_memory.h. ACPI 6.5 chapter 5.2.16 (SRAT); CXL 3.1 chapter 9.18.1 (CEDT). */
#include "boot/acpi_memory.h"

#include "boot/acpi_table.h"

/* Memory affinity structures that are enabled and hot-pluggable. */
static void read_srat(const struct acpi_memory *m, u64 srat, struct areas *out)
{
    enum { FIRST = 48, MEMORY = 1, BYTES = 40, BASE = 8, LENGTH = 16, FLAGS = 28, WANTED = 1 | 2 };
    u32 length;
    const u8 *bytes = acpi_open(m, srat, &length);
    for (u32 at = FIRST; bytes != NULL && at + 2 <= length;) {
        u32 size = bytes[at + 1];
        if (size < 2 || size > length - at) {
            return;
        }
        if (bytes[at] == MEMORY && size >= BYTES && (bytes_get(bytes, at + FLAGS, 4) & WANTED) == WANTED) {
            areas_add(out, bytes_get(bytes, at + BASE, 8), bytes_get(bytes, at + LENGTH, 8));
        }
        at += size;
    }
}

/* CXL fixed memory windows: what a region of CXL memory is created in. */
static void read_cedt(const struct acpi_memory *m, u64 cedt, struct areas *out)
{
    enum { WINDOW = 1, BYTES = 36, BASE = 8, LENGTH = 16 };
    u32 length;
    const u8 *bytes = acpi_open(m, cedt, &length);
    for (u32 at = ACPI_HEADER; bytes != NULL && at + 4 <= length;) {
        u32 size = (u32)bytes_get(bytes, at + 2, 2);
        if (size < 4 || size > length - at) {
            return;
        }
        if (bytes[at] == WINDOW && size >= BYTES) {
            areas_add(out, bytes_get(bytes, at + BASE, 8), bytes_get(bytes, at + LENGTH, 8));
        }
        at += size;
    }
}

void acpi_read_pluggable(const struct acpi_memory *m, const struct acpi_tables *tables, struct areas *out)
{
    *out = (struct areas){.count = 0};
    read_srat(m, tables->srat, out);
    read_cedt(m, tables->cedt, out);
}
