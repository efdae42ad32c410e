/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA of a partition: the machine's units while they translate for it, and the units that its guest sees. */
#include "hv/guest/cpuid_policy.h"
#include "hv/machine/apic.h"
#include "hv/machine/cpu.h"
#include "hv/machine/pool.h"
#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"
#include "iommu/spec/message.h"

/*
 * Interrupt remapping is the guest's to turn on where it has a unit for each of the machine's; a guest wants it from
 * all of them or uses none.
 */
static bool shows_interrupts(const struct partition *p)
{
    return p->guest_iommu != GUEST_IOMMU_NONE && units_get_common().interrupts;
}

/* On all units before the first changes anything: one unit's devices may reach the tables of another. */
static enum result protect(u64 base, u64 size)
{
    u32 untranslated = 0;
    u32 open = 0;
    for (u32 i = 0; i < units_count(); i++) {
        bool translating = vtd_takeover_is_translating(units_get(i));
        enum result r = vtd_takeover_protect(units_get(i), (hpa_t){base}, size);
        if (r != OK && r != ERR_UNSUPPORTED) {
            return r;
        }
        untranslated += translating ? 0 : 1;
        open += !translating && r != OK ? 1 : 0;
    }
    if (untranslated != 0) {
        port_log(open == 0 ? LOG_INFO : LOG_WARNING,
                 "%u of %u units do not translate until they are taken over; %u of them cannot keep DMA from Nestor's "
                 "memory meanwhile", untranslated, units_count(), open);
    }
    return OK;
}

static enum result take_over(struct partition *p, struct vtd_unit *unit)
{
    struct vtd_default def = {0};
    enum result r = domain_unit_add(p->domain, unit, &def);
    if (r != OK) {
        return r;
    }
    def.keep_interrupts = shows_interrupts(p);
    r = vtd_takeover(unit, &def);
    if (r != OK) {
        domain_unit_remove(p->domain, unit);
    }
    return r;
}

enum result partition_dma_take_over(struct partition *p, u64 own_base, u64 own_size)
{
    enum result r = protect(own_base, own_size);
    if (r != OK) {
        return r;
    }
    for (p->units_taken = 0; p->units_taken < units_count(); p->units_taken++) {
        r = take_over(p, units_get(p->units_taken));
        if (r != OK) {
            return r;
        }
    }
    p->cpuid_features |= units_count() != 0 ? CPUID_NESTOR_DMA_ISOLATION : 0;
    return OK;
}

static void destroy_unit(struct partition *p, u32 i)
{
    if (p->viommus[i] != NULL) {
        viommu_destroy(p->viommus[i]);
        p->viommus[i] = NULL;
    }
}

/* All units, for one that failed may still be on, and those behind it keep DMA from Nestor's memory. */
bool partition_dma_release(struct partition *p)
{
    bool off = true;
    for (u32 i = units_count(); i-- != 0;) {
        struct partition *owner;
        for (u32 k = 0; (owner = partition_get(k)) != NULL; k++) {
            destroy_unit(owner, i);
        }
        if (i < p->units_taken) {
            /* The domain invalidates its id while the queue still runs. */
            domain_unit_remove(p->domain, units_get(i));
        }
        if (vtd_takeover_release(units_get(i)) != OK) {
            off = false;
            port_log(LOG_ERROR, "unit %u could not be switched off", i);
        }
    }
    p->units_taken = 0;
    return off;
}

static bool ops_read(void *ctx, gpa_t gpa, void *buf, size_t len)
{
    return partition_memory_read(ctx, gpa, buf, len);
}

static bool ops_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    return partition_memory_is_ram(ctx, gpa, len, out);
}

/*
 * A store of the CPU to FEExxxxxh is no message: the guest's unit interrupts through the local APIC. Not once the
 * partition ends: its next life would find it.
 */
static void ops_interrupt(void *ctx, u64 addr, u32 data)
{
    const struct partition *p = ctx;
    if (!__atomic_load_n(&p->life.ending, __ATOMIC_SEQ_CST)) {
        apic_send_message(addr, data);
    }
}

/* What is asked before any has entered is about firmware's own entries. */
static bool ops_has_cpus(void *ctx, u32 cluster, u32 mask)
{
    const struct partition *p = ctx;
    return cluster == GUEST_ALL_CPUS ? !p->shares : partition_has_targets(p, cluster, mask) || cpu_count() == 0;
}

/* So are all devices, where none is given away. */
static bool ops_has_all_sources(void *ctx, u16 first, u16 last)
{
    (void)ctx;
    return first <= last;
}

