/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping: a unit's table, the way to it and back, VT-d 5.1, 6.7, 9.9, 11.4.4 and 11.4.10. What an entry
 * says is decided above. A table has all the entries that an index can name, so that any guest's index has a place.
 *
 * An entry that hardware may be fetching is changed by CMPXCHG16B: no half of it is ever seen with the other half of
 * another, and the vector registers, which could store 16 bytes as well, are the guest's while Nestor runs.
 */
#include "iommu/vtd/state.h"

enum {
    TABLE_BYTES = IRTE_TABLE_MAX * sizeof(struct irte),
    TABLE_PAGES = TABLE_BYTES / PAGE_SIZE,
    TABLE_S = 15,
};

/* A part (Xeon E7 v2) wants a table aligned to its size; the pool knows pages alone. */
static enum result new_table(hpa_t *out)
{
    hpa_t at;
    enum result r = port_pages_alloc(2 * TABLE_PAGES - 1, &at);
    if (r != OK) {
        return r;
    }
    out->v = (at.v + TABLE_BYTES - 1) & ~(u64)(TABLE_BYTES - 1);
    u32 before = (u32)((out->v - at.v) / PAGE_SIZE);
    u32 behind = TABLE_PAGES - 1 - before;
    if (before != 0) {
        port_pages_free(at, before);
    }
    if (behind != 0) {
        port_pages_free((hpa_t){out->v + TABLE_BYTES}, behind);
    }
    return OK;
}

enum result vtd_irt_create(struct vtd_unit *unit)
{
    if (vtd_ecap_get(unit->info.ecap, VTD_ECAP_IR) == 0) {
        return ERR_UNSUPPORTED;
    }
    hpa_t table = unit->irt;
    enum result r = table.v == 0 ? new_table(&table) : OK;
    unit->irt = r == OK ? table : unit->irt;
    return r;
}

void vtd_irt_free(struct vtd_unit *unit)
{
    if (unit->irt.v != 0) {
        port_pages_free(unit->irt, TABLE_PAGES);
        unit->irt.v = 0;
    }
}

static struct irte *entry_at(const struct vtd_unit *unit, u32 index)
{
    return (struct irte *)port_hpa_to_ptr(unit->irt) + index;
}

const struct irte *vtd_irt_entries(const struct vtd_unit *unit)
{
    return entry_at(unit, 0);
}

void vtd_irt_set(struct vtd_unit *unit, u32 index, const struct irte *e)
{
    struct irte *to = entry_at(unit, index);
    vtd_store128(to->w, e->w[0], e->w[1]);
    vtd_store_flush(unit, to, sizeof(*to));
}

static bool is_on(const struct vtd_unit *unit)
{
    return (vtd_regs_read32(unit, VTD_GSTS) & GSTS_IRES) != 0;
}

static bool takes_with_invalidation(const struct vtd_unit *unit)
{
    return vtd_cap_get(unit->info.cap, VTD_CAP_ESIRTPS) != 0;
}

static enum result invalidate(struct vtd_unit *unit)
{
    const struct vtd_desc all = vtd_desc_interrupt_entry_global();
    return vtd_queue_run(unit, &all, 1);
}

enum result vtd_irt_invalidate(struct vtd_unit *unit, u32 first, u32 count)
{
    const struct vtd_desc one = vtd_desc_interrupt_entries((u16)first, 0);
    spin_lock(&unit->lock);
    enum result r = vtd_regs_flush_buffer(unit);
    if (r == OK) {
        r = count == 1 ? vtd_queue_run(unit, &one, 1) : invalidate(unit);
    }
    spin_unlock(&unit->lock);
    return r;
}

/* IRTA becomes that, and nothing cached under the one before is used any more (VT-d 6.7). */
static enum result point(struct vtd_unit *unit, u64 irta)
{
    vtd_regs_write64(unit, VTD_IRTA, irta);
    enum result r = vtd_regs_command(unit, GCMD_SIRTP);
    return r == OK && !takes_with_invalidation(unit) ? invalidate(unit) : r;
}

static enum result enable(struct vtd_unit *unit, bool eime)
{
    enum result r = vtd_regs_flush_buffer(unit);
    if (r == OK) {
        unit->irt_walked = true;
        r = point(unit, unit->irt.v | field_put(IRTA_EIME, eime) | field_put(IRTA_S, TABLE_S));
    }
    if (r == OK && !is_on(unit)) {
        r = vtd_regs_switch(unit, GCMD_IRE, true);
    }
    return r;
}

enum result vtd_irt_enable(struct vtd_unit *unit, bool eime)
{
    spin_lock(&unit->lock);
    enum result r = enable(unit, eime);
    spin_unlock(&unit->lock);
    return r;
}

/* EIME outlives IRES, and the unit's own events go by it (VT-d 11.4.10): both end here. */
static enum result disable(struct vtd_unit *unit)
{
    enum result r = is_on(unit) && !takes_with_invalidation(unit) ? invalidate(unit) : OK;
    r = r == OK ? vtd_regs_switch(unit, GCMD_IRE, false) : r;
    u64 irta = vtd_regs_read64(unit, VTD_IRTA);
    if (r == OK && field_get(&irta, IRTA_EIME) != 0) {
        r = point(unit, irta & ~FIELD_MASK(IRTA_EIME));
    }
    if (r == OK) {
        unit->irt_walked = false;
        unit->firmware_irt = false;
    }
    return r;
}

enum result vtd_irt_disable(struct vtd_unit *unit)
{
    spin_lock(&unit->lock);
    enum result r = disable(unit);
    spin_unlock(&unit->lock);
    return r;
}

enum result vtd_irt_pass_compatibility(struct vtd_unit *unit, bool pass)
{
    spin_lock(&unit->lock);
    enum result r = vtd_regs_switch(unit, GCMD_CFI, pass);
    spin_unlock(&unit->lock);
    return r;
}

/* EIME changes while nothing is remapped (VT-d 11.4.10). */
enum result vtd_irt_isolate(struct vtd_unit *unit)
{
    if (vtd_ecap_get(unit->info.ecap, VTD_ECAP_EIM) == 0) {
        return ERR_UNSUPPORTED;
    }
    enum result r = vtd_irt_create(unit);
    spin_lock(&unit->lock);
    u64 irta = vtd_regs_read64(unit, VTD_IRTA);
    if (r == OK && is_on(unit) && field_get(&irta, IRTA_EIME) == 0) {
        r = disable(unit);
    }
    r = r == OK ? enable(unit, true) : r;
    r = r == OK ? vtd_regs_switch(unit, GCMD_CFI, false) : r;
    spin_unlock(&unit->lock);
    return r;
}

bool vtd_irt_keep(struct vtd_unit *unit)
{
    unit->firmware_irt = is_on(unit);
    unit->firmware_irta = vtd_regs_read64(unit, VTD_IRTA);
    return unit->firmware_irt;
}

bool vtd_irt_get_firmware(const struct vtd_unit *unit, u64 *irta, bool *compatibility)
{
    *irta = unit->firmware_irta;
    *compatibility = (vtd_regs_read32(unit, VTD_GSTS) & GSTS_CFIS) != 0;
    return unit->firmware_irt;
}

enum result vtd_irt_restore(struct vtd_unit *unit)
{
    spin_lock(&unit->lock);
    enum result r = point(unit, unit->firmware_irta);
    unit->irt_walked = r != OK;
    spin_unlock(&unit->lock);
    return r;
}
