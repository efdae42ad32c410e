/* SPDX-License-Identifier: BSD-2-Clause */
/* See status_table.h. ACPI 6.5 table 5.4. */
#include "boot/acpi_table.h"
#include "boot/status_table.h"

static void put(u8 *to, const void *from, size_t bytes)
{
    const u8 *c = from;
    for (size_t i = 0; i < bytes; i++) {
        to[i] = c[i];
    }
}

u32 status_table_build(const struct status_client *c, u8 table[STATUS_TABLE_BYTES])
{
    static const char oem[] = STATUS_TABLE_OEM STATUS_TABLE_OEM "  "; /* 6 and 8 characters */
    struct {
        char signature[4];
        u32 length;
        u8 revision, sum;
        char oem[14];
        u32 oem_revision;
        char creator[4];
        u32 creator_revision;
        u32 reserved;
    } head = {.length = STATUS_TABLE_SNAPSHOT + status_client_header(c)->bytes, .revision = STATUS_PROTOCOL,
              .oem_revision = STATUS_PROTOCOL, .creator_revision = STATUS_PROTOCOL};
    _Static_assert(sizeof(head) == STATUS_TABLE_SNAPSHOT, "ACPI 6.5 table 5.4, and padding");
    put((u8 *)head.signature, STATUS_TABLE_SIGNATURE, sizeof(head.signature));
    put((u8 *)head.oem, oem, sizeof(head.oem));
    put((u8 *)head.creator, oem, sizeof(head.creator));
    put(table, &head, sizeof(head));
    put(table + sizeof(head), c->snapshot, status_client_header(c)->bytes);
    acpi_fix_sum(table, head.length);
    return head.length;
}
