/* SPDX-License-Identifier: BSD-2-Clause */
/* See device_kit.h. */
#include "tests/support/device_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/device/dma.h"
#include "hv/device/pci.h"
#include "hv/machine/units.h"

enum { BASE = 0x70000000, BYTES = 0x1000 };

static struct model_unit *models[DEVICE_KIT_UNITS];
static struct partition partitions[3];
static struct device devices[HANDOVER_FUNCTIONS];
static struct handover handover;
static struct vtd_dmar dmar;
static bool started;
static u16 last_segment;

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "device_kit: %s\n%s", what, hosted_log());
        abort();
    }
}

struct partition *partition_get(u32 i)
{
    return i < ARRAY_LEN(partitions) ? &partitions[i] : NULL;
}

bool partition_has_targets(const struct partition *p, u32 cluster, u32 mask)
{
    u32 first = p->id == 1 ? DEVICE_KIT_CPU_A : p->id == 2 ? DEVICE_KIT_CPU_B : 0;
    return cluster == first / 16 && (mask & ~(3u << first % 16)) == 0;
}

void pci_lock(void)
{
}

void pci_unlock(void)
{
}

struct device *device_kit_device(u32 i)
{
    return i < handover.function_count ? &devices[i] : NULL;
}

struct partition *device_kit_partition(u32 i)
{
    return &partitions[i];
}

struct vtd_unit *device_kit_unit(u32 i)
{
    return units_get(i);
}

static void add_partition(u32 i, const char *name, u64 memory)
{
    struct handover_partition *config = &handover.partitions[i];
    snprintf(config->name, sizeof(config->name), "%s", name);
    config->spans[0] = (struct partition_span){.gpa = 0, .hpa = memory, .size = DEVICE_KIT_BYTES};
    partitions[1 + i] = (struct partition){.id = 1 + i, .config = config, .spans = config->spans, .span_count = 1};
    memcpy(hosted_memory() + memory, &(u64){memory}, sizeof(u64));
}

static void describe(void)
{
    handover = (struct handover){.partition_count = 2, .function_count = 3};
    handover.functions[0] = (struct handover_function){
        .source_id = DEVICE_KIT_SID_A, .partition = 0, .interrupts = true, .msix = 0x60, .msix_vectors = 4,
        .bars = {{.base = DEVICE_KIT_TABLE_A, .size = PAGE_SIZE}}};
    handover.functions[1] = (struct handover_function){
        .source_id = DEVICE_KIT_SID_B, .partition = 1, .interrupts = true, .msix = 0x60, .msix_vectors = 40,
        .msi = 0x50, .msi_vectors = 2, .msix_table_bar = 2, .msix_table = DEVICE_KIT_TABLE_B & 0xfff,
        .bars = {[2] = {.base = DEVICE_KIT_TABLE_B & ~0xfffull, .size = 2 * PAGE_SIZE}}};
    handover.functions[2] = (struct handover_function){
        .source_id = DEVICE_KIT_SID_MSI, .partition = 0, .interrupts = true, .msi = 0x50, .msi_vectors = 8,
        .msi_wide = true, .msi_masks = true};
    partitions[0] = (struct partition){.has_interrupts = true, .interrupts_apart = true};
    add_partition(0, "a", DEVICE_KIT_A);
    add_partition(1, "b", DEVICE_KIT_B);
    for (u32 i = 0; i < handover.function_count; i++) {
        devices[i] = (struct device){.owner = &partitions[1 + handover.functions[i].partition],
                                     .function = &handover.functions[i]};
    }
    memcpy(hosted_memory() + DEVICE_KIT_ROOT, &(u64){DEVICE_KIT_ROOT}, sizeof(u64));
}

static void take_over(u32 i)
{
    struct vtd_default def;
    check(domain_unit_add(partitions[0].domain, units_get(i), &def) == OK, "default entry");
    def.keep_interrupts = false;
    check(vtd_takeover(units_get(i), &def) == OK && vtd_irt_isolate(units_get(i)) == OK, "take over");
}

static void forget(u32 unit, u32 i)
{
    struct domain *dma = devices[i].owner->dma;
    if (dma != NULL) {
        (void)!domain_detach(dma, units_get(unit), VTD_ROOT_OWN_OFF, handover.functions[i].source_id, VTD_NO_PASID);
    }
}

