/* SPDX-License-Identifier: BSD-2-Clause */
/* status, devices, exits, counters, log: records in words. */
#include "drivers/format.h"
#include "hv/vmx/reason.h"
#include "iommu/spec/caps.h"
#include "iommu/spec/entries.h"
#include "iommu/spec/regs.h"
#include "iommu/viommu/viommu.h"
#include "tools/nestorctl/ctl.h"
#include "tools/nestorctl/partition.h"
#include "tools/nestorctl/words.h"

/* --- status --- */

static void show_version(struct out *o, const struct status_version *v)
{
    out_begin(o, "nestor", false);
    out_text(o, "version", "%u.%u", v->version >> 16, v->version & 0xffff);
    out_number(o, "protocol", v->protocol);
    out_number(o, "reports", v->reports);
    out_hex(o, "features", v->features);
    out_number(o, "tsc_khz", v->tsc_khz);
    out_end(o);
}

static void show_machine(struct out *o, const struct status_machine *m)
{
    out_begin(o, "machine", false);
    out_number(o, "cpus", m->cpus);
    out_number(o, "units", m->units);
    out_number(o, "partitions", m->partitions);
    out_number(o, "physical_bits", m->physical_width);
    out_flag(o, "all_units_nest", (m->flags & STATUS_ALL_NEST) != 0);
    out_flag(o, "all_units_snoop", (m->flags & STATUS_ALL_COHERENT) != 0);
    out_flag(o, "remaps_interrupts", (m->flags & STATUS_REMAPS_INTERRUPTS) != 0);
    out_flag(o, "read_only_rule", (m->flags & STATUS_RULE_LIFTED) == 0);
    out_hex(o, "page_sizes", m->page_sizes);
    out_end(o);
}

static void show_memory(struct out *o, const struct status_memory *m)
{
    out_begin(o, "memory", false);
    out_hex(o, "base", m->base);
    out_number(o, "kib", m->size >> 10);
    out_number(o, "image_kib", m->image >> 10);
    out_number(o, "pool_pages", m->pool_pages);
    out_number(o, "free_pages", m->free_pages);
    out_number(o, "second_stage_pages", m->table_pages);
    out_number(o, "log_bytes", m->log_bytes);
    out_end(o);
}

static void show_unit(struct out *o, const struct status_unit *u)
{
    char text[VTD_CAPS_TEXT];
    out_begin_numbered(o, "unit", u->index);
    out_number(o, "segment", u->segment);
    out_hex(o, "base", u->base);
    out_text(o, "version", "%u.%u", u->version >> 4 & 15, u->version & 15);
    out_text(o, "mode", "%s", (u->flags & STATUS_SCALABLE) != 0 ? "scalable" : "legacy");
    out_flag(o, "nests", (u->flags & STATUS_NESTING) != 0);
    out_text(o, "root", "%s", (u->flags & STATUS_GUEST_ROOT) != 0 ? "guest" : "second-stage");
    out_hex(o, "gsts", u->gsts);
    out_hex(o, "fsts", u->fsts);
    out_hex(o, "rtaddr", u->rtaddr);
    out_hex(o, "irta", u->irta);
    out_number(o, "faults", u->faults);
    out_number(o, "faults_lost", u->faults_lost);
    out_number(o, "silenced", u->silenced);
    out_number(o, "blocked", u->blocked);
    out_hex(o, "cap", u->cap);
    vtd_cap_text(u->cap, text);
    out_text(o, "cap_text", "%s", text);
    out_hex(o, "ecap", u->ecap);
    vtd_ecap_text(u->ecap, text);
    out_text(o, "ecap_text", "%s", text);
    if ((u->flags & STATUS_SHOWN) != 0) {
        out_flag(o, "guest_translates", (u->guest_gsts & GSTS_TES) != 0);
        out_flag(o, "guest_remaps", (u->guest_gsts & GSTS_IRES) != 0);
        out_hex(o, "guest_gsts", u->guest_gsts);
        out_hex(o, "guest_fsts", u->guest_fsts);
        out_hex(o, "guest_rtaddr", u->guest_rtaddr);
        out_hex(o, "guest_irta", u->guest_irta);
        out_hex(o, "guest_cap", u->guest_cap);
        out_hex(o, "guest_ecap", u->guest_ecap);
    }
    out_end(o);
}