static bool ops_has_sources(void *ctx, u16 first, u16 last)
{
    return partition_sources_has(ctx, first, last);
}

/* A partition's memory and interrupts as its units may use them. ctx: the partition. */
#define OPS(sources) {.read = ops_read, .ram = ops_ram, .interrupt = ops_interrupt, .has_cpus = ops_has_cpus, \
                      .has_sources = (sources)}
static const struct guest_ops ops_of_all = OPS(ops_has_all_sources), ops_of_some = OPS(ops_has_sources);
static struct guest_ops ops_of_owner = OPS(ops_has_sources);

static void report_interrupts(void)
{
    struct units_common common = units_get_common();
    if (common.without < units_count()) {
        port_log(LOG_INFO, "unit %u has no interrupt remapping, so the guest is shown none", common.without);
    }
}

/* Before the pool is shared: a table is far larger than what entries take. */
static enum result make_interrupt_tables(const struct partition *p)
{
    enum result r = OK;
    for (u32 i = 0; p->has_interrupts && r == OK && i < units_count(); i++) {
        r = vtd_irt_create(units_get(i));
    }
    return r;
}

/* Of the pool, for units of partitions beside the root. */
static u32 pages_of_owners(void)
{
    const struct partition *p;
    u32 pages = 0;
    for (u32 k = 1; (p = partition_get(k)) != NULL; k++) {
        for (u32 i = 0; i < units_count(); i++) {
            u16 sids[HANDOVER_FUNCTIONS];
            pages += partition_sources_behind(p, i, sids) != 0 ? HANDOVER_UNIT_PAGES : 0;
        }
    }
    return pages;
}

/*
 * Of what CPUs, other partitions and shadows leave free guests' entries may take three quarters: half of that each unit
 * for itself, evenly.
 */
static u32 share_pool(struct partition *p)
{
    u64 free = pool_get_counts().free;
    u64 promised = (u64)p->cpu_pages + p->shadows.pages + pages_of_owners();
    u32 pages = (u32)((free > promised ? free - promised : 0) / 4 * 3);
    p->quota.pages = pages / 2;
    u32 own = units_count() != 0 ? pages / 2 / units_count() : 0;
    return own != 0 ? own : 1; /* 0 would be a default, whatever the pool has */
}

static u32 share_ids(const struct partition *p, u32 i)
{
    struct vtd_unit_info info;
    u32 others = 0;
    vtd_unit_get_info(units_get(i), &info);
    while (partition_get(others + 1) != NULL) {
        others++;
    }
    return units_share_ids(info.domain_ids, others, p->config == NULL);
}

enum result partition_dma_show_units(struct partition *p)
{
    report_interrupts();
    p->has_interrupts = shows_interrupts(p);
    enum result r = make_interrupt_tables(p);
    if (r != OK) {
        return r;
    }
    u32 own = share_pool(p);
    for (u32 i = 0; i < units_count(); i++) {
        bool shared = partition_sources_count() != 0 && units_has_functions(i);
        u32 width = units_width(i, domain_levels(p->domain));
        const struct viommu_config config = {
            .unit = units_get(i), .parent = p->domain, .ctx = p, .partition = p->id,
            .ops = shared ? &ops_of_some : &ops_of_all,
            .gpa_width = least(width, p->gpa_width), .interrupts = p->has_interrupts,
            .shared_unit = shared, .kept_interrupts = partition_sources_kept(),
            .max_bindings = shared ? share_ids(p, i) : 0,
            .max_table_pages = own, .shared = &p->quota,
            .shadows = p->guest_iommu == GUEST_IOMMU_SHADOW ? &p->shadows : NULL};
        r = viommu_create(&config, &p->viommus[i]);
        if (r != OK) {
            return r;
        }
    }
    p->has_viommus = units_count() != 0;
    p->cpuid_features |= units_count() != 0 ? CPUID_NESTOR_VIOMMU : 0;
    return OK;
}

static enum result show_to_owner(struct partition *p, u32 i)
{
    static u16 all[HANDOVER_FUNCTIONS]; /* each is behind one unit */
    static u32 count;
    const struct partition *root = partition_get(0);
    u16 *sids = &all[count];
    u32 own = partition_sources_behind(p, i, sids);
    if (own == 0) {
        return OK;
    }
    count += own;
    const struct viommu_config config = {
        .unit = units_get(i), .parent = p->dma, .ctx = p, .partition = p->id, .ops = &ops_of_owner,
        .gpa_width = least(units_width(i, domain_levels(p->dma)), p->gpa_width), .sids = sids, .sid_count = own,
        .interrupts = root->has_interrupts && root->interrupts_apart,
        .max_bindings = share_ids(p, i), .max_table_pages = HANDOVER_UNIT_TABLES};
    p->has_viommus = true;
    p->guest_iommu = GUEST_IOMMU_NESTED;
    p->cpuid_features |= CPUID_NESTOR_VIOMMU | CPUID_NESTOR_DMA_ISOLATION;
    port_log(LOG_INFO, "partition %s: a unit of its own in place of unit %u, for %u functions", p->config->name, i,
             own);
    return viommu_create(&config, &p->viommus[i]);
}

