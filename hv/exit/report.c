/* SPDX-License-Identifier: BSD-2-Clause */
/* See report.h. Only counters that are not 0 are printed, several to a line. */
#include "hv/exit/report.h"

#include "drivers/format.h"
#include "hv/exit/exit.h"
#include "hv/machine/units.h"
#include "hv/vmx/reason.h"
#include "iommu/port.h"

enum { LINE = 200, WRAP = 110 };

/* "head: 3 of this, 4 of that", over as many lines as it takes. */
static void print_counts(const char *head, const char *const *texts, const u64 *counts, u32 n)
{
    char line[LINE];
    size_t used = 0;
    for (u32 i = 0; i < n; i++) {
        if (counts[i] != 0) {
            used += format_text(line + used, LINE - used, "%s %llu %s", used != 0 ? "," : "", counts[i],
                                texts[i]);
        }
        if (used > WRAP || (i + 1 == n && used != 0)) {
            port_log(LOG_INFO, "%s:%s", head, line);
            used = 0;
        }
    }
}

static void print_exits(const struct partition *p)
{
    u64 sum[REASON_LIMIT] = {0};
    for (u32 i = 0; i < cpu_count(); i++) {
        const struct cpu *c = cpu_get(i);
        for (u32 k = 0; c != NULL && c->vcpu != NULL && c->vcpu->partition == p && k < REASON_LIMIT; k++) {
            sum[k] += c->vcpu->exits[k];
        }
    }
    print_counts("exits", vmx_reason_texts, sum, REASON_LIMIT);
}

static void print_units(const struct partition *p)
{
#define COUNTER_TEXT(name, text) text,
    static const char *const viommu_texts[] = {VIOMMU_COUNTERS(COUNTER_TEXT)};
#undef COUNTER_TEXT
    static const char *const fault_texts[] = {"seen", "lost", "devices silenced", "devices blocked"};
    _Static_assert(sizeof(struct viommu_stats) == 8 * ARRAY_LEN(viommu_texts),
                   "a text each");
    _Static_assert(sizeof(struct vtd_fault_counts) == 4 * sizeof(u64), "a text each");
    for (u32 i = 0; i < units_count(); i++) {
        struct vtd_fault_counts faults;
        struct viommu_stats stats;
        vtd_fault_get_counts(units_get(i), &faults);
        port_log(LOG_INFO, "unit %u", i);
        print_counts("  faults", fault_texts, &faults.seen, 4);
        if (p->viommus[i] != NULL) {
            viommu_get_stats(p->viommus[i], &stats);
            print_counts("  guest's unit", viommu_texts, &stats.exits, ARRAY_LEN(viommu_texts));
        }
    }
}

static void print_others(void)
{
    static const char *const states[] = {[PARTITION_WAITS] = "not started", [PARTITION_RUNS] = "runs",
                                         [PARTITION_STOPPED] = "stopped"};
    struct partition *p;
    for (u32 i = 1; (p = partition_get(i)) != NULL; i++) {
        bool too_early = p->life.state == PARTITION_WAITS && partition_get(0)->boot_services;
        port_log(LOG_INFO, "partition %s: %s, %u starts, %u ends, %llu faults of its devices", p->config->name,
                 too_early ? "not started, as boot services have not ended" : states[p->life.state], p->life.starts,
                 p->life.ends, partition_sources_faults(p));
        print_exits(p);
    }
}

void exit_report_print(struct partition *p)
{
    port_log(LOG_INFO, "the guest turns the machine off or lets it sleep; so far:");
    for (u32 i = 0; i < units_count(); i++) {
        if (p->viommus[i] != NULL) {
            viommu_report_devices(p->viommus[i]);
        }
    }
    print_exits(p);
    print_units(p);
    print_others();
}

void exit_report_fatal(void)
{
    static bool reported;
    const struct cpu *c = cpu_current();
    if (!reported && c != NULL && c->vcpu != NULL) {
        reported = true;
        print_exits(c->vcpu->partition);
        print_units(c->vcpu->partition);
    }
}
