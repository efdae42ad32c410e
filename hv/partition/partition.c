/* SPDX-License-Identifier: BSD-2-Clause */
/* Making partitions: the root, and those of the config. See partition.h. */
#include "hv/partition/partition.h"

#include "hv/guest/msr_policy.h"
#include "hv/machine/apic.h"
#include "hv/machine/cpu.h"
#include "hv/machine/memory_map.h"
#include "hv/machine/x86.h"
#include "hv/partition/ept.h"
#include "hv/vmx/vmcs.h"
#include "iommu/port.h"

#define HYPERVISOR (1u << 31)

_Static_assert(sizeof(struct partition) <= PAGE_SIZE, "one page each");

static struct partition *all[1 + HANDOVER_PARTITIONS + 1];
static u32 all_count;

struct partition *partition_get(u32 i)
{
    return all[i];
}

void partition_open_ports(struct partition *p, u16 first, u32 count)
{
    u8 *bitmaps = port_hpa_to_ptr(p->io_bitmap);
    for (u32 at = first; at < first + count; at++) {
        bitmaps[at / 8] |= (u8)(1u << at % 8);
    }
}

/*
 * The machine's UART goes from the root to the partition, whose accesses do not exit; but that to the register which
 * connects its interrupt does (hv/exit/ports.c): the pin is the root's.
 */
static void give_uart(const struct partition *p)
{
    u16 port = p->config->own_uart_port;
    u8 *bitmaps = port_hpa_to_ptr(p->io_bitmap);
    if (port != 0) {
        bitmaps[port / 8] = 1 << UART_MODEM_CONTROL;
        all[0]->given_uart_port = port;
        partition_open_ports(all[0], port, UART_PORTS);
    }
}

static void intercept_sleep(const struct sleep_registers *s, u8 *bitmaps)
{
    for (u32 i = 0; i < s->count; i++) {
        u32 at = (u32)sleep_byte(&s->list[i]) & 0xffff;
        bitmaps[at / 8] |= (u8)(s->list[i].memory ? 0 : 1u << at % 8);
    }
}

/* Memory that a kernel uses has no register in it, whatever the table says; a hole there would only cost it a page. */
static void take_sleep(const struct handover *h, struct sleep_registers *s)
{
    for (u32 i = 0; i < h->sleep_count; i++) {
        const struct sleep_register *r = &h->sleep[i];
        if (r->memory && memory_map_holds(r->address, 1, 1u << RANGE_RAM)) {
            port_log(LOG_WARNING, "a sleep register at 0x%llx, in ordinary memory, is ignored", r->address);
        } else {
            s->list[s->count++] = *r;
        }
    }
}

bool partition_is_sleep_page(const struct partition *p, u64 gpa)
{
    u32 i = 0;
    while (i < p->sleep.count &&
           (!p->sleep.list[i].memory || (sleep_byte(&p->sleep.list[i]) ^ gpa) >> PAGE_SHIFT != 0)) {
        i++;
    }
    return i < p->sleep.count;
}

static enum result create_bitmaps(struct partition *p)
{
    enum result r = port_pages_alloc(1, &p->msr_bitmap);
    if (r == OK) {
        r = port_pages_alloc(2, &p->io_bitmap);
    }
    if (r == OK) {
        msr_policy_fill_bitmap(port_hpa_to_ptr(p->msr_bitmap), partition_starts_cpus(p), p->config == NULL);
        intercept_sleep(&p->sleep, port_hpa_to_ptr(p->io_bitmap));
    }
    return r;
}

static enum result create_cpus(struct icr_cpus *cpus)
{
    hpa_t pages;
    enum result r = port_pages_alloc(CPU_APIC_IDS / 16 * sizeof(u16) / PAGE_SIZE, &pages);
    if (r == OK) {
        cpus->clusters = port_hpa_to_ptr(pages);
    }
    return r;
}

static void add_cpu(struct icr_cpus *cpus, u32 apic_id)
{
    u32 end = apic_id / 16 + 1;
    cpus->clusters[apic_id / 16] |= (u16)(1u << apic_id % 16);
    cpus->end = end > cpus->end ? end : cpus->end;
}

void partition_add_cpu(struct partition *p, u32 apic_id, bool promised)
{
    add_cpu(&p->cpus, apic_id);
    if (!promised) {
        add_cpu(&p->targets, apic_id);
    }
}

/* Another CPU may be sending by the same word. */
void partition_remove_cpu(struct partition *p, u32 apic_id)
{
    __atomic_and_fetch(&p->cpus.clusters[apic_id / 16], (u16)~(1u << apic_id % 16), __ATOMIC_SEQ_CST);
}

bool partition_has_targets(const struct partition *p, u32 cluster, u32 mask)
{
    return cluster < p->targets.end && (mask & ~(u32)p->targets.clusters[cluster]) == 0;
}

static bool has_index(const struct handover_partition *config, u32 index)
{
    return (config->cpus[index / 64] >> index % 64 & 1) != 0;
}

