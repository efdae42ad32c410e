/* SPDX-License-Identifier: BSD-2-Clause */
/* Creation, reset and destruction of a unit; counters and their dump. */
#include "tests/model/model_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static size_t register_bytes(const struct model_config *config)
{
    size_t records = (size_t)(field(config->cap, 33, 24) + field(config->cap, 47, 40) + 1) * 16;
    size_t iotlb = (size_t)field(config->ecap, 17, 8) * 16 + 16;
    size_t end = records > iotlb ? records : iotlb;
    end = end > PAGE ? end : PAGE;
    return (end + PAGE_OFFSET) & ~(size_t)PAGE_OFFSET;
}

struct model_unit *model_create(const struct model_config *config, const struct model_ops *ops)
{
    struct model_unit *unit = calloc(1, sizeof(*unit));
    if (unit == NULL) {
        abort();
    }
    unit->config = *config;
    unit->ops = *ops;
    unit->reg_bytes = register_bytes(config);
    unit->regs = calloc(1, unit->reg_bytes);
    if (unit->regs == NULL) {
        abort();
    }
    regs_reset(unit);
    return unit;
}

void model_destroy(struct model_unit *unit)
{
    if (unit == NULL) {
        return;
    }
    cache_free(&unit->contexts);
    cache_free(&unit->pasids);
    cache_free(&unit->iotlb);
    cache_free(&unit->fs);
    cache_free(&unit->ss);
    cache_free(&unit->irtes);
    interrupts_drop(unit);
    cache_free(&unit->sids);
    free(unit->regs);
    free(unit);
}

void model_reset(struct model_unit *unit)
{
    invalidate_all(unit);
    invalidate_interrupts_global(unit);
    interrupts_drop(unit);
    unit->root = 0;
    unit->irta = 0;
    unit->fault_index = 0;
    unit->gcmd_is_pending = false;
    unit->faults = (struct model_faults){0};
    regs_reset(unit);
}

void model_set_device_ops(struct model_unit *unit, const struct model_device_ops *ops)
{
    unit->device_ops = *ops;
}

void model_set_faults(struct model_unit *unit, const struct model_faults *faults)
{
    unit->faults = *faults;
    if (!faults->interrupts_in_flight) {
        interrupts_release(unit);
    }
}

const struct model_faults *model_get_faults(const struct model_unit *unit)
{
    return &unit->faults;
}

/* --- counters --- */

struct sid_stats *sid_find(struct model_unit *unit, uint16_t sid)
{
    struct sid_stats *stats = (struct sid_stats *)cache_find(&unit->sids, sid, 0);
    if (stats == NULL) {
        stats = calloc(1, sizeof(*stats));
        if (stats == NULL) {
            abort();
        }
        stats->node.k1 = sid;
        cache_insert(&unit->sids, &stats->node);
    }
    return stats;
}

const struct model_counters *model_counters(struct model_unit *unit)
{
    unit->counters.iotlb_entries = unit->iotlb.count;
    unit->counters.context_entries = unit->contexts.count;
    unit->counters.pasid_entries = unit->pasids.count;
    unit->counters.fs_entries = unit->fs.count;
    unit->counters.ss_entries = unit->ss.count;
    unit->counters.irte_entries = unit->irtes.count;
    return &unit->counters;
}

void model_counters_clear(struct model_unit *unit)
{
    unit->counters = (struct model_counters){0};
    cache_clear(&unit->sids);
}

uint64_t model_sid_pages(const struct model_unit *unit, uint16_t sid, enum model_kind kind)
{
    const struct sid_stats *stats =
        (const struct sid_stats *)cache_find(&unit->sids, sid, 0);
    return stats == NULL ? 0 : stats->pages[kind];
}

uint64_t model_sid_faults(const struct model_unit *unit, uint16_t sid)
{
    const struct sid_stats *stats =
        (const struct sid_stats *)cache_find(&unit->sids, sid, 0);
    return stats == NULL ? 0 : stats->faults;
}

static void dump_value(FILE *out, const char *name, uint64_t value)
{
    fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void dump_sids(const struct model_unit *unit, FILE *out)
{
    for (unsigned sid = 0; sid < 0x10000; sid++) {
        const struct sid_stats *stats =
            (const struct sid_stats *)cache_find(&unit->sids, sid, 0);
        if (stats == NULL) {
            continue;
        }
        fprintf(out, "sid %02x:%02x.%x faults=%" PRIu64, sid >> 8, (sid >> 3) & 0x1f, sid & 7,
                stats->faults);
        for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
            if (stats->pages[kind] != 0) {
                fprintf(out, " %s=%" PRIu64, model_kind_name((enum model_kind)kind),
                        stats->pages[kind]);
            }
        }
        fputc('\n', out);
    }
}

void model_dump(struct model_unit *unit, FILE *out)
{
    const struct model_counters *c = model_counters(unit);
    for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
        fprintf(out, "pages.%s %" PRIu64 "\n", model_kind_name((enum model_kind)kind),
                c->pages[kind]);
    }
    dump_value(out, "bytes.read", c->bytes_read);
    dump_value(out, "bytes.written", c->bytes_written);
    dump_value(out, "faults", c->faults);
    dump_value(out, "faults.suppressed", c->faults_suppressed);
    dump_value(out, "faults.merged", c->faults_merged);
    dump_value(out, "faults.lost", c->faults_lost);
    for (unsigned reason = 0; reason < 256; reason++) {
        if (c->by_reason[reason] != 0) {
            fprintf(out, "reason.%02x %" PRIu64 "\n", reason, c->by_reason[reason]);
        }
    }
    for (unsigned type = 1; type < MODEL_DESC_TYPES; type++) {
        fprintf(out, "descriptors.%u %" PRIu64 "\n", type, c->descriptors[type]);
    }
    dump_value(out, "descriptors.bad", c->descriptors_bad);
    dump_value(out, "erratum.writes", c->erratum_writes);
    dump_value(out, "iotlb.hits", c->iotlb_hits);
    dump_value(out, "iotlb.misses", c->iotlb_misses);
    dump_value(out, "iotlb.entries", c->iotlb_entries);
    dump_value(out, "context.entries", c->context_entries);
    dump_value(out, "pasid.entries", c->pasid_entries);
    dump_value(out, "first-stage.entries", c->fs_entries);
    dump_value(out, "second-stage.entries", c->ss_entries);
    dump_value(out, "walk.reads", c->walk_reads);
    dump_value(out, "walk.updates", c->ad_updates);
    dump_value(out, "interrupts", c->interrupts);
    dump_value(out, "interrupts.compatibility", c->interrupts_compatibility);
    dump_value(out, "interrupts.remapped", c->interrupts_remapped);
    dump_value(out, "interrupts.posted", c->interrupts_posted);
    dump_value(out, "interrupts.refused", c->interrupts_refused);
    dump_value(out, "irte.hits", c->irte_hits);
    dump_value(out, "irte.entries", c->irte_entries);
    dump_value(out, "eime.changed-live", c->eime_changed_live);
    dump_value(out, "page.requests", c->page_requests);
    dump_sids(unit, out);
}
