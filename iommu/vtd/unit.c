/*
 * A unit's registers: probing, the register protocol with bounded waits, and the
 * facts that the rest of the driver goes by. VT-d 11.4 (rev 5.10).
 */
#include "iommu/vtd/state.h"

u32 vtd_read32(const struct vtd_unit *unit, enum vtd_reg32 reg)
{
    return port_mmio_read32((hpa_t){unit->info.base.v + (u32)reg});
}

u64 vtd_read64(const struct vtd_unit *unit, enum vtd_reg64 reg)
{
    return port_mmio_read64((hpa_t){unit->info.base.v + (u32)reg});
}

void vtd_write32(const struct vtd_unit *unit, enum vtd_reg32 reg, u32 value)
{
    port_mmio_write32((hpa_t){unit->info.base.v + (u32)reg}, value);
}

void vtd_write64(const struct vtd_unit *unit, enum vtd_reg64 reg, u64 value)
{
    port_mmio_write64((hpa_t){unit->info.base.v + (u32)reg}, value);
}

enum result vtd_wait32(const struct vtd_unit *unit, enum vtd_reg32 reg, const char *name, u32 mask,
                       u32 want)
{
    u64 end = port_now_us() + VTD_TIMEOUT_US;
    u32 value;
    while (((value = vtd_read32(unit, reg)) & mask) != want) {
        if (port_now_us() > end) {
            port_log(LOG_ERROR, "unit %u: %s is 0x%08x, bits 0x%08x did not become 0x%08x",
                     unit->info.index, name, value, mask, want);
            return ERR_TIMEOUT;
        }
        port_relax();
    }
    return OK;
}

enum result vtd_gcmd_set(struct vtd_unit *unit, enum vtd_gcmd bit, bool on)
{
    u32 base = vtd_read32(unit, VTD_GSTS) & GSTS_STICKY;
    u32 mask = (u32)bit;
    vtd_write32(unit, VTD_GCMD, on ? base | mask : base & ~mask);
    return vtd_wait32(unit, VTD_GSTS, "GSTS", mask, on ? mask : 0);
}

enum result vtd_gcmd_once(struct vtd_unit *unit, enum vtd_gcmd bit)
{
    u32 base = vtd_read32(unit, VTD_GSTS) & GSTS_STICKY;
    vtd_write32(unit, VTD_GCMD, base | (u32)bit);
    /* RTPS rises when the pointer is taken; WBFS falls when the buffer is empty. */
    return vtd_wait32(unit, VTD_GSTS, "GSTS", (u32)bit, bit == GCMD_SRTP ? (u32)bit : 0);
}

void vtd_flush_table(const struct vtd_unit *unit, const void *p, size_t bytes)
{
    if (!unit->info.coherent) {
        port_flush_lines(p, bytes);
    }
}

enum result vtd_flush_buffer(struct vtd_unit *unit)
{
    return vtd_cap_get(unit->info.cap, VTD_CAP_RWBF) != 0 ? vtd_gcmd_once(unit, GCMD_WBF) : OK;
}

/* NULL, or what makes the capabilities unusable. */
static const char *capability_fault(u32 ver, u64 cap, u64 ecap, u32 haw)
{
    const char *why;
    if (ver == ~0u || cap == ~0ull || ecap == ~0ull) {
        return "no unit answers there";
    }
    if (haw < 32 || haw > 52) {
        return "the host address width is not 32 to 52 bits";
    }
    if (vtd_caps_ability(cap, ecap, &why) == VTD_ABILITY_NONE) {
        return why;
    }
    if (vtd_cap_get(cap, VTD_CAP_SSLPS) == 2) {
        return "1 GiB pages without 2 MiB pages (CAP.SSLPS)";
    }
    if (vtd_cap_fault_offset(cap) < VTD_PEUADDR + 4) {
        return "its fault records lie over other registers (CAP.FRO)";
    }
    if (vtd_ecap_get(ecap, VTD_ECAP_SMTS) != 0 && vtd_cap_get(cap, VTD_CAP_RWBF) != 0) {
        return "a write buffer in scalable mode (CAP.RWBF)";
    }
    return NULL;
}

static void fill_info(struct vtd_unit_info *info, u64 cap, u64 ecap)
{
    const char *why;
    enum vtd_ability ability = vtd_caps_ability(cap, ecap, &why);
    info->cap = cap;
    info->ecap = ecap;
    info->window_size = vtd_caps_register_bytes(cap, ecap);
    info->mode = ability == VTD_ABILITY_LEGACY ? VTD_MODE_LEGACY : VTD_MODE_SCALABLE;
    info->nesting = ability == VTD_ABILITY_NESTED;
    /* Root to PASID tables go by C, what a PASID entry points to by SMPWCS (VT-d 11.4.3). */
    info->coherent = vtd_ecap_get(ecap, VTD_ECAP_C) != 0 &&
                     (info->mode == VTD_MODE_LEGACY || vtd_ecap_get(ecap, VTD_ECAP_SMPWCS) != 0);
    info->ss_levels = vtd_cap_ss_levels(cap);
    info->fs_levels = vtd_caps_fs_levels(cap, ecap);
    info->ss_page_sizes = vtd_cap_ss_page_sizes(cap);
    info->domain_ids = vtd_cap_domain_ids(cap);
}

enum result vtd_unit_probe(hpa_t base, u16 segment, u16 index, u32 haw, struct vtd_unit **out)
{
    u64 cap = port_mmio_read64((hpa_t){base.v + VTD_CAP});
    u64 ecap = port_mmio_read64((hpa_t){base.v + VTD_ECAP});
    u32 ver = port_mmio_read32((hpa_t){base.v + VTD_VER});
    const char *fault = capability_fault(ver, cap, ecap, haw);
    if (fault != NULL) {
        port_log(LOG_ERROR, "unit %u at 0x%llx is not usable: %s (CAP 0x%llx, ECAP 0x%llx)", index, base.v,
                 fault, cap, ecap);
        return ERR_UNSUPPORTED;
    }
    hpa_t page;
    enum result r = port_pages_alloc(1, &page);
    if (r != OK) {
        return r;
    }
    struct vtd_unit *unit = port_hpa_to_ptr(page);
    unit->info = (struct vtd_unit_info){
        .base = base, .segment = segment, .index = index, .ver = ver, .haw = haw};
    fill_info(&unit->info, cap, ecap);
    unit->self = page;
    *out = unit;
    return OK;
}

void vtd_unit_get_info(const struct vtd_unit *unit, struct vtd_unit_info *out)
{
    *out = unit->info;
}

void vtd_unit_destroy(struct vtd_unit *unit)
{
    if (unit->walked) {
        port_log(LOG_ERROR, "unit %u: still on, its tables are not given back", unit->info.index);
        return;
    }
    vtd_fault_free(unit);
    vtd_tables_free(unit);
    if (unit->queue.v != 0) {
        port_pages_free(unit->queue, 1u << VTD_QUEUE_ORDER);
    }
    port_pages_free(unit->self, 1);
}

u32 vtd_event_read(struct vtd_unit *unit, u32 offset)
{
    return port_mmio_read32((hpa_t){unit->info.base.v + offset});
}

void vtd_event_write(struct vtd_unit *unit, u32 offset, u32 value)
{
    port_mmio_write32((hpa_t){unit->info.base.v + offset}, value);
}
