/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens, in order: prepare once, enter on every CPU, or abandon. */
#include "hv/main.h"

#include "drivers/format.h"
#include "hv/device/device.h"
#include "hv/device/reset.h"
#include "hv/device/dma.h"
#include "hv/device/interrupts.h"
#include "hv/exit/exit.h"
#include "hv/machine/apic.h"
#include "hv/machine/cpu.h"
#include "hv/machine/log.h"
#include "hv/machine/memory_map.h"
#include "hv/machine/paging.h"
#include "hv/machine/pool.h"
#include "hv/machine/port.h"
#include "hv/machine/tables.h"
#include "hv/machine/time.h"
#include "hv/machine/units.h"
#include "hv/partition/partition.h"
#include "hv/vcpu/kick.h"
#include "hv/vcpu/nmi.h"
#include "hv/vcpu/panic.h"
#include "hv/vcpu/park.h"
#include "hv/vcpu/vmcs_setup.h"
#include "hv/vmx/reason.h"
#include "hv/vmx/vmx.h"
#include "iommu/port.h"

static struct partition *root;

/* The line that said why was printed where the error was born; the firmware's console gets this one. */
static enum result refuse(struct handover *h, enum result r, const char *step)
{
    h->result = (u32)r;
    (void)format_text(h->reason, sizeof(h->reason), "%s: %s", step, result_text(r));
    return r;
}

/* A unit that does not go off reads tables: then nothing is given back, neither here nor by nestor.efi. */
static void release_units(struct handover *h)
{
    h->keep_memory = partition_dma_release(root) ? 0 : 1;
}

static enum result take_units(struct handover *h)
{
    static const struct guest_ops messages = {.interrupts_changed = interrupts_changed,
                                              .interrupt_index = interrupts_index};
    enum result r = partition_dma_take_over(root, h->memory_base, h->memory_size);
    if (r != OK) {
        return refuse(h, r, "taking the remapping units over");
    }
    if (units_count() != 0 && h->guest_iommu != GUEST_IOMMU_NONE) {
        r = partition_dma_show_units(root);
        if (r != OK) {
            return refuse(h, r, "giving the guest a remapping unit");
        }
    }
    r = device_dma_create();
    r = r == OK ? partition_dma_show_to_owners(&messages) : r;
    if (r != OK) {
        return refuse(h, r, "keeping functions to their partitions");
    }
    h->offer_viommu = root->has_viommus;
    h->offer_interrupts = root->has_interrupts;
    return OK;
}

static void report(void)
{
    static const char *const kinds[] = {[GUEST_IOMMU_NESTED] = "nesting for the guest",
                                        [GUEST_IOMMU_SHADOW] = "shadows for the guest",
                                        [GUEST_IOMMU_NONE] = "no unit for the guest"};
    struct pool_counts pool = pool_get_counts();
    struct units_common common = units_get_common();
    port_log(LOG_INFO, "%u units, %s second stage, %s; %u pages of tables, %llu of %llu pages free",
             units_count(), common.coherent ? "snooped" : "flushed",
             kinds[root->has_viommus ? root->guest_iommu : GUEST_IOMMU_NONE],
             domain_table_pages(root->domain), pool.free, pool.pages);
}

static enum result prepare(struct handover *h)
{
    port_init(h->direct_map);
    log_init(h);
    time_init(h->tsc_khz);
    pool_init((hpa_t){h->pool_base}, h->pool_size);
    memory_map_init(h);
    panic_init(h->fatal, exit_report_fatal);
    enum result r = vmx_check(BOOT_CPU);
    if (r != OK) {
        return refuse(h, r, "VMX");
    }
    r = paging_create(h->page_table, h->narrow_host);
    if (r != OK) {
        return refuse(h, r, "making page tables");
    }
    r = units_probe(h->dmar_present ? &h->dmar : NULL);
    r = r == OK ? units_limit(h->limits, h->limit_count) : r;
    if (r != OK) {
        return refuse(h, r, "looking at the remapping units");
    }
    r = partition_create_root(h, kick_invalidate, &root);
    if (r != OK) {
        return refuse(h, r, "building the second stage");
    }
    for (u32 i = 0; i < h->partition_count && r == OK; i++) {
        r = partition_create(h, &h->partitions[i], kick_invalidate);
    }
    r = r == OK ? device_create(h) : r;
    if (r == OK) {
        reset_init();
    }
    r = r == OK ? partition_sources_init(h) : r;
    if (r != OK) {
        return refuse(h, r, "making the partitions of the config");
    }
    r = take_units(h);
    if (r != OK) {
        release_units(h);
        if (h->keep_memory == 0) {
            partition_destroy(root);
        }
        return r;
    }
    for (u32 i = 0; partition_get(i) != NULL; i++) {
        exit_status_open(partition_get(i), h);
    }
    report();
    return OK;
}