static void show_partition(struct out *o, const struct status_partition *p)
{
    out_begin_numbered(o, "partition", p->id);
    out_text(o, "state", "%s", p->state == STATUS_RUNS ? "runs" : p->state == STATUS_STOPPED ? "stopped" : "unknown");
    out_number(o, "cpus", p->cpus);
    out_number(o, "memory_mib", p->memory >> 20);
    out_number(o, "protected_bytes", p->protected_bytes);
    out_number(o, "physical_bits", p->physical_width);
    out_number(o, "second_stage_bits", p->gpa_width);
    out_number(o, "second_stage_levels", p->levels);
    out_number(o, "units_taken", p->units_taken);
    out_hex(o, "eptp", p->eptp);
    out_flag(o, "dma_isolated", (p->in_force & STATUS_DMA_ISOLATED) != 0);
    out_flag(o, "has_units", (p->in_force & STATUS_GUEST_UNITS) != 0);
    out_flag(o, "has_interrupt_remapping", (p->in_force & STATUS_GUEST_INTERRUPTS) != 0);
    out_flag(o, "boot_services", (p->in_force & STATUS_BOOT_SERVICES) != 0);
    out_number(o, "quota_pages", p->quota_pages);
    out_begin(o, "refused", false);
    out_number(o, "protected_writes", p->protected_writes);
    out_number(o, "nestors_memory", p->own_memory);
    out_number(o, "unmapped", p->unmapped);
    out_number(o, "unit_accesses", p->unit_accesses);
    out_number(o, "msr_reads", p->msr_reads);
    out_number(o, "msr_writes", p->msr_writes);
    out_number(o, "unknown_msrs", p->unknown_msrs);
    out_number(o, "string_io", p->strings);
    out_number(o, "sleeps", p->sleeps);
    out_number(o, "task_switches", p->tasks);
    out_number(o, "status_accesses", p->status_accesses);
    out_end(o);
    out_end(o);
}

static void show_cpu(struct out *o, const struct status_cpu *p)
{
    static const char *const states[] = {"outside", "runs", "waits for a start-up IPI"};
    out_begin_numbered(o, "cpu", p->index);
    out_number(o, "apic_id", p->apic_id);
    out_number(o, "partition", p->partition);
    out_text(o, "state", "%s", p->state < ARRAY_LEN(states) ? states[p->state] : "unknown");
    out_end(o);
}

/* One of a kind, as objects of the report; the others are lists. */
static void visit_single(struct ctl *c, const struct status_record *r, void *to)
{
    union {
        struct status_version version;
        struct status_machine machine;
        struct status_memory memory;
        struct status_partition partition;
    } u;
    (void)to;
    status_client_copy(r, &u, sizeof(u));
    if (r->type == STATUS_VERSION) {
        show_version(&c->out, &u.version);
    } else if (r->type == STATUS_MACHINE) {
        show_machine(&c->out, &u.machine);
    } else if (r->type == STATUS_MEMORY) {
        show_memory(&c->out, &u.memory);
    }
}

static void visit_listed(struct ctl *c, const struct status_record *r, void *to)
{
    const u32 *type = to;
    union {
        struct status_unit unit;
        struct status_partition partition;
        struct status_cpu cpu;
    } u;
    if (r->type != *type) {
        return;
    }
    status_client_copy(r, &u, sizeof(u));
    if (r->type == STATUS_LIFE) {
        partition_show_life(c, r);
    } else if (r->type == STATUS_FUNCTION) {
        partition_show_function(c, r);
    } else if (r->type == STATUS_UNIT) {
        show_unit(&c->out, &u.unit);
    } else if (r->type == STATUS_PARTITION) {
        show_partition(&c->out, &u.partition);
    } else {
        show_cpu(&c->out, &u.cpu);
    }
}

static enum ctl_status list(struct ctl *c, const char *name, u32 report, ctl_visit *visit, void *to)
{
    out_begin(&c->out, c->out.json ? name : "", true);
    enum ctl_status s = ctl_each(c, report, visit, to);
    out_end(&c->out);
    return s;
}

static enum ctl_status list_type(struct ctl *c, const char *name, u32 report, u32 type)
{
    return list(c, name, report, visit_listed, &type);
}

/* A command whose answer is one list. */
static enum ctl_status list_alone(struct ctl *c, const char *name, u32 report, ctl_visit *visit)
{
    out_begin(&c->out, "", false);
    enum ctl_status s = list(c, name, report, visit, NULL);
    out_end(&c->out);
    return s;
}

enum ctl_status ctl_status(struct ctl *c)
{
    out_begin(&c->out, "", false);
    enum ctl_status s = ctl_each(c, STATUS_REPORT_MACHINE, visit_single, NULL);
    s = s == CTL_OK ? list_type(c, "units", STATUS_REPORT_MACHINE, STATUS_UNIT) : s;
    s = s == CTL_OK ? list_type(c, "partitions", STATUS_REPORT_PARTITION, STATUS_PARTITION) : s;
    s = s == CTL_OK ? list_type(c, "cpus", STATUS_REPORT_PARTITION, STATUS_CPU) : s;
    s = s == CTL_OK ? list_type(c, "beside_the_root", STATUS_REPORT_PARTITION, STATUS_LIFE) : s;
    s = s == CTL_OK ? list_type(c, "given_away", STATUS_REPORT_PARTITION, STATUS_FUNCTION) : s;
    out_end(&c->out);
    return s;
}

