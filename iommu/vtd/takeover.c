/*
 * From whatever firmware left to our tables, and back. VT-d 3.4.4, 6.6, 11.4.4, 11.4.8.
 *
 * While TES = 0 the door is shut before our tables exist, by abort-DMA mode or by a protected
 * memory region over all of memory, unless an RMRR device is active.
 *
 * While TES = 1 another root of the same mode may be set live. A change of the mode (from
 * firmware's abort-DMA mode, too) needs CAP.ESRTPS, which every unit with ECAP.ADMS is expected
 * to have; without it translation goes off for a moment, in which such a region keeps DMA away.
 * Where none of this can be, the console says that there was a window.
 */
#include "iommu/vtd/state.h"

static bool has_cap(const struct vtd_unit *unit, enum vtd_cap_field field)
{
    return vtd_cap_get(unit->info.cap, field) != 0;
}

static enum result enable_regions(struct vtd_unit *unit, bool on)
{
    vtd_regs_write32(unit, VTD_PMEN, on ? PMEN_EPM : 0);
    return vtd_regs_wait32(unit, VTD_PMEN, "PMEN", PMEN_PRS, on ? PMEN_PRS : 0);
}

static bool regions_are_on(const struct vtd_unit *unit)
{
    return (has_cap(unit, VTD_CAP_PLMR) || has_cap(unit, VTD_CAP_PHMR)) &&
           (vtd_regs_read32(unit, VTD_PMEN) & (PMEN_EPM | PMEN_PRS)) != 0;
}

/*
 * The high region over all of memory: it may lie below 4 GiB, too, and what the unit itself
 * reads is not subject to it (VT-d 11.4.8.1, 11.4.8.4). Called while DMA is still translated, so
 * firmware's own regions may go; bases and limits are read-only while any is on.
 */
static enum result protect_all(struct vtd_unit *unit)
{
    enum result r = regions_are_on(unit) ? enable_regions(unit, false) : OK;
    if (r != OK) {
        return r;
    }
    if (has_cap(unit, VTD_CAP_PLMR)) {
        vtd_regs_write32(unit, VTD_PLMBASE, ~0u); /* limit below base: off */
        vtd_regs_write32(unit, VTD_PLMLIMIT, 0);
    }
    vtd_regs_write64(unit, VTD_PHMBASE, 0);
    vtd_regs_write64(unit, VTD_PHMLIMIT, (1ull << unit->info.haw) - 1);
    return enable_regions(unit, true);
}

/* Regions go last: until then they only take away. */
static enum result unprotect(struct vtd_unit *unit)
{
    return regions_are_on(unit) ? enable_regions(unit, false) : OK;
}

static bool translation_is_on(const struct vtd_unit *unit)
{
    return (vtd_regs_read32(unit, VTD_GSTS) & GSTS_TES) != 0;
}

static void say_window(const struct vtd_unit *unit, const char *until)
{
    const char *why = "nothing can keep it away";
    if (unit->def.rmrr_active) {
        why = "a device with reserved memory is active";
    } else if (regions_are_on(unit)) {
        why = "but for firmware's protected memory regions";
    }
    port_log(LOG_WARNING, "unit %u: DMA is untranslated %s (%s)", unit->info.index, until, why);
}

enum door { DOOR_AS_LEFT, DOOR_ABORT, DOOR_REGIONS };

/*
 * Abort-DMA mode needs no tables (VT-d 3.4.4), but a live change of mode afterwards. Regions
 * that firmware has on stay as they are: they could not be changed without being off.
 */
static enum result shut_door(struct vtd_unit *unit, enum door *door)
{
    bool may = !unit->def.rmrr_active;
    bool abort = vtd_ecap_get(unit->info.ecap, VTD_ECAP_ADMS) != 0 &&
                 vtd_is_scalable(unit) && has_cap(unit, VTD_CAP_ESRTPS);
    enum result r = OK;
    *door = DOOR_AS_LEFT;
    if (translation_is_on(unit)) {
        return OK;
    }
    if (may && abort) {
        *door = DOOR_ABORT;
        r = vtd_root_point(unit, field_put(RTADDR_TTM, TTM_ABORT));
        return r == OK ? vtd_regs_switch(unit, GCMD_TE, true) : r;
    }
    if (may && has_cap(unit, VTD_CAP_PHMR) && !regions_are_on(unit)) {
        *door = DOOR_REGIONS;
        return protect_all(unit);
    }
    say_window(unit, "until the tables are set");
    return r;
}

