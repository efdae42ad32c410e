/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which root table a unit walks: RTADDR and SRTP, VT-d 11.4.5 and 6.6, and what has to be forgotten when it
 * is another.
 */
#include "iommu/vtd/state.h"

enum vtd_ttm vtd_root_mode(const struct vtd_unit *unit)
{
    return vtd_is_scalable(unit) ? TTM_SCALABLE : TTM_LEGACY;
}

enum result vtd_root_point(struct vtd_unit *unit, u64 rtaddr)
{
    vtd_regs_write64(unit, VTD_RTADDR, rtaddr);
    u64 held = vtd_regs_read64(unit, VTD_RTADDR);
    if (held != rtaddr) {
        /* The unit has fewer address bits than DMAR says, and would walk something else. */
        port_log(LOG_ERROR, "unit %u: RTADDR holds 0x%llx of 0x%llx, so it cannot walk our tables", unit->info.index,
                 held, rtaddr);
        return ERR_INVALID;
    }
    return vtd_regs_command(unit, GCMD_SRTP);
}

enum result vtd_root_set(struct vtd_unit *unit, enum vtd_root root)
{
    enum result r = vtd_regs_flush_buffer(unit);
    if (r != OK) {
        return r;
    }
    unit->walked = true;
    r = vtd_root_point(unit, unit->tables[root].root.v | field_put(RTADDR_TTM, vtd_root_mode(unit)));
    /*
     * With CAP.ESRTPS it has forgotten all. The first time RTPS may be firmware's: that the queue runs shows that
     * writes arrive.
     */
    if (r == OK && (vtd_cap_get(unit->info.cap, VTD_CAP_ESRTPS) == 0 || !unit->taken)) {
        r = vtd_inval_all(unit);
    }
    return r;
}

enum result vtd_root_select(struct vtd_unit *unit, enum vtd_root root)
{
    if (unit->tables[root].root.v == 0) {
        return ERR_UNSUPPORTED;
    }
    spin_lock(&unit->lock);
    enum result r = OK;
    if (unit->active != root) {
        r = vtd_root_set(unit, root);
        unit->active = r == OK ? root : unit->active;
    }
    spin_unlock(&unit->lock);
    return r;
}

enum result vtd_root_clear_guest(struct vtd_unit *unit, const struct vtd_sources *own)
{
    if (unit->tables[VTD_ROOT_GUEST].root.v == 0) {
        return ERR_UNSUPPORTED;
    }
    spin_lock(&unit->lock);
    enum result r = unit->active == VTD_ROOT_GUEST ? ERR_BUSY : vtd_inval_all(unit);
    if (r == OK) {
        /* Not the active root, nothing of it cached: nobody walks these pages. */
        vtd_tables_empty(unit, VTD_ROOT_GUEST, own);
    }
    spin_unlock(&unit->lock);
    return r;
}
