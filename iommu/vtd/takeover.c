/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From whatever firmware left to our tables, and back. VT-d 3.4.4, 6.6, 11.4.4.
 *
 * While TES = 0 all DMA is untranslated, as it was before; only Nestor's memory is kept from it (region.c), on all
 * units before the first is taken over. While TES = 1 another root of the same mode may be set live. A change of the
 * mode (from firmware's abort-DMA mode, too) needs CAP.ESRTPS; without it translation goes off for a moment, which
 * the console says: what firmware kept from its devices they reach in that moment, but not Nestor's memory.
 */
#include "iommu/vtd/state.h"

bool vtd_takeover_is_translating(const struct vtd_unit *unit)
{
    return (vtd_regs_read32(unit, VTD_GSTS) & GSTS_TES) != 0;
}

enum result vtd_takeover_protect(struct vtd_unit *unit, hpa_t base, u64 size)
{
    return unit->taken ? ERR_EXISTS : vtd_region_set(unit, base.v, size);
}

/* Translation goes off for the change of mode. */
static enum result change_mode(struct vtd_unit *unit)
{
    port_log(LOG_WARNING, "unit %u: DMA is untranslated while the table mode changes%s", unit->info.index,
             vtd_region_is_on(unit) ? ", Nestor's memory is kept from it" : "");
    enum result r = vtd_regs_switch(unit, GCMD_TE, false);
    r = r == OK ? vtd_root_set(unit, VTD_ROOT_OFF) : r;
    return r == OK ? vtd_regs_switch(unit, GCMD_TE, true) : r;
}

static enum result translate(struct vtd_unit *unit)
{
    bool on = vtd_takeover_is_translating(unit);
    bool same_mode = vtd_rtaddr_ttm(vtd_regs_read64(unit, VTD_RTADDR)) == vtd_root_mode(unit);
    if (on && !same_mode && vtd_cap_get(unit->info.cap, VTD_CAP_ESRTPS) == 0) {
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

/* With a guest that is shown it, firmware's interrupt remapping stays on until there is a table for it. */
static enum result settle_interrupts(struct vtd_unit *unit)
{
    if (!vtd_irt_keep(unit) || unit->def.keep_interrupts) {
        return OK;
    }
    port_log(LOG_INFO, "unit %u: firmware's interrupt remapping is switched off",
             unit->info.index);
    return vtd_irt_disable(unit);
}

/* What its driver, which may go on as a guest, remembers of the unit. */
static void note_what_was_on(struct vtd_unit *unit)
{
    u32 status = vtd_regs_read32(unit, VTD_GSTS);
    unit->info.left = (struct vtd_left){.translating = (status & GSTS_TES) != 0, .queue = (status & GSTS_QIES) != 0,
                                        .rtaddr = vtd_regs_read64(unit, VTD_RTADDR),
                                        .iqa = vtd_regs_read64(unit, VTD_IQA)};
}

/* Drain firmware's queue while the mode it was set up in is still active. */
static enum result prepare(struct vtd_unit *unit)
{
    vtd_regs_write32(unit, VTD_FECTL, EVENT_IM);
    note_what_was_on(unit);
    enum result r = vtd_queue_stop(unit);
    unit->info.left.iqt = vtd_regs_read64(unit, VTD_IQT); /* drained: the head is there, too */
    if (r == OK && !unit->walked) {
        r = vtd_tables_create(unit);
        r = r == OK ? vtd_device_open_limited(unit) : r;
    }
    r = r == OK ? vtd_queue_start(unit) : r;
    return r == OK ? settle_interrupts(unit) : r;
}

/*
 * Undoes whatever was done, in this order: nothing reads our tables, nothing reads our queue, DMA is as free as before.
 * One that fails does not keep the others from being tried.
 */
static enum result back_out(struct vtd_unit *unit)
{
    enum result te = unit->walked ? vtd_regs_switch(unit, GCMD_TE, false) : OK;
    enum result qie = unit->queue_used ? vtd_queue_stop(unit) : OK;
    enum result region = unit->region_set || unit->taken ? vtd_region_end(unit) : OK;
    unit->taken = false;
    unit->walked = unit->walked && te != OK;
    if (te != OK || qie != OK) {
        port_log(LOG_ERROR, "unit %u: does not go off, the memory that it reads is kept", unit->info.index);
    }
    return te != OK ? te : qie != OK ? qie : region;
}

enum result vtd_takeover(struct vtd_unit *unit, const struct vtd_default *def)
{
    if (unit->taken) {
        return ERR_EXISTS;
    }
    if (!unit->walked) {
        vtd_tables_free(unit); /* of an attempt that failed */
        unit->def = *def;
    }
    enum result r = prepare(unit);
    r = r == OK ? translate(unit) : r;
    r = r == OK ? vtd_region_end(unit) : r; /* last: until then it only takes away */
    if (r != OK) {
        (void)back_out(unit); /* has said what there is to say */
        return r;
    }
    forget_faults(unit);
    unit->active = VTD_ROOT_OFF;
    unit->taken = true;
    return OK;
}

/* An interrupt table that could not be taken from the unit (irt.c) is memory that it reads, too. */
enum result vtd_takeover_release(struct vtd_unit *unit)
{
    enum result r = back_out(unit);
    return r == OK && unit->irt_walked ? ERR_BUSY : r;
}