/* What slabs and domain ids know of the test before is gone with it. */
static void stop(void)
{
    for (u32 i = 0; i < ARRAY_LEN(partitions); i++) {
        if (partitions[i].viommus[0] != NULL) {
            viommu_destroy(partitions[i].viommus[0]);
        }
    }
    for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
        check(vtd_irt_disable(units_get(i)) == OK, "disable");
        for (u32 k = 0; k < handover.function_count; k++) {
            forget(i, k);
        }
        domain_unit_remove(partitions[0].domain, units_get(i));
        check(vtd_takeover_release(units_get(i)) == OK, "release");
        vtd_unit_destroy(units_get(i));
    }
    for (u32 i = 0; i < ARRAY_LEN(partitions); i++) {
        struct domain *d = i == 0 ? partitions[0].domain : partitions[i].dma;
        check(d == NULL || domain_destroy(d) == OK, "a domain is still used");
    }
    started = false;
}

struct handover *device_kit_start(void)
{
    if (started) {
        stop();
    }
    started = true;
    /* Legacy and scalable mode, IR, EIM, nesting. */
    const struct model_config config = {
        .ver = 0x60, .haw = 46, .cap = 1ull << 63 | 1ull << 60 | 3ull << 54 | 1ull << 56 | 18ull << 48 | 3ull << 40 |
                                       1ull << 39 | 3ull << 34 | 0x22ull << 24 | 47ull << 16 | 0xeull << 8 | 6,
        .ecap = 1ull << 49 | 1ull << 48 | 1ull << 47 | 1ull << 46 | 1ull << 43 | 1ull << 40 | 19ull << 35 |
                1ull << 34 | 1ull << 31 | 1ull << 26 | 15ull << 20 | 0xfull << 8 | 1ull << 7 | 1ull << 6 |
                3ull << 3 | 3};
    hosted_reset();
    describe();
    dmar = (struct vtd_dmar){.haw = 46, .unit_count = DEVICE_KIT_UNITS, .intr_remap = true};
    for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
        dmar.units[i].base = (hpa_t){BASE + i * BYTES};
        dmar.units[i].segment = i + 1 == DEVICE_KIT_UNITS ? last_segment : 0;
        models[i] = hosted_add_unit(dmar.units[i].base, &config);
    }
    check(units_probe(&dmar) == OK, "probe");
    const struct units_common common = units_get_common();
    const struct domain_config root = {.levels = 4, .page_sizes = common.page_sizes, .coherent = common.coherent};
    check(domain_create(&root, &partitions[0].domain) == OK &&
          domain_map(partitions[0].domain, (gpa_t){DEVICE_KIT_ROOT}, (hpa_t){DEVICE_KIT_ROOT}, PAGE_SIZE,
                     PROT_READ | PROT_WRITE, MEM_WB) == OK, "the root's memory");
    for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
        take_over(i);
    }
    hosted_clear_log();
    return &handover;
}

void device_kit_set_segment(u16 segment)
{
    last_segment = segment;
}

void device_kit_attach(void)
{
    struct handover *h = device_kit_start();
    check(partition_sources_init(h) == OK && device_dma_create() == OK, "attach");
}

static u64 read_by(struct model_unit *unit, u16 sid, u64 addr)
{
    const struct model_request request = {.sid = sid, .op = MODEL_READ, .addr = addr, .len = sizeof(u64)};
    struct model_outcome outcome;
    u64 value = 0;
    return model_dma(unit, &request, &value, &outcome) ? value : 0;
}

static bool is_roots(u16 sid)
{
    return sid == DEVICE_KIT_SID_ROOT;
}

u64 device_kit_dma(u16 sid, u64 addr)
{
    u64 first = read_by(models[0], sid, addr);
    for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
        for (u32 root = 0; root < 2; root++) {
            check(read_by(models[i], sid, addr) == first || is_roots(sid), "units or roots differ");
            check(vtd_root_select(units_get(i), root == 0 ? VTD_ROOT_GUEST : VTD_ROOT_OFF) == OK, "select");
        }
    }
    return first;
}

u64 device_kit_dma_behind(u32 unit, u16 sid, u64 addr)
{
    return read_by(models[unit], sid, addr);
}

u32 device_kit_message(u16 sid, u64 address, u32 data)
{
    u32 first = 0;
    for (u32 i = 0; i < DEVICE_KIT_UNITS; i++) {
        struct model_interrupt out;
        (void)model_interrupt(models[i], sid, address, data, &out);
        u32 cpu = (u32)(out.addr >> 12 & 0xff) | (u32)(out.addr >> 32 & ~0xffull);
        u32 now = out.sent ? cpu << 8 | (out.data & 0xff) : 0;
        check(i == 0 || now == first, "units differ");
        first = now;
    }
    return first;
}

void device_kit_interrupt(u16 sid, u64 address, u32 data, struct model_interrupt *out)
{
    (void)model_interrupt(models[0], sid, address, data, out);
}