/* As firmware left it: the machine goes on without us. */
static void open_door(struct vtd_unit *unit, enum door door)
{
    enum result r = OK;
    if (door == DOOR_ABORT) {
        r = vtd_regs_switch(unit, GCMD_TE, false);
    } else if (door == DOOR_REGIONS) {
        r = enable_regions(unit, false);
    }
    if (r != OK) {
        port_log(LOG_ERROR, "unit %u: DMA stays blocked", unit->info.index);
    }
}

/* Translation goes off for the change of mode. */
static enum result change_mode(struct vtd_unit *unit)
{
    bool closed = has_cap(unit, VTD_CAP_PHMR) && !unit->def.rmrr_active;
    enum result r = closed ? protect_all(unit) : OK;
    if (r != OK) {
        return r;
    }
    if (!closed) {
        say_window(unit, "while the table mode changes");
    }
    r = vtd_regs_switch(unit, GCMD_TE, false);
    r = r == OK ? vtd_root_set(unit, VTD_ROOT_OFF) : r;
    return r == OK ? vtd_regs_switch(unit, GCMD_TE, true) : r;
}

static enum result translate(struct vtd_unit *unit)
{
    bool on = translation_is_on(unit);
    bool same_mode = vtd_rtaddr_ttm(vtd_regs_read64(unit, VTD_RTADDR)) == vtd_root_mode(unit);
    if (on && !same_mode && !has_cap(unit, VTD_CAP_ESRTPS)) {
        return change_mode(unit);
    }
    enum result r = vtd_root_set(unit, VTD_ROOT_OFF);
    return r == OK && !on ? vtd_regs_switch(unit, GCMD_TE, true) : r;
}

/* Drop faults that firmware left; keep the event masked until a guest unmasks it. */
static void forget_faults(struct vtd_unit *unit)
{
    u32 at = vtd_cap_fault_offset(unit->info.cap);
    u32 count = 0;
    for (u32 i = 0; i < vtd_cap_fault_records(unit->info.cap); i++) {
        hpa_t high = {unit->info.base.v + at + i * sizeof(struct fault_record) + 8};
        if ((port_mmio_read64(high) & field_mask(FRCD_F)) != 0) {
            port_mmio_write32((hpa_t){high.v + 4}, (u32)(field_mask(FRCD_F) >> 32));
            count++;
        }
    }
    if (count != 0) {
        port_log(LOG_INFO, "unit %u: %u fault records that firmware left are dropped%s", unit->info.index,
                 count, (vtd_regs_read32(unit, VTD_FSTS) & FSTS_PFO) != 0 ? ", others had been lost" : "");
    }
    vtd_regs_write32(unit, VTD_FSTS, FSTS_W1C);
}

static enum result drop_interrupt_remapping(struct vtd_unit *unit)
{
    if ((vtd_regs_read32(unit, VTD_GSTS) & GSTS_IRES) == 0) {
        return OK;
    }
    port_log(LOG_INFO, "unit %u: firmware's interrupt remapping is switched off",
             unit->info.index);
    return vtd_regs_switch(unit, GCMD_IRE, false);
}

/* Drain firmware's queue while the mode it was set up in is still active. */
static enum result prepare(struct vtd_unit *unit, enum door *door)
{
    vtd_regs_write32(unit, VTD_FECTL, EVENT_IM);
    enum result r = vtd_queue_stop(unit);
    r = r == OK ? shut_door(unit, door) : r;
    r = r == OK && !unit->walked ? vtd_tables_create(unit) : r;
    r = r == OK ? vtd_queue_start(unit) : r;
    return r == OK ? drop_interrupt_remapping(unit) : r;
}

enum result vtd_takeover(struct vtd_unit *unit, const struct vtd_default *def)
{
    enum door door = DOOR_AS_LEFT;
    if (unit->taken) {
        return ERR_EXISTS;
    }
    if (!unit->walked) {
        vtd_tables_free(unit); /* of an attempt that failed */
        unit->def = *def;
    }
    enum result r = prepare(unit, &door);
    if (r != OK) {
        open_door(unit, door);
        return r;
    }
    r = translate(unit);
    r = r == OK ? unprotect(unit) : r;
    if (r != OK) {
        return r;
    }
    forget_faults(unit);
    unit->active = VTD_ROOT_OFF;
    unit->taken = true;
    return OK;
}

enum result vtd_takeover_release(struct vtd_unit *unit)
{
    enum result r = vtd_regs_switch(unit, GCMD_TE, false);
    enum result q = vtd_queue_stop(unit);
    unit->taken = false;
    unit->walked = r != OK || q != OK;
    return r != OK ? r : q;
}
