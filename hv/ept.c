/* See ept.h. */
#include "hv/ept.h"

#include "hv/kick.h"
#include "hv/state.h"
#include "hv/units.h"
#include "hv/x86.h"
#include "iommu/port.h"

#define LARGE (2ull << 20)
#define EPT_1G (1ull << 17)

bool ept_is_hole(u64 gpa)
{
    if (gpa - handover->memory_base < handover->memory_size) {
        return true;
    }
    for (u32 i = 0; i < units_count(); i++) {
        struct vtd_unit_info info;
        units_get_info(i, &info);
        if (gpa - info.base.v < info.window_size) {
            return true;
        }
    }
    return false;
}

static enum result create_domain(struct partition *p)
{
    const struct units_common common = units_get_common();
    u64 sizes = PAGE_SIZE | LARGE | (msr_read(MSR_VMX_EPT_VPID) & EPT_1G ? 1ull << 30 : 0);
    const struct domain_config config = {
        .levels = 4, .page_sizes = sizes & common.page_sizes, .coherent = common.coherent,
        .parent = common.nesting, .dma_root = false, .partition = p->id,
        .cpu_flush = kick_invalidate};
    if (!(common.levels & 1u << 4)) {
        port_log(LOG_ERROR, "the units share no second stage of 4 levels, as the EPT has");
        return ERR_UNSUPPORTED;
    }
    p->gpa_width = 48;
    return domain_create(&config, &p->domain);
}

static enum result map_range(struct partition *p, u64 base, u64 end, enum mem_type type)
{
    while (base < end) {
        u64 stop = end;
        if (base - handover->memory_base < handover->memory_size) {
            base = handover->memory_base + handover->memory_size;
            continue;
        }
        if (base < handover->memory_base && handover->memory_base < end) {
            stop = handover->memory_base;
        }
        enum result r = domain_map(p->domain, (gpa_t){base}, (hpa_t){base}, stop - base,
                                   PROT_READ | PROT_WRITE | PROT_EXEC, type);
        if (r != OK) {
            return r;
        }
        base = stop;
    }
    return OK;
}

enum result ept_build(struct partition *p)
{
    enum result r = create_domain(p);
    for (u32 i = 0; r == OK && i < handover->range_count; i++) {
        const struct memory_range *m = &handover->ranges[i];
        port_log(LOG_DEBUG, "range %llx %llx %u", (unsigned long long)m->base, (unsigned long long)m->size, m->kind);
        if (m->kind != RANGE_MMIO) {
            r = map_range(p, m->base, m->base + m->size, MEM_WB);
        }
    }
    return r;
}

enum result ept_map_device(struct partition *p, u64 gpa)
{
    u64 page = gpa & ~PAGE_MASK;
    return domain_map(p->domain, (gpa_t){page}, (hpa_t){page}, PAGE_SIZE,
                      PROT_READ | PROT_WRITE | PROT_EXEC, MEM_UC);
}
