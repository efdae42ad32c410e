/* SPDX-License-Identifier: BSD-2-Clause */
/* See other.h. */
#include "tests/fuzz/other.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/device/device.h"
#include "iommu/domain/domain.h"
#include "iommu/viommu/viommu.h"
#include "tests/fuzz/world.h"
#include "tests/support/one_unit.h"

enum { BYTES = WORLD_PAGES * PAGE_SIZE, UNIT_BYTES = 1 << 16 };

static struct domain *memory;
static struct vtd_owner owner = {.sid = OTHER_SID, .name = "other"};
static const u16 sids[] = {OTHER_SID};
static const struct handover_partition config = {.name = "other"};
static const struct handover_function function = {.source_id = OTHER_SID, .interrupts = true, .msix = 0x60,
                                                  .msix_vectors = OTHER_MESSAGES};
static struct partition partition = {.id = 1, .config = &config, .has_viommus = true};
static u64 status_at;      /* within partition.viommus[0], 0: not seen yet */
static struct msix_entry entries[OTHER_MESSAGES];
static struct device device = {.owner = &partition, .function = &function,
                               .interrupts = {.first = OTHER_FIRST, .msix = entries}};

/* --- what hv/device/interrupts.c asks --- */

struct device *device_get(u32 i)
{
    return i == 0 ? &device : NULL;
}

bool partition_has_targets(const struct partition *p, u32 cluster, u32 mask)
{
    (void)p;
    bool all = mask != 0;
    for (u32 bit = 0; bit < 16; bit++) {
        all = all && ((mask >> bit & 1) == 0 || other_has_cpu(cluster * 16 + bit));
    }
    return all;
}

/* --- the guest --- */

bool other_has_cpu(u32 apic_id)
{
    return apic_id == 5 || apic_id == 6 || apic_id == 20;
}

bool other_is_memory(u64 hpa, u64 len)
{
    return hpa >= OTHER_HPA && hpa < OTHER_HPA + BYTES && len <= OTHER_HPA + BYTES - hpa;
}

static bool is_ram(u64 gpa, size_t len)
{
    return len != 0 && gpa >= WORLD_GPA && gpa < WORLD_GPA + BYTES && len <= WORLD_GPA + BYTES - gpa;
}

static bool guest_read(void *ctx, gpa_t gpa, void *to, size_t len)
{
    (void)ctx;
    bool ram = is_ram(gpa.v, len);
    if (ram) {
        memcpy(to, hosted_memory() + gpa.v - WORLD_GPA + OTHER_HPA, len);
    }
    return ram;
}

static bool guest_ram(void *ctx, gpa_t gpa, size_t len, hpa_t *out)
{
    (void)ctx;
    out->v = gpa.v - WORLD_GPA + OTHER_HPA;
    return is_ram(gpa.v, len);
}

static void guest_interrupt(void *ctx, u64 addr, u32 data)
{
    (void)ctx;
    bool logical = (addr & 4) != 0;
    if ((u32)addr >> 20 != 0xfee || (data >> 8 & 7) > 1 || (!logical && !other_has_cpu((u32)(addr >> 12 & 0xff) |
                                                                                       (u32)(addr >> 32)))) {
        fprintf(stderr, "the other's message to %llx, data %x\n", addr, data);
        abort();
    }
}

static bool guest_has_cpus(void *ctx, u32 cluster, u32 mask)
{
    return cluster != GUEST_ALL_CPUS && partition_has_targets(ctx, cluster, mask);
}

static bool guest_has_sources(void *ctx, u16 first, u16 last)
{
    (void)ctx;
    return first == OTHER_SID && last == OTHER_SID;
}

static const struct guest_ops ops = {.read = guest_read, .ram = guest_ram, .interrupt = guest_interrupt,
                                     .has_cpus = guest_has_cpus, .has_sources = guest_has_sources,
                                     .interrupts_changed = interrupts_changed, .interrupt_index = interrupts_index};

static void must_be(enum result r, const char *what)
{
    if (r != OK) {
        fprintf(stderr, "the other partition: %s\n%s", what, hosted_log());
        abort();
    }
}

void other_power_on(void)
{
    static const struct vtd_context plain = {.pasids = 0};
    struct vtd_unit_info info;
    vtd_unit_get_info(host_unit(), &info);
    const struct domain_config second = {.levels = 4, .page_sizes = info.ss_page_sizes, .coherent = info.coherent,
                                         .partition = 1};
    must_be(domain_create(&second, &memory), "domain");
    must_be(domain_map(memory, (gpa_t){0}, (hpa_t){OTHER_HPA}, PAGE_SIZE, PROT_READ | PROT_WRITE, MEM_WB), "low page");
    must_be(domain_map(memory, (gpa_t){WORLD_GPA}, (hpa_t){OTHER_HPA}, BYTES, PROT_READ | PROT_WRITE, MEM_WB), "pages");
    must_be(vtd_own_add(host_unit(), OTHER_SID), "source-id");
    must_be(vtd_device_open(host_unit(), VTD_ROOT_OWN_OFF, OTHER_SID, &plain), "context");
    must_be(domain_attach(memory, host_unit(), VTD_ROOT_OWN_OFF, OTHER_SID, VTD_NO_PASID), "device");
    must_be(vtd_own_block(host_unit(), OTHER_SID, false), "its way");
    owner.keeper = host_unit();
    vtd_fault_set_owners(host_unit(), &owner, 1);
}

struct viommu *other_begin(void)
{
    const struct viommu_config own = {.unit = host_unit(), .parent = memory, .ops = &ops, .ctx = &partition,
                                      .partition = 1, .gpa_width = 48, .sids = sids, .sid_count = ARRAY_LEN(sids),
                                      .max_bindings = 12, .max_table_pages = 64, .interrupts = true};
    memset(hosted_memory() + OTHER_HPA, 0, BYTES);
    memset(entries, 0, sizeof(entries));
    status_at = 0;
    must_be(viommu_create(&own, &partition.viommus[0]), "unit");
    interrupts_begin(&device);
    return partition.viommus[0];
}

void other_end(void)
{
    interrupts_end(&device);
    viommu_destroy(partition.viommus[0]);
    partition.viommus[0] = NULL;
}

void other_reset(void)
{
    interrupts_end(&device);
    (void)viommu_reset(partition.viommus[0]);
    memset(entries, 0, sizeof(entries));
    interrupts_begin(&device);
}

void other_message(u32 number, u64 address, u32 data)
{
    struct msix_entry *e = &entries[number % OTHER_MESSAGES];
    *e = (struct msix_entry){{(u32)address & ~3u, (u32)(address >> 32), data, 0}};
    const struct message m = msix_table_message(e);
    spin_lock(&device.interrupts.lock);
    interrupts_point(&device, number % OTHER_MESSAGES, &m);
    spin_unlock(&device.interrupts.lock);
}

hpa_t other_root(void)
{
    return domain_unit_root(memory, domain_levels(memory));
}

/* Where in the unit's own memory it is, is its own affair: but it is one place. */
bool other_owns_status(u64 addr)
{
    const u8 *unit = (const u8 *)(const void *)partition.viommus[0];
    u64 distance = addr - (u64)(unit - hosted_memory());
    if (unit != NULL && status_at == 0 && distance < UNIT_BYTES) {
        status_at = addr;
    }
    return unit != NULL && addr == status_at;
}