struct partition *partition_of_cpu(u32 index)
{
    for (u32 i = 1; i < all_count; i++) {
        if (has_index(all[i]->config, index)) {
            return all[i];
        }
    }
    return NULL;
}

u32 partition_number_of(const struct partition *p, u32 index)
{
    u32 number = 0;
    for (u32 i = 0; i < index; i++) {
        number += has_index(p->config, i) ? 1 : 0;
    }
    return number;
}

/* What all have. The page is of zeros. */
static enum result create(const struct handover *h, struct partition **out)
{
    hpa_t page;
    enum result r = port_pages_alloc(1, &page);
    if (r != OK) {
        return r;
    }
    struct partition *p = port_hpa_to_ptr(page);
    p->id = all_count;
    p->hypervisor_bit = h->hypervisor_bit;
    p->physical_width = h->physical_width;
    p->shares = p->starts_cpus = h->partition_count != 0;
    p->interrupts_apart = h->interrupts_apart;
    r = create_cpus(&p->cpus);
    *out = p;
    return r == OK ? create_cpus(&p->targets) : r;
}

static void finish(struct partition *p)
{
    p->eptp = domain_cpu_root(p->domain).v | (u64)(domain_levels(p->domain) - 1) << EPTP_LEVELS_SHIFT |
              EPTP_WRITE_BACK;
    all[all_count++] = p;
}

enum result partition_create_root(const struct handover *h, void (*cpu_flush)(void *ctx), struct partition **out)
{
    struct partition *p;
    enum result r = create(h, &p);
    if (r != OK) {
        return r;
    }
    p->guest_iommu = h->guest_iommu;
    p->shadows.pages = p->shadows.left = (u32)(h->shadow_bytes / PAGE_SIZE);
    p->boot_services = true;
    p->cpu_pages = h->cpu_count * (HANDOVER_CPU_BYTES / PAGE_SIZE);
    if (!p->shares && (cpuid(1, 0).ecx & HYPERVISOR)) {
        p->starts_cpus = true;
        p->apic_page = apic_page();
        port_log(LOG_INFO, "a hypervisor is below: Nestor delivers INIT and start-up IPIs, and traps the local APIC");
    }
    take_sleep(h, &p->sleep);
    r = create_bitmaps(p);
    if (r == OK) {
        r = partition_ept_build(p, h, cpu_flush);
    }
    if (r != OK) {
        return r;
    }
    finish(p);
    *out = p;
    return OK;
}

/* What the partition can reach is its own, whatever boot/ has checked. */
static bool is_sound(const struct handover_partition *config)
{
    for (u32 i = 0; i < config->span_count; i++) {
        const struct partition_span *s = &config->spans[i];
        if (((s->gpa | s->hpa | s->size) & PAGE_MASK) != 0 || s->size > config->memory_size ||
            s->hpa - config->memory_base > config->memory_size - s->size) {
            return false;
        }
    }
    for (u32 i = 0; i < config->load_count; i++) {
        const struct partition_load *l = &config->loads[i];
        if (!span_holds(config->spans, config->span_count, (gpa_t){l->gpa}, l->size) ||
            l->size > config->store_size || l->from - config->store_base > config->store_size - l->size) {
            return false;
        }
    }
    return config->span_count != 0 && memory_map_take(config->memory_base, config->memory_size) &&
           (config->store_size == 0 || memory_map_take(config->store_base, config->store_size));
}

static enum result create_console(struct partition *p)
{
    hpa_t pages;
    enum result r = p->config->uart_port != 0 ? port_pages_alloc(PARTITION_RING / PAGE_SIZE, &pages) : OK;
    if (r == OK && p->config->uart_port != 0) {
        p->console.ring = port_hpa_to_ptr(pages);
    }
    return r;
}

enum result partition_create(const struct handover *h, const struct handover_partition *config,
                             void (*cpu_flush)(void *ctx))
{
    struct partition *p;
    if (!is_sound(config)) {
        port_log(LOG_ERROR, "partition %s: its memory is not as it should be", config->name);
        return ERR_INVALID;
    }
    enum result r = create(h, &p);
    if (r != OK) {
        return r;
    }
    p->config = config;
    p->spans = config->spans;
    p->span_count = config->span_count;
    p->guest_iommu = GUEST_IOMMU_NONE;
    p->cpu_total = partition_number_of(p, CPU_MAX);
    r = create_bitmaps(p);
    if (r != OK) {
        return r;
    }
    __builtin_memset(port_hpa_to_ptr(p->io_bitmap), 0xff, 2 * PAGE_SIZE);
    give_uart(p);
    r = create_console(p);
    if (r == OK) {
        r = partition_ept_build_spans(p, h, cpu_flush);
    }
    if (r == OK) {
        finish(p);
    }
    return r;
}

void partition_destroy(struct partition *p)
{
    if (domain_destroy(p->domain) != OK) {
        port_log(LOG_ERROR, "partition %u: its second stage is still in use", p->id);
    }
}
