/* SPDX-License-Identifier: BSD-2-Clause */
/* See units.h. */
#include "hv/machine/units.h"

#include "iommu/spec/caps.h"

static bool platform_remaps; /* interrupts, as firmware says */
static struct vtd_unit *units[VTD_DMAR_UNITS];
/* All of their register pages, named by a capability or not: looked through at each access. */
static struct { u64 base, size; } windows[VTD_DMAR_UNITS];
static u16 segments[VTD_DMAR_UNITS];
static u32 count;

enum result units_probe(const struct vtd_dmar *dmar)
{
    platform_remaps = dmar != NULL && dmar->intr_remap;
    for (count = 0; dmar != NULL && count < dmar->unit_count; count++) {
        const struct vtd_dmar_unit *u = &dmar->units[count];
        enum result r = vtd_unit_probe(u->base, u->segment, (u16)count, dmar->haw, &units[count]);
        if (r != OK) {
            return r;
        }
        struct vtd_unit_info info;
        vtd_unit_set_window(units[count], u->window_size);
        vtd_unit_get_info(units[count], &info);
        segments[count] = info.segment;
        windows[count].base = info.base.v;
        windows[count].size = info.window_size;
    }
    return OK;
}

enum result units_limit(const struct device_limit *limits, u32 limit_count)
{
    enum result r = OK;
    for (u32 i = 0; i < count; i++) {
        struct vtd_unit_info info;
        vtd_unit_get_info(units[i], &info);
        for (u32 k = 0; r == OK && k < limit_count; k++) {
            if (limits[k].segment == info.segment) {
                r = vtd_unit_limit(units[i], limits[k].sid, limits[k].flags);
            }
        }
    }
    return r;
}

u32 units_count(void)
{
    return count;
}

struct vtd_unit *units_get(u32 i)
{
    return units[i];
}

bool units_has_functions(u32 i)
{
    return segments[i] == 0;
}

bool units_find(u64 addr, u32 *i, u32 *offset)
{
    for (*i = 0; *i < count; ++*i) {
        u64 into = addr - windows[*i].base;
        if (into < windows[*i].size) {
            *offset = (u32)into;
            return true;
        }
    }
    return false;
}

u32 units_levels(u32 i, u32 levels)
{
    struct vtd_unit_info info;
    vtd_unit_get_info(units[i], &info);
    while (levels != 0 && (info.ss_levels >> levels & 1) == 0) {
        levels--;
    }
    return levels;
}

u32 units_width(u32 i, u32 levels)
{
    struct vtd_unit_info info;
    vtd_unit_get_info(units[i], &info);
    return vtd_cap_ss_width(info.cap, units_levels(i, levels));
}

u32 units_share_ids(u32 domain_ids, u32 others, bool root)
{
    enum { NONE_AND_ROOT = 2 };
    u32 left = domain_ids - least(domain_ids, others + NONE_AND_ROOT);
    u32 each = others != 0 ? least(left / 2 / others, HANDOVER_UNIT_ENTRIES) : 0;
    each += others != 0 && each == 0 ? 1 : 0;
    u32 rest = left - least(left, each * others);
    return !root ? each : rest != 0 ? rest : 1;
}

struct units_common units_get_common(void)
{
    struct units_common c = {.page_sizes = ~0ull, .coherent = true, .nesting = count != 0, .without = count};
    for (u32 i = 0; i < count; i++) {
        struct vtd_unit_info info;
        vtd_unit_get_info(units[i], &info);
        c.page_sizes &= info.ss_page_sizes;
        c.coherent &= info.coherent;
        c.nesting &= info.nesting;
        bool remaps = vtd_ecap_get(info.ecap, VTD_ECAP_IR) != 0;
        c.without = !remaps && i < c.without ? i : c.without;
    }
    c.interrupts = count != 0 && c.without == count && platform_remaps;
    return c;
}
