/* See acpi.h. ACPI 6.5 chapter 5.2.12: MADT. */
#include "boot/acpi_table.h"

struct acpi_cpus acpi_madt_cpus(const struct acpi_memory *m, u64 madt)
{
    enum { LOCAL_APIC = 0, LOCAL_X2APIC = 9, ENABLED = 1 };
    struct acpi_cpus cpus = {0};
    u32 length;
    const u8 *bytes = acpi_open(m, madt, &length);
    for (u32 at = 44; bytes != NULL && at + 2 <= length;) {
        u32 size = bytes[at + 1];
        if (size < 2 || size > length - at) {
            break;
        }
        u32 id = 0;
        bool enabled = false;
        if (bytes[at] == LOCAL_APIC && size >= 8) {
            id = bytes[at + 3];
            enabled = (bytes[at + 4] & ENABLED) != 0;
        } else if (bytes[at] == LOCAL_X2APIC && size >= 16) {
            id = (u32)acpi_get(bytes, at + 4, 4);
            enabled = (bytes[at + 8] & ENABLED) != 0;
        }
        cpus.enabled += enabled ? 1 : 0;
        cpus.highest_apic_id = enabled && id > cpus.highest_apic_id ? id : cpus.highest_apic_id;
        at += size;
    }
    return cpus;
}