enum result partition_dma_show_to_owners(const struct guest_ops *messages)
{
    struct partition *p;
    ops_of_owner.interrupts_changed = messages->interrupts_changed;
    ops_of_owner.interrupt_index = messages->interrupt_index;
    enum result r = OK;
    for (u32 k = 1; (p = partition_get(k)) != NULL; k++) {
        for (u32 i = 0; r == OK && i < units_count(); i++) {
            r = show_to_owner(p, i);
        }
    }
    return r;
}

enum result partition_dma_reset(struct partition *p)
{
    enum result r = OK;
    for (u32 i = 0; r == OK && i < units_count(); i++) {
        r = p->viommus[i] != NULL ? viommu_reset(p->viommus[i]) : OK;
    }
    return r;
}

struct viommu *partition_dma_viommu_at(const struct partition *p, u64 gpa, u32 *offset)
{
    u32 i;
    return units_find(gpa, &i, offset) ? p->viommus[i] : NULL;
}

/* What the guest is shown no unit for remaps nothing of its devices', and lets nothing pass. */
static enum result isolate(struct partition *p, u32 i)
{
    return p->viommus[i] != NULL ? viommu_isolate_interrupts(p->viommus[i]) : vtd_irt_isolate(units_get(i));
}

enum result partition_dma_isolate_interrupts(struct partition *p)
{
    for (u32 i = 0; i < units_count(); i++) {
        enum result r = isolate(p, i);
        if (r != OK) {
            port_log(LOG_ERROR, "unit %u: its interrupts cannot be kept from other partitions' CPUs: %s", i,
                     result_text(r));
            return r;
        }
    }
    port_log(LOG_INFO, "partition %u: its devices interrupt CPUs through its own interrupt remapping, or not at "
             "all", p->id);
    return OK;
}

/* In turn, so that a unit that is never done does not keep the others waiting. */
bool partition_dma_run(struct partition *p)
{
    u32 budget = VIOMMU_BUDGET;
    u32 first = p->next_unit;
    bool left = false;
    for (u32 n = 0; n < units_count() && budget != 0; n++) {
        u32 i = (first + n) % units_count();
        if (p->viommus[i] != NULL && viommu_run(p->viommus[i], &budget)) {
            left = true;
            p->next_unit = (i + 1) % units_count();
        }
    }
    return left || budget == 0;
}

bool partition_dma_needs_polling(const struct partition *p)
{
    return p->units_taken != 0;
}

/* Where the root has no unit to take the records they are read all the same: vtd_fault_next() prints and punishes. */
static void poll_faults(const struct partition *p, u32 i)
{
    struct vtd_fault fault;
    if (p->viommus[i] != NULL) {
        viommu_poll_faults(p->viommus[i]);
        return;
    }
    for (u32 n = 0; p->config == NULL && n < 16 && vtd_fault_next(units_get(i), &fault); n++) {
    }
}

void partition_dma_poll_faults(struct partition *p)
{
    for (u32 i = 0; i < units_count(); i++) {
        poll_faults(p, i);
    }
}

void partition_dma_wait(const struct partition *p)
{
    for (u32 i = 0; i < units_count(); i++) {
        struct viommu_registers unused;
        if (p->viommus[i] != NULL) {
            viommu_get_registers(p->viommus[i], &unused);   /* under its lock */
        }
    }
}

void partition_dma_alert(struct partition *p, u32 apic_id)
{
    u64 address = message_event_address(apic_id);
    u32 data = (u32)field_put(MESSAGE_DELIVERY, DELIVERY_NMI);
    for (u32 i = 0; i < p->units_taken; i++) {
        if (p->viommus[i] != NULL) {
            viommu_set_alert(p->viommus[i], address, data);
        } else {
            vtd_alert_init(units_get(i), address, data);
        }
    }
}

bool partition_dma_is_alert(const struct partition *p)
{
    bool is = false;
    for (u32 i = 0; i < p->units_taken; i++) {
        is |= vtd_alert_came(units_get(i));
    }
    return is;
}
