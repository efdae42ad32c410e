/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition's own unit for device_kit.h, as hv/partition/dma.c makes it. */
#include "tests/support/device_kit.h"

#include <stdlib.h>
#include <string.h>

#include "hv/device/dma.h"
#include "hv/device/interrupts.h"

static bool is_ram(const struct partition *p, u64 gpa, size_t len)
{
    return gpa < p->spans[0].size && len <= p->spans[0].size - gpa;
}

static bool guest_read(void *ctx, gpa_t gpa, void *to, size_t len)
{
    const struct partition *p = ctx;
    bool ram = is_ram(p, gpa.v, len);
    if (ram) {
        memcpy(to, hosted_memory() + p->spans[0].hpa + gpa.v, len);
    }
    return ram;
}

static bool guest_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    const struct partition *p = ctx;
    out->v = p->spans[0].hpa + gpa.v;
    return is_ram(p, gpa.v, len);
}

static void guest_interrupt(void *ctx, u64 addr, u32 data)
{
    (void)ctx;
    (void)addr;
    (void)data;
}

static bool guest_has_cpus(void *ctx, u32 cluster, u32 mask)
{
    return cluster != GUEST_ALL_CPUS && partition_has_targets(ctx, cluster, mask);
}

static bool guest_has_sources(void *ctx, u16 first, u16 last)
{
    return partition_sources_has(ctx, first, last);
}

static const struct guest_ops ops = {.read = guest_read, .ram = guest_ram, .interrupt = guest_interrupt,
                                     .has_cpus = guest_has_cpus, .has_sources = guest_has_sources,
                                     .interrupts_changed = interrupts_changed, .interrupt_index = interrupts_index};

static void attach(u32 partition)
{
    static u16 sids[3][HANDOVER_FUNCTIONS];
    struct partition *p = device_kit_partition(partition);
    const struct viommu_config config = {
        .unit = device_kit_unit(0), .parent = p->dma, .ops = &ops, .ctx = p, .partition = p->id, .gpa_width = 39,
        .sids = sids[partition], .sid_count = partition_sources_behind(p, 0, sids[partition]), .interrupts = true};
    if (viommu_create(&config, &p->viommus[0]) != OK) {
        abort();
    }
    p->has_viommus = true;
}

void device_kit_attach_units(void)
{
    struct handover *h = device_kit_start();
    h->partitions[0].nested_units = h->partitions[1].nested_units = true;
    if (partition_sources_init(h) != OK || device_dma_create() != OK) {
        abort();
    }
    attach(1);
    attach(2);
}
