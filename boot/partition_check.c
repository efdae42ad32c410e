/* SPDX-License-Identifier: BSD-2-Clause */
/* See partition_check.h. */
#include "boot/partition_check.h"

#include "boot/cache.h"
#include "boot/function_check.h"
#include "drivers/format.h"

struct check {
    const struct config *config;
    const struct partition_machine *machine;
    struct config_error *error;
};

enum { CPUS = HANDOVER_PARTITION_CPU_WORDS * 64, EXPECTED = sizeof(((struct config_error *)NULL)->expected) };

static bool refuse(const struct check *c, const struct config_partition *p, const char *key, const char *expected)
{
    config_partition_mistake(p, key, expected, c->error);
    return false;
}

/* Whose it is; NULL: the root's. */
static const struct config_partition *owner_of(const struct config *config, u32 cpu)
{
    for (u32 i = 0; i < config->partition_count; i++) {
        if (partition_has_cpu(config->partitions[i].cpus, cpu)) {
            return &config->partitions[i];
        }
    }
    return NULL;
}

static bool check_cpu(const struct check *c, const struct config_partition *p, u32 cpu)
{
    char text[EXPECTED];
    const struct config_partition *owner = owner_of(c->config, cpu);
    if (cpu == 0) {
        return refuse(c, p, "cpus", "others than CPU 0, which starts the root");
    }
    if (cpu >= c->machine->cpus) {
        format_text(text, sizeof(text), "CPUs of this machine, which has %u", c->machine->cpus);
        return refuse(c, p, "cpus", text);
    }
    if (owner != p) {
        format_text(text, sizeof(text), "others than CPU %u, which partition %s has", cpu, owner->name);
        return refuse(c, p, "cpus", text);
    }
    return true;
}

/* A core's threads share first-level caches and buffers (L1TF, MDS). */
static bool check_core(const struct check *c, const struct config_partition *p, u32 cpu)
{
    char text[EXPECTED];
    const struct partition_machine *m = c->machine;
    for (u32 i = 0; m->apic_ids != NULL && !p->shares_cores && i < m->cpus; i++) {
        bool same_core = m->apic_ids[i] >> m->core_shift == m->apic_ids[cpu] >> m->core_shift;
        if (same_core && !partition_has_cpu(p->cpus, i)) {
            format_text(text, sizeof(text), "whole cores: CPU %u is of the core of CPU %u; or allow-shared-core = yes",
                        i, cpu);
            return refuse(c, p, "cpus", text);
        }
    }
    return true;
}

static bool check_cpus(const struct check *c, const struct config_partition *p)
{
    for (u32 cpu = 0; cpu < CPUS; cpu++) {
        if (partition_has_cpu(p->cpus, cpu) && !(check_cpu(c, p, cpu) && check_core(c, p, cpu))) {
            return false;
        }
    }
    return true;
}

static bool is_free(const struct partition_machine *m, u64 base, u64 size)
{
    u64 at = base;
    for (u32 i = 0; i < m->memory_count && at < base + size; i++) {
        const struct memory_range *r = &m->memory[i];
        at = r->base <= at && at < r->base + r->size ? r->base + r->size : at;
    }
    return at >= base + size;
}

static bool check_memory(const struct check *c, const struct config_partition *p)
{
    char text[EXPECTED];
    if (!p->memory_placed) {
        return true;
    }
    for (const struct config_partition *o = c->config->partitions; o != p; o++) {
        if (o->memory_placed && o->memory_at < p->memory_at + p->memory_size &&
            p->memory_at < o->memory_at + o->memory_size) {
            format_text(text, sizeof(text), "memory that partition %s does not have", o->name);
            return refuse(c, p, "memory", text);
        }
    }
    if (c->machine->memory != NULL && !is_free(c->machine, p->memory_at, p->memory_size)) {
        return refuse(c, p, "memory", "memory of this machine that its firmware left free, or no address");
    }
    return true;
}