/* Returns only when the guest was not entered. */
static enum result launch(struct handover *h, struct cpu *c)
{
    struct cpu *starting = cpu_current();
    tables_use(c);
    __atomic_add_fetch(&h->cpus_entered, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&c->run, RUN_GUEST, __ATOMIC_SEQ_CST);
    nmi_begin(c->vcpu, starting);
    u32 how = vmx_launch(&c->launch_rsp);
    __atomic_store_n(&c->run, RUN_NOT_ENTERED, __ATOMIC_SEQ_CST);
    __atomic_sub_fetch(&h->cpus_entered, 1, __ATOMIC_RELAXED);
    if (how == 1) {
        port_log(LOG_ERROR, "CPU %u: VMLAUNCH refused, VM-instruction error %llu", c->index,
                 vmcs_read(VMCS_INSTRUCTION_ERROR));
    } else {
        port_log(LOG_ERROR, "CPU %u: %s, qualification 0x%llx", c->index, vmx_reason_text(c->launch_reason),
                 c->launch_qualification);
    }
    tables_use(starting); /* an NMI of Nestor's that is still on its way is not answered by INVEPT any more */
    vmx_off(c);
    return ERR_UNSUPPORTED;
}

/* That of the root, and if the CPU is going to be another partition's, the one for then. */
static enum result give_vcpus(struct cpu *c)
{
    struct partition *later = partition_of_cpu(c->index);
    enum result r = OK;
    if (root->shares && !apic_enter_x2apic()) {
        port_log(LOG_ERROR, "CPU %u: no x2APIC mode, which partitions need", c->index);
        return ERR_UNSUPPORTED;
    }
    if (later != NULL) {
        partition_add_cpu(later, c->apic_id, false);
        r = vcpu_create(later, c, partition_number_of(later, c->index), &c->next);
    }
    partition_add_cpu(root, c->apic_id, later != NULL);
    return r == OK ? vcpu_create(root, c, c->index, &c->vcpu) : r;
}

static enum result enter(struct handover *h, u32 index, const struct tables_firmware *firmware,
                         const struct handover_resume *resume)
{
    struct cpu *c;
    enum result r = cpu_create(index, &c);
    if (r != OK) {
        return r;
    }
    r = give_vcpus(c);
    if (r == OK) {
        r = vmx_on(c);
    }
    if (r != OK) {
        return r;
    }
    struct vcpu *v = c->vcpu;
    r = vmx_vmcs_load(v->vmcs);
    if (r != OK) {
        vmx_off(c);
        return r;
    }
    vmcs_setup(v, firmware, resume);
    return launch(h, c);
}

u64 hv_prepare(struct handover *h)
{
    struct tables_firmware firmware;
    cpu_build_idt();
    tables_enter(&firmware, BOOT_CPU, h->direct_map);
    enum result r = prepare(h);
    tables_leave(&firmware);
    return r;
}

u64 hv_enter(struct handover *h, u64 cpu_index, const struct handover_resume *resume)
{
    struct tables_firmware firmware;
    tables_enter(&firmware, (u32)cpu_index, h->direct_map);
    enum result r = vmx_check((u32)cpu_index);
    if (r == OK) {
        r = enter(h, (u32)cpu_index, &firmware, resume);
    }
    r = refuse(h, r, "entering VMX non-root mode");
    tables_leave(&firmware);
    return r;
}

u64 hv_abandon(struct handover *h)
{
    struct tables_firmware firmware;
    tables_enter(&firmware, BOOT_CPU, h->direct_map);
    bool parked = park_all();
    cpu_forget_all();
    release_units(h);
    h->keep_memory |= !parked;
    tables_leave(&firmware);
    return OK;
}
