/* SPDX-License-Identifier: BSD-2-Clause */
/* See status.h. A part of a report is what one call of report() adds to the snapshot; window.h bounds what it costs. */
#include "hv/exit/status.h"

#include "hv/exit/exit.h"
#include "hv/exit/status_dump.h"
#include "hv/exit/status_partition.h"
#include "hv/guest/cpuid_policy.h"
#include "hv/machine/log.h"
#include "hv/machine/memory_map.h"
#include "hv/machine/pool.h"
#include "hv/machine/time.h"
#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "iommu/port.h"

enum { SNAPSHOT_PAGES = STATUS_SNAPSHOT / PAGE_SIZE, PAGES = 1 + STATUS_SESSIONS * SNAPSHOT_PAGES };
_Static_assert(sizeof(struct window) <= PAGE_SIZE, "a page, then the snapshots");

static const struct handover *machine;

/* --- the ports --- */

bool exit_status_is_port(const struct partition *p, u16 port, u32 size)
{
    u32 into = port + size - 1u - p->status_port;
    return p->status != NULL && into < STATUS_PORT_BYTES + size - 1;
}

void exit_status_refuse(struct vcpu *v, u16 port, u32 size)
{
    if (limit_due(&v->partition->refused_status)) {
        port_log(LOG_WARNING, "CPU %u: access of %u bytes to port 0x%x of the status window refused", v->index, size,
                 port);
    }
}

static bool is_proper(struct vcpu *v, u16 port, u32 size)
{
    bool proper = size == sizeof(u32) && (port - v->partition->status_port) % sizeof(u32) == 0;
    if (!proper) {
        exit_status_refuse(v, port, size);
    }
    return proper;
}

u32 exit_status_in(struct vcpu *v, u16 port, u32 size)
{
    struct partition *p = v->partition;
    u32 offset = port - (u32)p->status_port;
    return is_proper(v, port, size) ? window_read(p->status, &v->status_select, offset, p) : ~0u;
}

void exit_status_out(struct vcpu *v, u16 port, u32 size, u32 value)
{
    struct partition *p = v->partition;
    u32 offset = port - (u32)p->status_port;
    if (is_proper(v, port, size)) {
        window_write(p->status, &v->status_select, offset, value, p);
    }
}

/* --- records of single things --- */

static bool add_version(const struct partition *p, struct window_session *s)
{
    struct status_version *r = window_record(s, STATUS_VERSION, sizeof(*r));
    if (r != NULL) {
        *r = (struct status_version){.protocol = STATUS_PROTOCOL, .version = CPUID_NESTOR_VERSION,
                                     .features = p->cpuid_features, .reports = STATUS_REPORTS,
                                     .tsc_khz = time_tsc_khz(), .boot_tsc = machine->boot_tsc};
    }
    return r != NULL;
}

static bool add_machine(const struct partition *p, struct window_session *s)
{
    struct status_machine *r = window_record(s, STATUS_MACHINE, sizeof(*r));
    if (r != NULL) {
        struct units_common common = units_get_common();
        bool root = p->config == NULL;
        *r = (struct status_machine){
            .cpus = root ? cpu_count() : p->cpu_total, .units = root ? units_count() : 0,
            .partitions = root ? 1 + machine->partition_count : 1,
            .physical_width = machine->physical_width,
            .flags = (common.nesting ? STATUS_ALL_NEST : 0u) | (common.coherent ? STATUS_ALL_COHERENT : 0u) |
                     (common.interrupts ? STATUS_REMAPS_INTERRUPTS : 0u) |
                     (machine->rule_lifted ? STATUS_RULE_LIFTED : 0u),
            .log_level = machine->log_level, .page_sizes = common.page_sizes};
    }
    return r != NULL;
}

static bool add_memory(const struct partition *p, struct window_session *s)
{
    struct status_memory *r = window_record(s, STATUS_MEMORY, sizeof(*r));
    if (r != NULL) {
        struct pool_counts pool = pool_get_counts();
        *r = (struct status_memory){.base = machine->memory_base, .size = machine->memory_size,
                                    .image = machine->image_size, .pool_pages = pool.pages, .free_pages = pool.free,
                                    .table_pages = domain_table_pages(p->domain), .log_bytes = log_end()};
    }
    return r != NULL;
}