static bool check_console(const struct check *c, const struct config_partition *p)
{
    if (p->console != PARTITION_CONSOLE_COM2) {
        return true;
    }
    for (const struct config_partition *o = c->config->partitions; o != p; o++) {
        if (o->console == PARTITION_CONSOLE_COM2) {
            char text[EXPECTED];
            format_text(text, sizeof(text), "virtual or none, as partition %s has COM2", o->name);
            return refuse(c, p, "console", text);
        }
    }
    return c->machine->uart_missing == NULL || refuse(c, p, "console", c->machine->uart_missing);
}

static bool check_cache(const struct check *c, const struct config_partition *p)
{
    char text[EXPECTED];
    const struct partition_machine *m = c->machine;
    if (p->cache_ways == 0) {
        return true;
    }
    for (const struct config_partition *o = c->config->partitions; o != p; o++) {
        if ((o->cache_ways & p->cache_ways) != 0) {
            format_text(text, sizeof(text), "ways that partition %s does not have", o->name);
            return refuse(c, p, "cache", text);
        }
    }
    if (!m->cache_known) {
        return true;
    }
    if (m->cache_ways == 0) {
        return refuse(c, p, "cache", "a CPU that can keep ways of its L3 apart, or no key");
    }
    if (cache_class(c->config, p) >= m->cache_classes) {
        format_text(text, sizeof(text), "the key in %u partitions at most, on this CPU", m->cache_classes - 1);
        return refuse(c, p, "cache", text);
    }
    if ((p->cache_ways & ~cache_all(m->cache_ways)) != 0) {
        format_text(text, sizeof(text), "some of the %u ways that this machine has", m->cache_ways);
        return refuse(c, p, "cache", text);
    }
    if ((p->cache_ways & m->cache_open) != 0) {
        format_text(text, sizeof(text), "ways that CPUs alone fill, not 0x%x", m->cache_open);
        return refuse(c, p, "cache", text);
    }
    if (!cache_is_run(cache_rest(c->config, m->cache_ways))) {
        return refuse(c, p, "cache", "ways that leave the root others, in one run");
    }
    return true;
}

void partition_add_placed(const struct config *config, struct areas *areas)
{
    for (u32 i = 0; i < config->partition_count; i++) {
        const struct config_partition *p = &config->partitions[i];
        areas_add(areas, p->memory_at, p->memory_placed ? p->memory_size : 0);
    }
}

bool partition_check(const struct config *config, const struct partition_machine *machine, struct config_error *error)
{
    const struct check c = {config, machine, error};
    char text[EXPECTED];
    for (u32 i = 0; i < config->partition_count; i++) {
        const struct config_partition *p = &config->partitions[i];
        if (!check_cpus(&c, p) || !check_memory(&c, p) || !check_console(&c, p) || !check_cache(&c, p)) {
            return false;
        }
    }
    if (config->partition_count != 0 && machine->interrupts_missing != NULL &&
        !config->run_without_interrupt_isolation) {
        format_text(text, sizeof(text), "%s, or without-interrupt-isolation = run", machine->interrupts_missing);
        return refuse(&c, &config->partitions[0], "partition", text);
    }
    return function_check_text(config, error);
}

const char *partition_interrupts_missing(const struct machine *m, enum guest_iommu units)
{
    if (!m->cpu.x2apic) {
        return "CPUs with x2APIC mode";
    }
    if (!m->dmar_usable || !m->dmar.intr_remap) {
        return "a DMAR table that offers interrupt remapping";
    }
    for (u32 i = 0; i < m->dmar.unit_count; i++) {
        if (vtd_ecap_get(m->units[i].ecap, VTD_ECAP_IR) == 0 || vtd_ecap_get(m->units[i].ecap, VTD_ECAP_EIM) == 0) {
            return "units that all remap interrupts with 32-bit ids";
        }
    }
    /* Nothing of the root's devices' passes but by entries of its own: it has to have a unit for them. */
    return units == GUEST_IOMMU_NONE ? "remapping units for the root (guest-iommu)" : NULL;
}
