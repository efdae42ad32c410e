/*
 * See ept.h and partition.h. Entries that the CPU would refuse as misconfigured (SDM 30.3.3.1) cannot arise: rights
 * and types are checked by iommu/domain, addresses below, and the larger page sizes are used only where CPU and
 * units have them. IPAT is 0, so that the guest's PAT combines (SDM 30.3.7.2).
 */
#include "hv/partition/ept.h"

#include "hv/machine/units.h"
#include "hv/machine/x86.h"
#include "hv/partition/state.h"
#include "hv/vmx/caps.h"
#include "iommu/port.h"

enum {
    LISTED = PROT_READ | PROT_WRITE | PROT_EXEC | EPT_MAP_LISTED,
    LEVELS = 4, WIDTH = 48,
    RETYPE_US = 50,
};

#define MIB (1ull << 20)
#define GIB (1ull << 30)

u32 partition_ept_rights(const struct partition *p, u64 gpa)
{
    return ept_map_rights(&p->ept->map, gpa);
}

/* dma=none: the protected pages are in the CPU's tree only. The config gives one dma= for all. */
static bool diverges(const struct handover *h)
{
    return h->protect_count != 0 && !h->protect[0].dma_read;
}

/* What all remapping units and the CPU share. */
static enum result create_domain(struct partition *p, const struct handover *h, void (*cpu_flush)(void *ctx))
{
    const struct units_common common = units_get_common();
    u64 can = msr_read(MSR_VMX_EPT_VPID);
    u64 sizes = PAGE_SIZE | (can & EPT_2M ? 2 * MIB : 0) | (can & EPT_1G ? GIB : 0);
    const struct domain_config config = {
        .levels = LEVELS, .page_sizes = sizes & common.page_sizes, .coherent = common.coherent,
        .parent = common.nesting, .dma_root = diverges(h), .partition = p->id, .rule_lifted = h->rule_lifted,
        .cpu_flush = cpu_flush};
    if (!(common.levels & 1u << LEVELS)) {
        port_log(LOG_ERROR, "the units have no second stage of 4 levels in common, which the EPT needs");
        return ERR_UNSUPPORTED;
    }
    p->gpa_width = p->physical_width < WIDTH ? p->physical_width : WIDTH;
    p->ept->page_sizes = config.page_sizes;
    return domain_create(&config, &p->domain);
}

static void add(struct ept *e, u64 base, u64 size, u32 prot)
{
    ept_map_add(e->ranges, &e->map.count, base, size, prot);
}

/*
 * All that the firmware lists, its device memory included, and what it need not list: the first MiB, where frame
 * buffer and ROMs are between memory, and PCI configuration space.
 */
static void list_ranges(struct ept *e, const struct handover *h)
{
    add(e, 0, MIB, LISTED);
    for (u32 i = 0; i < h->range_count; i++) {
        const struct memory_range *r = &h->ranges[i];
        if (r->base + r->size > MIB) {
            add(e, r->base, r->size, LISTED);
        }
    }
    if (h->ecam_base != 0) {
        u64 first = h->ecam_first_bus * MIB;
        add(e, h->ecam_base + first, (h->ecam_last_bus + 1) * MIB - first, LISTED);
    }
}

static void list_limits(struct ept *e, const struct sleep_registers *sleep, const struct handover *h)
{
    add(e, h->memory_base, h->memory_size, 0);
    for (u32 i = 0; i < units_count(); i++) {
        struct vtd_unit_info info;
        vtd_unit_get_info(units_get(i), &info);
        add(e, info.base.v, info.window_size, 0);
    }
    for (u32 i = 0; i < sleep->count; i++) {
        add(e, sleep_byte(&sleep->list[i]) & ~PAGE_MASK, sleep->list[i].memory ? PAGE_SIZE : 0, 0);
    }
    for (u32 i = 0; i < h->protect_count; i++) {
        const struct protect_range *p = &h->protect[i];
        add(e, p->base, p->size, PROT_READ | PROT_EXEC);
    }
}

/* Addresses that the CPU does not have would be reserved bits in an entry. */
static enum result check_end(const struct ept *e, const struct handover *h)
{
    if (h->range_count == 0) {
        return OK;
    }
    const struct memory_range *last = &h->ranges[h->range_count - 1];
    u64 end = last->base + last->size;
    if (end <= e->types.limit) {
        return OK;
    }
    port_log(LOG_ERROR, "memory reaches to %llx, beyond what the CPU or its tables can address", end);
    return ERR_UNSUPPORTED;
}

static enum result create(const struct handover *h, struct ept **out)
{
    hpa_t pages;
    enum result r = port_pages_alloc((sizeof(struct ept) + PAGE_MASK) / PAGE_SIZE, &pages);
    if (r != OK) {
        return r;
    }
    struct ept *e = port_hpa_to_ptr(pages);
    e->map.ranges = e->ranges;
    e->map.mtrr = &e->types.now;
    *out = e;
    r = partition_mtrr_load(h->physical_width, &e->types.now);
    e->types.limit = 1ull << (h->physical_width < WIDTH ? h->physical_width : WIDTH);
    e->map.limit = e->types.limit;
    return r == OK ? check_end(e, h) : r;
}

enum result partition_ept_build(struct partition *p, const struct handover *h, void (*cpu_flush)(void *ctx))
{
    enum result r = create(h, &p->ept);
    if (r != OK) {
        return r;
    }
    list_ranges(p->ept, h);
    list_limits(p->ept, &p->sleep, h);
    r = create_domain(p, h, cpu_flush);
    r = r == OK ? ept_map_apply(&p->ept->map, p->domain) : r;
    return r == OK ? partition_ept_map_device(p, msr_read(MSR_APIC_BASE) & ~PAGE_MASK) : r;
}

/*
 * Smaller pages may be there already, from a time when the memory types were others or by an access of another
 * CPU; then only a smaller one fits.
 */
static enum result map_around(struct partition *p, u64 gpa)
{
    struct ept *e = p->ept;
    u64 sizes = e->page_sizes;
    enum result r = ERR_EXISTS;
    e->map.mtrr = ept_types_at(&e->types, gpa);
    struct domain_mapping there;
    while (r == ERR_EXISTS && domain_walk(p->domain, (gpa_t){gpa}, &there) != OK) {
        struct ept_map_run run;
        if (!ept_map_around(&e->map, gpa, sizes, &run)) {
            return ERR_INVALID;
        }
        gpa_t at = {run.gpa};
        r = domain_map(p->domain, at, partition_hpa(p, at), run.size, run.prot, run.type);
        sizes &= run.size - 1;
    }
    return r == ERR_EXISTS ? OK : r;
}

enum result partition_ept_map_device(struct partition *p, u64 gpa)
{
    spin_lock(&p->ept->lock);
    enum result r = map_around(p, gpa);
    spin_unlock(&p->ept->lock);
    return r;
}

bool partition_ept_retype(struct partition *p, const struct mtrr *wanted)
{
    struct ept *e = p->ept;
    spin_lock(&e->lock);
    bool done = ept_types_follow(&e->types, p->domain, wanted, RETYPE_US);
    bool change = e->types.pieces != 0;
    if (done) {
        e->types.pieces = 0;
    }
    spin_unlock(&e->lock);
    if (done && change && domain_flush(p->domain, (gpa_t){0}, 0) != OK) {
        port_log(LOG_ERROR, "a unit has not invalidated the previous memory types");
    }
    return done;
}