static void fill_guest_unit(struct viommu *v, struct status_unit *r)
{
    struct viommu_registers guest;
    viommu_get_registers(v, &guest);
    r->flags |= STATUS_SHOWN;
    r->guest_cap = guest.cap;
    r->guest_ecap = guest.ecap;
    r->guest_rtaddr = guest.rtaddr;
    r->guest_irta = guest.irta;
    r->guest_gsts = guest.gsts;
    r->guest_fsts = guest.fsts;
}

static bool add_unit(const struct partition *p, struct window_session *s, u32 i)
{
    struct status_unit *r = window_record(s, STATUS_UNIT, sizeof(*r));
    if (r == NULL) {
        return false;
    }
    struct vtd_unit_info info;
    struct vtd_unit_state state;
    struct vtd_fault_counts faults;
    vtd_unit_get_info(units_get(i), &info);
    vtd_unit_get_state(units_get(i), &state);
    vtd_fault_get_counts(units_get(i), &faults);
    *r = (struct status_unit){
        .index = i, .segment = info.segment, .base = info.base.v, .window = info.window_size, .version = info.ver,
        .flags = (info.mode == VTD_MODE_SCALABLE ? STATUS_SCALABLE : 0u) | (info.nesting ? STATUS_NESTING : 0u) |
                 (info.coherent ? STATUS_COHERENT : 0u) | (state.root == VTD_ROOT_GUEST ? STATUS_GUEST_ROOT : 0u),
        .gsts = state.gsts, .fsts = state.fsts, .ss_levels = info.ss_levels, .cap = info.cap, .ecap = info.ecap,
        .rtaddr = state.rtaddr, .irta = state.irta, .faults = faults.seen, .faults_lost = faults.lost,
        .silenced = faults.silenced, .blocked = faults.blocked,
        .second_stage = domain_unit_root(p->domain, units_levels(i, domain_levels(p->domain))).v};
    if (p->viommus[i] != NULL) {
        fill_guest_unit(p->viommus[i], r);
    }
    return true;
}

/* Those that have a CPU of its own now. */
static const struct vcpu *vcpu_of(u32 cpu)
{
    const struct cpu *c = cpu_get(cpu);
    return c != NULL ? c->vcpu : NULL;
}

static u32 count_cpus(const struct partition *p)
{
    u32 n = 0;
    for (u32 i = 0; i < cpu_count(); i++) {
        n += vcpu_of(i) != NULL && vcpu_of(i)->partition == p ? 1 : 0;
    }
    return n;
}

static bool add_partition(const struct partition *p, struct window_session *s)
{
    struct status_partition *r = window_record(s, STATUS_PARTITION, sizeof(*r));
    if (r == NULL) {
        return false;
    }
    *r = (struct status_partition){
        .id = p->id, .state = exit_status_state(p), .cpus = count_cpus(p),
        .in_force = (p->boot_services ? STATUS_BOOT_SERVICES : 0u) | (p->has_viommus ? STATUS_GUEST_UNITS : 0u) |
                    (p->has_interrupts ? STATUS_GUEST_INTERRUPTS : 0u) |
                    ((p->cpuid_features & CPUID_NESTOR_DMA_ISOLATION) != 0 ? STATUS_DMA_ISOLATED : 0u),
        .physical_width = p->physical_width, .gpa_width = p->gpa_width, .levels = domain_levels(p->domain),
        .units_taken = p->units_taken, .eptp = p->eptp, .memory = exit_status_memory(p),
        .protected_bytes = p->config == NULL ? memory_map_protected() : 0, .quota_pages = p->quota.pages,
        .protected_writes = p->protected_writes.count, .own_memory = p->own_memory_hits.count,
        .unmapped = p->unmapped_accesses.count, .unit_accesses = p->refused_accesses.count,
        .msr_reads = p->denied_msrs[0].count, .msr_writes = p->denied_msrs[1].count,
        .unknown_msrs = p->unknown_msrs.count, .strings = p->refused_strings.count, .sleeps = p->refused_sleeps.count,
        .tasks = p->refused_tasks.count, .status_accesses = p->refused_status.count};
    return true;
}

static bool add_cpu(struct window_session *s, u32 i)
{
    struct status_cpu *r = window_record(s, STATUS_CPU, sizeof(*r));
    const struct cpu *c = cpu_get(i);
    if (r != NULL && c != NULL) {
        static const u8 states[] = {[RUN_NOT_ENTERED] = STATUS_CPU_OUTSIDE, [RUN_GUEST] = STATUS_CPU_RUNS,
                                    [RUN_WAIT_SIPI] = STATUS_CPU_WAITS};
        *r = (struct status_cpu){.index = i, .apic_id = c->apic_id, .state = states[c->run & 3],
                                 .partition = c->vcpu->partition->id};
    }
    return r != NULL;
}

