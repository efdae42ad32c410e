/* SPDX-License-Identifier: BSD-2-Clause */
/* See acpi.h. ACPI 6.5 chapter 5.2.12: MADT. */
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

void acpi_madt_cpus(const struct acpi_memory *m, u64 madt, struct acpi_cpus *out)
{
    enum { FIRST = 44, LOCAL_APIC = 0, LOCAL_X2APIC = 9, CAN_START = 1 | 2, NO_APIC = 0xff };
    u32 length;
    const u8 *bytes = acpi_open(m, madt, &length);
    out->count = 0;
    for (u32 at = FIRST; bytes != NULL && at + 2 <= length;) {
        u32 size = bytes[at + 1];
        if (size < 2 || size > length - at) {
            break;
        }
        if (bytes[at] == LOCAL_APIC && size >= 8 && bytes[at + 3] != NO_APIC &&
            (bytes_get(bytes, at + 4, 4) & CAN_START) != 0) {
            add(out, bytes[at + 3]);
        } else if (bytes[at] == LOCAL_X2APIC && size >= 16 && bytes_get(bytes, at + 4, 4) != ~0u &&
                   (bytes_get(bytes, at + 8, 4) & CAN_START) != 0) {
            add(out, (u32)bytes_get(bytes, at + 4, 4));
        }
        at += size;
    }
}