void ctl_status_at_start(struct ctl *c)
{
    static u8 table[STATUS_TABLE_SNAPSHOT + STATUS_SNAPSHOT];
    size_t bytes = platform_read_table(table, sizeof(table));
    u32 unit = STATUS_UNIT;
    for (size_t i = 0; i < STATUS_SNAPSHOT; i++) {
        c->client.snapshot[i] = i + STATUS_TABLE_SNAPSHOT < bytes ? table[i + STATUS_TABLE_SNAPSHOT] : 0;
    }
    if (!status_client_accept(&c->client, STATUS_REPORT_MACHINE) ||
        bytes < STATUS_TABLE_SNAPSHOT + status_client_header(&c->client)->bytes) {
        return;
    }
    out_begin(&c->out, "", false);
    out_flag(&c->out, "as_at_start", true);
    ctl_visit_all(c, visit_single, NULL);
    out_begin(&c->out, c->out.json ? "units" : "", true);
    ctl_visit_all(c, visit_listed, &unit);
    out_end(&c->out);
    out_end(&c->out);
}

/* --- exits and counters --- */

static void visit_exits(struct ctl *c, const struct status_record *r, void *to)
{
    struct { struct status_exits head; u64 exits[REASON_LIMIT]; } e;
    (void)to;
    if (r->type != STATUS_EXITS) {
        return;
    }
    status_client_copy(r, &e, sizeof(e));
    out_begin_numbered(&c->out, "cpu", e.head.cpu);
    for (u32 i = 0; i < REASON_LIMIT && i < e.head.count; i++) {
        if (e.exits[i] != 0) {
            out_number(&c->out, vmx_reason_texts[i], e.exits[i]);
        }
    }
    out_end(&c->out);
}

enum ctl_status ctl_exits(struct ctl *c)
{
    return list_alone(c, "exits", STATUS_REPORT_EXITS, visit_exits);
}

static void visit_counters(struct ctl *c, const struct status_record *r, void *to)
{
#define COUNTER_NAME(name, text) #name,
    static const char *const names[] = {VIOMMU_COUNTERS(COUNTER_NAME)};
#undef COUNTER_NAME
    struct { struct status_counters head; u64 counters[ARRAY_LEN(names)]; } e;
    (void)to;
    if (r->type != STATUS_COUNTERS) {
        return;
    }
    status_client_copy(r, &e, sizeof(e));
    out_begin_numbered(&c->out, "unit", e.head.unit);
    for (u32 i = 0; i < ARRAY_LEN(names) && i < e.head.count; i++) {
        out_number(&c->out, names[i], e.counters[i]);
    }
    out_end(&c->out);
}

enum ctl_status ctl_counters(struct ctl *c)
{
    return list_alone(c, "guest_units", STATUS_REPORT_UNITS, visit_counters);
}

/* --- log --- */

static void put_text(struct ctl *c, const char *text, u64 bytes)
{
    char line[2] = {0};
    for (u64 i = 0; i < bytes; i++) {
        if (text[i] == '\r') {
            continue;
        }
        line[0] = text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7f) ? text[i] : '?';
        c->out.put(line, 1);
    }
}

void ctl_show_log(struct ctl *c, const struct status_record *r, u64 *expected)
{
    struct { struct status_log head; char text[STATUS_SNAPSHOT]; } e;
    status_client_copy(r, &e, sizeof(e));
    u64 bytes = e.head.bytes <= sizeof(e.text) ? e.head.bytes : 0;
    if (c->out.json) {
        out_begin(&c->out, "", false);
        out_number(&c->out, "offset", e.head.offset);
        e.text[bytes < sizeof(e.text) ? bytes : sizeof(e.text) - 1] = '\0';
        out_text(&c->out, "text", "%s", e.text);
        out_end(&c->out);
    } else {
        if (e.head.offset > *expected && bytes != 0) {
            out_raw(&c->out, "... %llu bytes are gone ...\n", e.head.offset - *expected);
        }
        put_text(c, e.text, bytes);
    }
    *expected = e.head.offset + bytes;
}

static void visit_log(struct ctl *c, const struct status_record *r, void *to)
{
    if (r->type == STATUS_LOG || r->type == STATUS_PREVIOUS) {
        ctl_show_log(c, r, to);
    }
}

static enum ctl_status read_log(struct ctl *c, u32 report, u64 *at)
{
    u64 before;
    do {
        before = *at;
        if (!status_client_take_from(&c->client, report, *at)) {
            return CTL_SILENT;
        }
        ctl_visit_all(c, visit_log, at);
    } while (*at != before);
    return CTL_OK;
}

enum ctl_status ctl_log(struct ctl *c, bool follow, bool previous)
{
    enum { FOLLOW_MS = 500 };
    u64 at = 0;
    u32 report = previous ? STATUS_REPORT_PREVIOUS : STATUS_REPORT_LOG;
    out_begin(&c->out, "", false);
    out_begin(&c->out, c->out.json ? "log" : "", true);
    enum ctl_status s = read_log(c, report, &at);
    while (follow && s == CTL_OK) {
        platform_wait_ms(FOLLOW_MS);
        s = read_log(c, report, &at);
    }
    out_end(&c->out);
    out_end(&c->out);
    if (previous && at == 0 && s == CTL_OK && !c->out.json) {
        out_raw(&c->out, "no earlier start left a log\n");
    }
    return s;
}