static bool add_exits(const struct vcpu *v, struct window_session *s)
{
    struct status_exits *r = window_record(s, STATUS_EXITS, sizeof(*r) + sizeof(v->exits));
    if (r != NULL) {
        r->cpu = v->index;
        r->count = REASON_LIMIT;
        for (u32 i = 0; i < REASON_LIMIT; i++) {
            r->exits[i] = v->exits[i];
        }
    }
    return r != NULL;
}

static bool add_counters(const struct viommu *v, struct window_session *s, u32 unit)
{
    enum { COUNT = sizeof(struct viommu_stats) / sizeof(u64) };
    struct status_counters *r = window_record(s, STATUS_COUNTERS, sizeof(*r) + sizeof(struct viommu_stats));
    if (r != NULL) {
        r->unit = unit;
        r->count = COUNT;
        viommu_get_stats(v, (struct viommu_stats *)(void *)r->counters);
    }
    return r != NULL;
}

static bool add_device(struct window_session *s, u32 type, u32 unit, const struct vtd_device_state *d)
{
    struct status_device *r = window_record(s, type, sizeof(*r));
    if (r != NULL) {
        *r = (struct status_device){.unit = unit, .sid = d->sid, .pasid = d->pasid, .punishment = d->punishment,
                                    .faults = d->faults};
        for (u32 i = 0; i < ARRAY_LEN(r->context); i++) {
            r->context[i] = d->context[i];
        }
        for (u32 i = 0; i < ARRAY_LEN(r->entry); i++) {
            r->entry[i] = d->entry.w[i];
        }
    }
    return r != NULL;
}

/* --- reports: s->position is where the next part goes on --- */

/* Of a list: on with the next, or, when the snapshot is full, this one is where the next snapshot begins. */
static bool next_item(struct window_session *s, bool added)
{
    s->position += added ? 1 : 0;
    s->next = added ? 0 : s->position;
    return !added;
}

static bool report_machine(const struct partition *p, struct window_session *s)
{
    if (s->stage++ == 0 && s->position == 0) {
        bool added = add_version(p, s) && add_machine(p, s) && (p->config != NULL || add_memory(p, s));
        return !added || units_count() == 0;
    }
    return p->config != NULL || s->position >= units_count() || next_item(s, add_unit(p, s, (u32)s->position));
}

static bool report_partition(const struct partition *p, struct window_session *s)
{
    if (s->stage++ == 0 && s->position == 0) {
        return !add_partition(p, s);
    }
    u32 i = (u32)s->position;
    u32 count = cpu_count();
    if (s->position < count) {
        const struct vcpu *v = vcpu_of(i);
        return next_item(s, v == NULL || !exit_status_sees(p, v->partition, STATUS_SEES_NAME) || add_cpu(s, i));
    }
    i -= count;
    if (i < machine->partition_count) {
        const struct partition *other = partition_get(1 + i);
        return next_item(s, !exit_status_sees(p, other, STATUS_SEES_NAME) || exit_status_add_life(p, other, s));
    }
    i -= machine->partition_count;
    if (i < machine->partition_count) {
        const struct partition *other = partition_get(1 + i);
        return next_item(s, other == p || !exit_status_sees(p, other, STATUS_SEES_ALL) || add_partition(other, s));
    }
    i -= machine->partition_count;
    return i >= machine->function_count || next_item(s, exit_status_add_function(p, &machine->functions[i], s));
}

static bool report_exits(const struct partition *p, struct window_session *s)
{
    const struct vcpu *v = s->position < cpu_count() ? vcpu_of((u32)s->position) : NULL;
    return s->position >= cpu_count() ||
           next_item(s, v == NULL || !exit_status_sees(p, v->partition, STATUS_SEES_ALL) || add_exits(v, s));
}

static bool report_units(const struct partition *p, struct window_session *s)
{
    const struct viommu *v = s->position < units_count() ? p->viommus[s->position] : NULL;
    return s->position >= units_count() || next_item(s, v == NULL || add_counters(v, s, (u32)s->position));
}

