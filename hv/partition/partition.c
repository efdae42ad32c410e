/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of the root partition. See partition.h. */
#include "hv/partition/partition.h"

#include "hv/guest/msr_policy.h"
#include "hv/machine/apic.h"
#include "hv/machine/memory_map.h"
#include "hv/machine/x86.h"
#include "hv/partition/ept.h"
#include "hv/vmx/vmcs.h"
#include "iommu/port.h"

#define HYPERVISOR (1u << 31)

_Static_assert(sizeof(struct partition) <= PAGE_SIZE, "one page each");

void partition_open_ports(struct partition *p, u16 first, u32 count)
{
    u8 *bitmaps = port_hpa_to_ptr(p->io_bitmap);
    for (u32 at = first; at < first + count; at++) {
        bitmaps[at / 8] |= (u8)(1u << at % 8);
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
        msr_policy_fill_bitmap(port_hpa_to_ptr(p->msr_bitmap), partition_starts_cpus(p));
        intercept_sleep(&p->sleep, port_hpa_to_ptr(p->io_bitmap));
    }
    return r;
}

enum result partition_create_root(const struct handover *h, void (*cpu_flush)(void *ctx), struct partition **out)
{
    hpa_t page;
    enum result r = port_pages_alloc(1, &page);
    if (r != OK) {
        return r;
    }
    struct partition *p = port_hpa_to_ptr(page);
    p->hypervisor_bit = h->hypervisor_bit;
    p->guest_iommu = h->guest_iommu;
    p->shadows.pages = p->shadows.left = (u32)(h->shadow_bytes / PAGE_SIZE);
    p->boot_services = true;
    p->physical_width = h->physical_width;
    p->cpu_pages = h->cpu_count * (HANDOVER_CPU_BYTES / PAGE_SIZE);
    if (cpuid(1, 0).ecx & HYPERVISOR) {
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
    p->eptp = domain_cpu_root(p->domain).v | (u64)(domain_levels(p->domain) - 1) << EPTP_LEVELS_SHIFT |
              EPTP_WRITE_BACK;
    *out = p;
    return OK;
}

void partition_destroy(struct partition *p)
{
    if (domain_destroy(p->domain) != OK) {
        port_log(LOG_ERROR, "partition %u: its second stage is still in use", p->id);
    }
}
