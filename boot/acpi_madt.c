/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi.h. ACPI 6.5 chapters 5.2.12, MADT, and 5.2.16, SRAT: the CPUs. */
#include "boot/acpi_table.h"

/* A CPU may be listed twice, as local APIC and as local x2APIC. */
static void add(struct acpi_cpus *cpus, u32 id)
{
    for (u32 i = 0; i < cpus->count && i < ACPI_CPUS; i++) {
        if (cpus->ids[i] == id) {
            return;
        }
    }
    if (cpus->count < ACPI_CPUS) {
        cpus->ids[cpus->count] = id;
    }
    cpus->count++;
}

/* One kind of entry: MADT 5.2.12.2 and 5.2.12.12, SRAT 5.2.16.1 and 5.2.16.3. */
struct cpu_entry {
    u8 type, size, id, id_bytes, flags;
    u32 starts;                 /* flags: the CPU is there, or may be started later */
};
static const struct cpu_entry madt_entries[] = {{0, 8, 3, 1, 4, 1 | 2}, {9, 16, 4, 4, 8, 1 | 2}};
static const struct cpu_entry srat_entries[] = {{0, 16, 3, 1, 4, 1}, {2, 24, 8, 4, 12, 1}};

enum { MADT_FIRST = 44, SRAT_FIRST = 48 };

/* The size of the entry at `at`; 0: there is none. */
static u32 entry_size(const u8 *bytes, u32 length, u32 at)
{
    bool there = bytes != NULL && at + 2 <= length && bytes[at + 1] >= 2 && bytes[at + 1] <= length - at;
    return there ? bytes[at + 1] : 0;
}

static const struct cpu_entry *kind_of(const u8 *entry, const struct cpu_entry kinds[2])
{
    for (u32 i = 0; i < 2; i++) {
        if (entry[0] == kinds[i].type && entry[1] >= kinds[i].size) {
            return &kinds[i];
        }
    }
    return NULL;
}

void acpi_madt_cpus(const struct acpi_memory *m, u64 madt, struct acpi_cpus *out)
{
    u32 length;
    const u8 *bytes = acpi_open(m, madt, &length);
    out->count = 0;
    for (u32 at = MADT_FIRST, size; (size = entry_size(bytes, length, at)) != 0; at += size) {
        const struct cpu_entry *kind = kind_of(bytes + at, madt_entries);
        u64 id = kind == NULL ? 0 : bytes_get(bytes, at + kind->id, kind->id_bytes);
        if (kind != NULL && id != bits_of_bytes(kind->id_bytes) &&
            (bytes_get(bytes, at + kind->flags, 4) & kind->starts) != 0) {
            add(out, (u32)id);
        }
    }
}

static bool is_one_of(u64 id, const u32 *ids, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static void hide(const struct acpi_memory *m, u64 table, u32 first, const struct cpu_entry kinds[2], const u32 *ids,
                 u32 count)
{
    u32 length;
    u8 *bytes = table == 0 ? NULL : acpi_open(m, table, &length);
    for (u32 at = first, size; bytes != NULL && (size = entry_size(bytes, length, at)) != 0; at += size) {
        const struct cpu_entry *kind = kind_of(bytes + at, kinds);
        if (kind != NULL && is_one_of(bytes_get(bytes, at + kind->id, kind->id_bytes), ids, count)) {
            bytes[at + kind->flags] &= (u8)~kind->starts;
            acpi_fix_sum(bytes, length);
        }
    }
}

void acpi_hide_cpus(const struct acpi_memory *m, const struct acpi_tables *tables, const u32 *ids, u32 count)
{
    hide(m, tables->madt, MADT_FIRST, madt_entries, ids, count);
    hide(m, tables->srat, SRAT_FIRST, srat_entries, ids, count);
}
