/* SPDX-License-Identifier: BSD-2-Clause */
/* A unit from its probe to its end, and the facts that the rest of the driver goes by. VT-d 11.4. */
#include "iommu/vtd/state.h"

enum { LARGEST_WINDOW = 64 << 10 }; /* seen on clients from 2024 on, with registers of their own in each page */

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
    info->window_size = LARGEST_WINDOW;
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

void vtd_unit_set_window(struct vtd_unit *unit, u32 bytes)
{
    u32 least = vtd_caps_register_bytes(unit->info.cap, unit->info.ecap);
    unit->info.window_size = bytes > least ? bytes : least;
}

void vtd_unit_get_info(const struct vtd_unit *unit, struct vtd_unit_info *out)
{
    *out = unit->info;
}

void vtd_unit_destroy(struct vtd_unit *unit)
{
    if (unit->walked || unit->queue_used || unit->irt_walked) {
        port_log(LOG_ERROR, "unit %u: still on, its tables are not given back", unit->info.index);
        return;
    }
    vtd_storm_free(unit);
    vtd_tables_free(unit);
    vtd_irt_free(unit);
    if (unit->queue.v != 0) {
        port_pages_free(unit->queue, 1u << VTD_QUEUE_ORDER);
    }
    port_pages_free(unit->self, 1);
}
