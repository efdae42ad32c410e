/* See units.h. */
#include "hv/machine/units.h"

#include "hv/guest/cpuid_policy.h"
#include "hv/partition/guest_ops.h"
#include "hv/machine/state.h"
#include "iommu/port.h"
#include "iommu/viommu/viommu.h"

static struct vtd_unit *units[VTD_DMAR_UNITS];
/* Their register pages: looked through at each access. */
static struct { u64 base, size; } windows[VTD_DMAR_UNITS];
static u32 count;
static u32 taken;

enum result units_probe(void)
{
    const struct vtd_dmar *dmar = &handover->dmar;
    for (count = 0; handover->dmar_present && count < dmar->unit_count; count++) {
        const struct vtd_dmar_unit *u = &dmar->units[count];
        struct vtd_unit_info info;
        enum result r = vtd_unit_probe(u->base, u->segment, (u16)count, dmar->haw, &units[count]);
        if (r != OK) {
            return r;
        }
        vtd_unit_get_info(units[count], &info);
        windows[count].base = info.base.v;
        windows[count].size = info.window_size;
    }
    return OK;
}

u32 units_count(void)
{
    return count;
}

struct vtd_unit *units_get(u32 i)
{
    return units[i];
}

void units_get_info(u32 i, struct vtd_unit_info *out)
{
    vtd_unit_get_info(units[i], out);
}

struct units_common units_get_common(void)
{
    struct units_common c = {.page_sizes = ~0ull, .levels = ~0u, .coherent = true,
                             .nesting = count != 0};
    for (u32 i = 0; i < count; i++) {
        struct vtd_unit_info info;
        vtd_unit_get_info(units[i], &info);
        c.page_sizes &= info.ss_page_sizes;
        c.levels &= info.ss_levels;
        c.coherent &= info.coherent;
        c.nesting &= info.nesting;
    }
    return c;
}

/* Memory that a device of this segment may be using right now by the firmware's word. */
static bool has_reserved_regions(u16 segment)
{
    for (u32 i = 0; i < handover->dmar.region_count; i++) {
        if (handover->dmar.regions[i].segment == segment) {
            return true;
        }
    }
    return false;
}

enum result units_take_over(struct partition *p)
{
    for (taken = 0; taken < count; taken++) {
        struct vtd_default def = {0};
        struct vtd_unit_info info;
        enum result r = domain_unit_add(p->domain, units[taken], &def);
        if (r != OK) {
            return r;
        }
        vtd_unit_get_info(units[taken], &info);
        def.rmrr_active = has_reserved_regions(info.segment);
        r = vtd_unit_take_over(units[taken], &def);
        if (r != OK) {
            domain_unit_remove(p->domain, units[taken]);
            return r;
        }
    }
    p->cpuid_features |= count != 0 ? CPUID_NESTOR_DMA_ISOLATION : 0;
    return OK;
}

void units_release(struct partition *p)
{
    while (taken != 0) {
        taken--;
        if (p->viommus[taken] != NULL) {
            viommu_destroy(p->viommus[taken]);
            p->viommus[taken] = NULL;
        }
        /* The domain invalidates its id while the queue still runs. */
        domain_unit_remove(p->domain, units[taken]);
        if (vtd_unit_release(units[taken]) != OK) {
            port_log(LOG_ERROR, "unit %u was not switched off", taken);
        }
    }
}

enum result units_show(struct partition *p)
{
    for (u32 i = 0; i < count; i++) {
        const struct viommu_config config = {
            .unit = units[i], .parent = p->domain, .ops = &guest_ops, .ctx = p,
            .partition = p->id, .gpa_width = p->gpa_width};
        enum result r = viommu_create(&config, &p->viommus[i]);
        if (r != OK) {
            return r;
        }
    }
    p->has_viommus = count != 0;
    p->cpuid_features |= count != 0 ? CPUID_NESTOR_VIOMMU : 0;
    return OK;
}

struct viommu *units_viommu_at(const struct partition *p, u64 gpa, u32 *offset)
{
    for (u32 i = 0; i < count; i++) {
        u64 into = gpa - windows[i].base;
        if (into < windows[i].size) {
            *offset = (u32)into;
            return p->viommus[i];
        }
    }
    return NULL;
}

bool units_run(struct partition *p)
{
    bool left = false;
    for (u32 i = 0; i < count; i++) {
        if (p->viommus[i] != NULL) {
            left |= viommu_run(p->viommus[i], VIOMMU_BUDGET);
        }
    }
    return left;
}

bool units_need_polling(const struct partition *p)
{
    (void)p;
    return taken != 0;
}

/* Records that no vIOMMU takes are read all the same: vtd_fault_next() prints and punishes. */
void units_poll_faults(struct partition *p)
{
    for (u32 i = 0; i < count; i++) {
        struct vtd_fault fault;
        if (p->viommus[i] != NULL) {
            viommu_poll_faults(p->viommus[i]);
            continue;
        }
        for (u32 n = 0; n < 16 && vtd_fault_next(units[i], &fault); n++) {
        }
    }
}
