/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source-ids of the functions that partitions beside the root have (handover_function.h): whose is whose, which part of
 * every unit's interrupt table is theirs, and the second stage that their DMA goes through. That is not the EPT: to a
 * device nothing is there but the partition's memory, not even its own registers.
 *
 * A device is attached in every unit of its segment for good, before any guest runs, so that neither ids nor pages can
 * be lacking later. Whether it gets through is said by vtd_own_block().
 */
#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"
#include "iommu/spec/caps.h"

enum { LEVELS = 4, BLOCK = 32, KEPT_MAX = IRTE_TABLE_MAX / 2 };

static const struct handover_function *functions;
static struct vtd_owner owners[HANDOVER_FUNCTIONS];
static u32 count;
static u32 kept;        /* interrupt entries, at the end of each unit's table */

u32 partition_sources_count(void)
{
    return count;
}

u32 partition_sources_behind(const struct partition *p, u32 unit, u16 sids[])
{
    u32 found = 0;
    for (u32 i = 0; p->config->nested_units && i < count; i++) {
        if (functions[i].partition + 1u == p->id && functions[i].unit == unit) {
            sids[found++] = functions[i].source_id;
        }
    }
    return found;
}

u32 partition_sources_messages(const struct handover_function *f)
{
    u32 msi = f->msi != 0 ? f->msi_vectors : 0;
    u32 msix = f->msix != 0 ? f->msix_vectors : 0;
    return !f->interrupts ? 0 : msi > msix ? msi : msix;
}

enum result partition_sources_init(const struct handover *h)
{
    u32 messages = 0;
    functions = h->functions;
    for (u32 i = 0; i < h->function_count; i++) {
        const struct handover_function *f = &h->functions[i];
        const struct handover_partition *owner = &h->partitions[f->partition];
        bool behind = units_count() == 0 || f->unit < units_count();
        if (f->partition >= h->partition_count || f->segment != 0 || !behind) {
            port_log(LOG_ERROR, "function %#x is nobody's that there is", f->source_id);
            return ERR_INVALID;
        }
        owners[i] = (struct vtd_owner){.sid = f->source_id, .name = owner->name,
                                       .keeper = owner->nested_units ? units_get(f->unit) : NULL};
        messages += partition_sources_messages(f);
    }
    count = h->function_count;
    kept = (messages + BLOCK - 1) / BLOCK * BLOCK;
    if (kept > KEPT_MAX) {
        port_log(LOG_ERROR, "functions of partitions have %u interrupt messages, %u can be", messages, KEPT_MAX);
        return ERR_UNSUPPORTED;
    }
    return OK;
}

u32 partition_sources_kept(void)
{
    return kept;
}

u32 partition_sources_entries(u32 function)
{
    u32 first = IRTE_TABLE_MAX - kept;
    for (u32 i = 0; i < function; i++) {
        first += partition_sources_messages(&functions[i]);
    }
    return first;
}

/* What the port above a function lets through, and the function could send: nobody else can have it. */
static bool is_behind_port(const struct handover_function *f, u16 first, u16 last)
{
    return f->behind_port && first <= (f->last_bus << 8 | 0xff) && last >= f->first_bus << 8;
}

bool partition_sources_has(const struct partition *p, u16 first, u16 last)
{
    bool root = p->config == NULL;
    bool behind = false;
    for (u32 i = 0; i < count; i++) {
        if (functions[i].source_id >= first && functions[i].source_id <= last) {
            return !root && first == last && functions[i].partition + 1u == p->id;
        }
        behind |= is_behind_port(&functions[i], first, last);
    }
    return root && !behind && first <= last;
}

bool partition_sources_has_behind(const struct partition *p, u32 unit, u16 sid)
{
    return units_has_functions(unit) ? partition_sources_has(p, sid, sid) : p->config == NULL;
}

u64 partition_sources_faults(const struct partition *p)
{
    u64 faults = 0;
    for (u32 i = 0; i < count; i++) {
        faults += functions[i].partition + 1u == p->id ? __atomic_load_n(&owners[i].faults, __ATOMIC_RELAXED) : 0;
    }
    return faults;
}

