/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware says that entries of single devices must not ask for: SIDP, VT-d chapter 8. A page walk or an access
 * that is not snooped reads memory, not caches, so such a unit's tables are written back like those of one that never
 * snoops.
 * The default entry serves all other devices; these have entries of their own from the first instant.
 */
#include "iommu/vtd/state.h"

enum { SNOOPS = VTD_SCOPE_NO_PWSNP | VTD_SCOPE_NO_PGSNP };

enum result vtd_unit_limit(struct vtd_unit *unit, u16 sid, u8 flags)
{
    if (unit->limit_count == VTD_LIMITS) {
        return ERR_NO_MEMORY;
    }
    unit->limits[unit->limit_count++] = (struct vtd_limit){sid, flags};
    unit->info.coherent = unit->info.coherent && (flags & VTD_SCOPE_NO_PWSNP) == 0;
    return OK;
}

static u8 find(const struct vtd_unit *unit, u16 sid)
{
    u8 flags = 0;
    for (u32 i = 0; i < unit->limit_count; i++) {
        flags |= unit->limits[i].sid == sid ? unit->limits[i].flags : 0;
    }
    return flags;
}

bool vtd_limit_is_set(const struct vtd_unit *unit, u16 sid)
{
    return (find(unit, sid) & SNOOPS) != 0;
}

enum result vtd_limit_apply(struct vtd_unit *unit, u16 sid, bool without_pasid, struct pasid_entry *e)
{
    u8 flags = find(unit, sid);
    bool nested = pasid_get(e, PASID_PGTT) == PGTT_NESTED;
    if (nested && without_pasid && (flags & VTD_SCOPE_NO_NESTING) != 0) {
        if (limit_due(&unit->limit_refusals)) {
            port_log(LOG_WARNING, "unit %u: %#x must not be nested (SIDP): entry refused (%llu times)",
                     unit->info.index, sid, unit->limit_refusals.count);
        }
        return ERR_UNSUPPORTED;
    }
    if ((flags & VTD_SCOPE_NO_PWSNP) != 0) {
        pasid_set(e, PASID_PWSNP, 0);
    }
    if ((flags & VTD_SCOPE_NO_PGSNP) != 0) {
        pasid_set(e, PASID_PGSNP, 0);
    }
    return OK;
}
