/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See ept.h and partition.h. Entries that the CPU would refuse as misconfigured (SDM 30.3.3.1) cannot arise: rights
 * and types are checked by iommu/domain, addresses below, and the larger page sizes are used only where CPU and
 * units have them. IPAT is 0, so that the guest's PAT combines (SDM 30.3.7.2).
 */
#include "hv/partition/ept.h"

#include "hv/machine/apic.h"
#include "hv/machine/pool.h"
#include "hv/machine/units.h"
#include "hv/machine/x86.h"
#include "hv/partition/ept_functions.h"
#include "hv/partition/state.h"
#include "hv/vmx/caps.h"
#include "iommu/port.h"

enum {
    LISTED = PROT_READ | PROT_WRITE | PROT_EXEC | EPT_MAP_LISTED,
    LEVELS = 4, LEVELS_MAX = 5,
    RETYPE_US = 50,
    RESERVE = 8,                /* that part of the pool is for memory types, the driver and devices that storm */
};

#define MESSAGES 0xfee00000ull  /* what is stored from here to the end of that MiB may be an interrupt (SDM 12.11.1) */
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

static u32 width_of(u32 levels)
{
    return PAGE_SHIFT + 9 * levels;
}

static u64 end_of(const struct memory_range *r)
{
    return r->base + r->size;
}

/* As few levels as reach all that is listed, and as every unit has at most. */
static u32 choose_levels(const struct handover *h)
{
    u64 end = h->range_count != 0 ? end_of(&h->ranges[h->range_count - 1]) : 0;
    bool deep = end > 1ull << width_of(LEVELS);
    for (u32 i = 0; i < units_count(); i++) {
        deep |= units_levels(i, LEVELS) == 0;
    }
    return deep && (msr_read(MSR_VMX_EPT_VPID) & EPT_WALK_5) != 0 ? LEVELS_MAX : LEVELS;
}

static const struct memory_range *first_above(const struct handover *h, u64 end, bool memory)
{
    for (u32 i = 0; i < h->range_count; i++) {
        const struct memory_range *r = &h->ranges[i];
        if (end_of(r) > end && (r->kind == RANGE_RAM || r->kind == RANGE_FIRMWARE) == memory) {
            return r;
        }
    }
    return NULL;
}

/*
 * A unit that walks fewer levels sees the lowest addresses. Device memory above is not there for its devices; with
 * memory above they could not work. *fewest: of all units.
 */
static enum result check_units(const struct handover *h, u32 levels, u32 *fewest)
{
    u32 told = 0;
    *fewest = levels;
    for (u32 i = 0; i < units_count(); i++) {
        u32 n = units_levels(i, levels);
        u32 width = units_width(i, levels);
        if (n == 0) {
            port_log(LOG_ERROR, "unit %u has no second stage of %u levels or fewer, and so cannot share the EPT", i,
                     levels);
            return ERR_UNSUPPORTED;
        }
        const struct memory_range *memory = first_above(h, 1ull << width, true);
        if (memory != NULL) {
            port_log(LOG_ERROR, "unit %u: its second stage translates %u bits, and there is memory up to 0x%llx, which "
                     "its devices could not reach", i, width, end_of(memory));
            return ERR_UNSUPPORTED;
        }
        const struct memory_range *device = first_above(h, 1ull << width, false);
        if (device != NULL) {
            port_log(told++ < 4 ? LOG_WARNING : LOG_DEBUG,
                     "unit %u: its devices reach %u bits: device memory at 0x%llx and above is not there for them", i,
                     width, device->base);
        }
        *fewest = least(n, *fewest);
    }
    return OK;
}

static u64 cpu_page_sizes(void)
{
    u64 can = msr_read(MSR_VMX_EPT_VPID);
    return PAGE_SIZE | (can & EPT_2M ? 2 * MIB : 0) | (can & EPT_1G ? GIB : 0);
}

