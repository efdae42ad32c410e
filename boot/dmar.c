/* SPDX-License-Identifier: BSD-2-Clause */
/* See dmar.h. */
#include "boot/dmar.h"

#include "drivers/format.h"

bool dmar_take(const void *table, size_t size, struct vtd_dmar *dmar, char *why, size_t why_size)
{
    struct vtd_dmar_error e;
    if (size == 0) {
        format_text(why, why_size, "no DMAR table: no VT-d, or it is turned off in the firmware's set-up");
        return false;
    }
    if (vtd_dmar_parse(table, size, dmar, &e) != OK) {
        format_text(why, why_size, "malformed DMAR table, offset 0x%x: %s is %llu (0x%llx), %s", e.offset, e.what,
                    e.found, e.found, e.expected);
        return false;
    }
    return true;
}