bool partition_sources_has_faults(const struct partition *p)
{
    bool has = false;
    for (u32 i = 0; i < count; i++) {
        has |= functions[i].partition + 1u == p->id && __atomic_load_n(&owners[i].kept, __ATOMIC_RELAXED) != 0;
    }
    return has;
}

/* Its memory, in what all units can walk. */
static enum result create_domain(struct partition *p)
{
    const struct units_common common = units_get_common();
    struct domain_config config = {.levels = LEVELS, .fewest_levels = LEVELS, .page_sizes = common.page_sizes,
                                   .coherent = common.coherent, .partition = p->id};
    const struct partition_span *last = &p->spans[p->span_count - 1];
    for (u32 i = 0; i < units_count(); i++) {
        if (units_levels(i, LEVELS) == 0 || (last->gpa + last->size - 1) >> units_width(i, LEVELS) != 0) {
            port_log(LOG_ERROR, "partition %s: unit %u does not translate all of its memory", p->config->name, i);
            return ERR_UNSUPPORTED;
        }
        config.fewest_levels = least(config.fewest_levels, units_levels(i, LEVELS));
    }
    enum result r = domain_create(&config, &p->dma);
    for (u32 i = 0; r == OK && i < p->span_count; i++) {
        const struct partition_span *s = &p->spans[i];
        r = domain_map(p->dma, (gpa_t){s->gpa}, (hpa_t){s->hpa}, s->size, PROT_READ | PROT_WRITE, MEM_WB);
    }
    return r;
}

/* Nothing gets through yet. */
static enum result attach(const struct partition *p, struct vtd_unit *unit, u16 sid)
{
    static const struct vtd_context plain = {.pasids = 0};
    enum result r = vtd_own_add(unit, sid);
    r = r == OK ? vtd_device_open(unit, VTD_ROOT_OWN_OFF, sid, &plain) : r;
    return r == OK ? domain_attach(p->dma, unit, VTD_ROOT_OWN_OFF, sid, VTD_NO_PASID) : r;
}

static enum result attach_to_all(struct partition *p, u16 sid)
{
    enum result r = p->dma == NULL ? create_domain(p) : OK;
    for (u32 i = 0; r == OK && i < units_count(); i++) {
        r = units_has_functions(i) ? attach(p, units_get(i), sid) : OK;
    }
    if (r != OK) {
        port_log(LOG_ERROR, "partition %s: %#x cannot be kept to its memory: %s", p->config->name, sid,
                 result_text(r));
    }
    return r;
}

/* Without that a message would be read as one in compatibility format, and every CPU could be meant. */
static enum result check_units(void)
{
    const struct partition *root = partition_get(0);
    bool remaps = root->has_interrupts && root->interrupts_apart;
    if (count == 0 || (units_count() != 0 && (kept == 0 || remaps))) {
        return OK;
    }
    port_log(LOG_ERROR, "functions of partitions need units%s", remaps ? "" : " that keep interrupts apart");
    return ERR_UNSUPPORTED;
}

/* After all functions are attached. */
static enum result close_rest(const struct handover_function *f)
{
    enum result r = OK;
    for (u32 i = 0; r == OK && f->behind_port && i < units_count(); i++) {
        r = units_has_functions(i) ? vtd_device_close_rest(units_get(i), (u16)(f->first_bus << 8),
                                                           (u16)(f->last_bus << 8 | 0xff)) : OK;
    }
    if (r != OK) {
        port_log(LOG_ERROR, "source-ids behind the port above %#x cannot be closed: %s", f->source_id,
                 result_text(r));
    }
    return r;
}

enum result partition_sources_attach(void)
{
    enum result r = check_units();
    for (u32 i = 0; r == OK && i < count; i++) {
        r = attach_to_all(partition_get(1 + functions[i].partition), functions[i].source_id);
    }
    for (u32 i = 0; r == OK && i < count; i++) {
        r = close_rest(&functions[i]);
    }
    for (u32 i = 0; count != 0 && i < units_count(); i++) {
        vtd_fault_set_owners(units_get(i), owners, units_has_functions(i) ? count : 0);
    }
    return r;
}