/* What all remapping units and the CPU share. */
static enum result create_domain(struct partition *p, const struct handover *h, void (*cpu_flush)(void *ctx))
{
    const struct units_common common = units_get_common();
    u64 sizes = cpu_page_sizes();
    u32 fewest;
    enum result r = check_units(h, p->ept->levels, &fewest);
    if (r != OK) {
        return r;
    }
    const struct domain_config config = {
        .levels = p->ept->levels, .fewest_levels = fewest, .page_sizes = sizes & common.page_sizes,
        .coherent = common.coherent, .parent = h->guest_iommu == GUEST_IOMMU_NESTED, .dma_root = diverges(h),
        .partition = p->id, .rule_lifted = h->rule_lifted, .cpu_flush = cpu_flush, .ctx = p};
    p->gpa_width = least(p->physical_width, width_of(config.levels));
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

static void list_limits(struct ept *e, const struct partition *part, const struct handover *h)
{
    const struct sleep_registers *sleep = &part->sleep;
    add(e, part->apic_page, part->apic_page != 0 ? PAGE_SIZE : 0, 0);
    add(e, MESSAGES, part->shares ? MIB : 0, 0);
    for (u32 i = 0; i < h->partition_count; i++) {
        const struct handover_partition *other = &h->partitions[i];
        add(e, other->memory_base, other->memory_size, 0);
        add(e, other->store_base, other->store_size, 0);
    }
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

static enum result allocate(struct ept **out)
{
    hpa_t pages;
    enum result r = port_pages_alloc((sizeof(struct ept) + PAGE_MASK) / PAGE_SIZE, &pages);
    if (r == OK) {
        struct ept *e = port_hpa_to_ptr(pages);
        e->map.ranges = e->ranges;
        e->map.mtrr = &e->types.now;
        *out = e;
    }
    return r;
}

static enum result create(const struct partition *p, const struct handover *h, struct ept **out)
{
    enum result r = allocate(out);
    if (r != OK) {
        return r;
    }
    struct ept *e = *out;
    r = partition_mtrr_begin(p, &e->types.now);
    e->levels = choose_levels(h);
    e->types.limit = 1ull << least(h->physical_width, width_of(e->levels));
    e->map.limit = e->types.limit;
    return r == OK ? check_end(e, h) : r;
}

enum result partition_ept_build(struct partition *p, const struct handover *h, void (*cpu_flush)(void *ctx))
{
    enum result r = create(p, h, &p->ept);
    if (r != OK) {
        return r;
    }
    list_ranges(p->ept, h);
    list_limits(p->ept, p, h);
    ept_functions_hide(p->ept->ranges, &p->ept->map.count, h);
    r = create_domain(p, h, cpu_flush);
    r = r == OK ? ept_map_apply(&p->ept->map, p->domain) : r;
    return r == OK && !partition_starts_cpus(p) ? partition_ept_map_device(p, apic_page()) : r;
}

static void list_spans(struct ept *e, const struct partition *p)
{
    u64 at = 0;
    for (u32 i = 0; i < p->span_count; i++) {
        const struct partition_span *s = &p->spans[i];
        add(e, at, s->gpa - at, 0);
        add(e, s->gpa, s->size, LISTED);
        at = s->gpa + s->size;
    }
    e->types.limit = e->map.limit = at;
    e->types.spans = p->spans;
    e->types.span_count = p->span_count;
}

static enum result map_spans(const struct partition *p)
{
    enum result r = OK;
    for (u32 i = 0; r == OK && i < p->span_count; i++) {
        const struct partition_span *s = &p->spans[i];
        r = domain_map(p->domain, (gpa_t){s->gpa}, (hpa_t){s->hpa}, s->size, LISTED & ~(u32)EPT_MAP_LISTED, MEM_WB);
    }
    return r;
}

enum result partition_ept_build_spans(struct partition *p, const struct handover *h, void (*cpu_flush)(void *ctx))
{
    enum result r = allocate(&p->ept);
    if (r == OK) {
        r = partition_mtrr_begin(p, &p->ept->types.now);
    }
    if (r != OK) {
        return r;
    }
    const struct domain_config config = {.levels = LEVELS, .page_sizes = cpu_page_sizes(), .coherent = true,
                                         .partition = p->id, .cpu_flush = cpu_flush, .ctx = p};
    list_spans(p->ept, p);
    p->ept->page_sizes = config.page_sizes;
    p->gpa_width = least(p->physical_width, width_of(LEVELS));
    r = domain_create(&config, &p->domain);
    r = r == OK ? map_spans(p) : r;
    return r == OK ? ept_functions_map(p, h) : r;
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

/* A guest can touch more device memory than there is room for tables: the last of the pool is not for that. */
static bool has_room(void)
{
    struct pool_counts pool = pool_get_counts();
    return pool.free >= pool.pages / RESERVE;
}

enum result partition_ept_map_device(struct partition *p, u64 gpa)
{
    spin_lock(&p->ept->lock);
    enum result r = has_room() ? map_around(p, gpa) : ERR_NO_MEMORY;
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
    if (done && change && domain_flush(p->domain, (gpa_t){0}, 0) != OK && limit_due(&e->not_flushed)) {
        port_log(LOG_ERROR, "a unit has not invalidated the memory types of before, and may go on using them");
    }
    return done;
}