/* position: unit << 32 | source-id. */
static bool report_devices(const struct partition *p, struct window_session *s)
{
    u32 unit = (u32)(s->position >> 32);
    u32 sid = (u32)s->position;
    struct vtd_device_state d;
    if (unit >= units_count()) {
        return true;
    }
    bool added = true;
    if (sid == 0 && s->stage != unit + 1) {
        s->stage = unit + 1;
        vtd_path_default(units_get(unit), &d);
        added = p->config != NULL || add_device(s, STATUS_DEFAULT, unit, &d);
    } else if (vtd_path_next(units_get(unit), &sid, &d)) {
        bool seen = p->sees_all || partition_sources_has_behind(p, unit, d.sid);
        added = !seen || add_device(s, STATUS_DEVICE, unit, &d);
    }
    s->next = added ? 0 : s->position;
    s->position = !added ? s->position : sid < VTD_SIDS ? (u64)unit << 32 | sid : (u64)(unit + 1) << 32;
    return !added;
}

/* `next` is always where the log goes on. */
static bool report_log(struct window_session *s)
{
    u64 end = log_end();
    struct status_log *r = window_record(s, STATUS_LOG, sizeof(*r) + STATUS_TEXT_PART);
    if (r != NULL) {
        r->bytes = log_read(&s->position, r->text, STATUS_TEXT_PART);
        r->offset = s->position;
        s->position += r->bytes;
    }
    s->next = s->position;
    return r == NULL || s->position >= end;
}

static bool report_previous(struct window_session *s)
{
    const struct handover_left *left = log_left();
    u32 bytes = left->magic == HANDOVER_LEFT_MAGIC && left->told ? left->bytes : 0;
    struct status_log *r =
        s->position < bytes ? window_record(s, STATUS_PREVIOUS, sizeof(*r) + STATUS_TEXT_PART) : NULL;
    if (r != NULL) {
        r->offset = s->position;
        for (; r->bytes < STATUS_TEXT_PART && s->position < bytes; s->position++) {
            r->text[r->bytes++] = left->text[s->position];
        }
    }
    s->next = s->position < bytes ? s->position : 0;
    return r == NULL || s->position >= bytes;
}

static bool report(void *ctx, struct window_session *s)
{
    struct partition *p = ctx;
    bool listed = s->report != STATUS_REPORT_DUMP && s->report != STATUS_REPORT_CONTROL;
    if (s->stage == 0 && listed && s->position == 0) {
        s->position = window_asked(s);
    }
    switch (s->report) {
    case STATUS_REPORT_MACHINE:
        return report_machine(p, s);
    case STATUS_REPORT_PARTITION:
        return report_partition(p, s);
    case STATUS_REPORT_DEVICES:
        return report_devices(p, s);
    case STATUS_REPORT_EXITS:
        return report_exits(p, s);
    case STATUS_REPORT_UNITS:
        return report_units(p, s);
    case STATUS_REPORT_LOG:
        return p->config != NULL || report_log(s);
    case STATUS_REPORT_PREVIOUS:
        return p->config != NULL || report_previous(s);
    case STATUS_REPORT_CONSOLE:
        return exit_status_console(p, s);
    case STATUS_REPORT_CONTROL:
        return exit_status_control(p, s);
    default:
        return exit_status_dump(p, s);
    }
}

/* --- the start --- */

/* Among the eight ports from there on. */
static bool is_taken(const struct handover_partition *config, u32 port)
{
    const u16 others[] = {config->uart_port, config->reset_port, config->sleep_control_port};
    bool taken = false;
    for (u32 i = 0; i < ARRAY_LEN(others); i++) {
        taken = taken || (port != 0 && others[i] - port < STATUS_PORT_BYTES);
    }
    return taken;
}

void exit_status_open(struct partition *p, const struct handover *h)
{
    hpa_t memory;
    machine = h;
    p->sees_all = p->config == NULL && h->status_all;
    bool room = pool_get_counts().free >= partition_get(0)->cpu_pages + PAGES;
    if (p->config != NULL && is_taken(p->config, h->status_port)) {
        port_log(LOG_WARNING, "partition %s has no status window: it has other things at port 0x%x", p->config->name,
                 h->status_port);
        return;
    }
    if (h->status_port == 0 || !room || port_pages_alloc(PAGES, &memory) != OK) {
        return;
    }
    struct window *w = port_hpa_to_ptr(memory);
    w->report = report;
    w->now = tsc_read;
    for (u32 i = 0; i < STATUS_SESSIONS; i++) {
        w->sessions[i].buffer = port_hpa_to_ptr((hpa_t){memory.v + (1 + (u64)i * SNAPSHOT_PAGES) * PAGE_SIZE});
    }
    partition_open_ports(p, h->status_port, STATUS_PORT_BYTES);
    p->status_port = h->status_port;
    p->status = w;
}
